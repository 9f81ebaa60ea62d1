// Arrays of token ids: rows of a matrix, stretches between one id, or the whole; and data sets of Megatron, where an index says
// which bytes of a second file are a document.
// Tested by tests/verify/corpus/arrays_test.cc, tests/fuzz/fuzz_corpus_npy.cc, tests/fuzz/fuzz_corpus_megatron.cc.
#include "verify/corpus/array_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "verify/corpus/stream_reader.h"
#include "verify/corpus/token_array.h"
#include "verify/file.h"

namespace verdigris::verify {
namespace {

constexpr uint64_t kBytesInUnits = 4;  // what a token counts towards --unit-bytes, whatever its type (C3)

uint64_t SegmentsOfTokens(uint64_t tokens, const ReadOptions& options) {
  return tokens == 0 ? 1 : SegmentOfPlace(tokens - 1, options, kBytesInUnits) + 1;
}

class ArrayReader : public StreamReader {
 public:
  struct Shape {
    TokenLayout layout;
    std::optional<uint64_t> tokens;  // as the head states
    uint64_t columns = 0;            // of a matrix; 0: none
    int64_t eos = -1;
    std::string_view fault;          // where the array is not as stated
    uint64_t begin = 0;              // byte of token 0
  };

  ArrayReader(ByteWindow window, const ReadOptions& options, uint64_t first, uint64_t end, const Shape& shape)
      : StreamReader(std::move(window), options, first, end, kBytesInUnits), shape_(shape), width_(shape.layout.bytes()) {}

  // The window begins with the token before the first segment that is read.
  Result<void> PassStretch() {
    while (place() < end_place()) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.Has(width_));
      if (!more) return {};
      const size_t there = Tokens();
      const size_t found = FindToken(shape_.layout, window_.view().data(), there, shape_.eos);
      window_.Drop(std::min(found + 1, there) * width_);
      if (found < there) return {};
    }
    return {};
  }

 private:
  uint64_t place() const override { return (window_.offset() - shape_.begin) / width_; }

  // Whole tokens in the window, as far as the array goes.
  size_t Tokens() const {
    const uint64_t there = window_.view().size() / width_;
    return static_cast<size_t>(shape_.tokens ? std::min(there, *shape_.tokens - std::min(place(), *shape_.tokens)) : there);
  }

  Result<bool> Skip() override {
    window_.Drop(std::exchange(taken_, 0) * width_);
    for (;;) {
      const bool at_end = shape_.tokens && place() >= *shape_.tokens;
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.Has(at_end ? 1 : width_));
      if (at_end || !more) {
        // Bytes behind the array, a part of a token, or fewer tokens than stated.
        if (at_end ? more : (!window_.view().empty() || shape_.tokens)) broken_by_ = shape_.fault;
        return false;
      }
      if (place() >= end_place() || shape_.eos < 0 || FindToken(shape_.layout, window_.view().data(), 1, shape_.eos) == 1) return true;
      window_.Drop(width_);
    }
  }

  Result<Step> Take(Record& record, bool wanted) override {
    const uint64_t begin = place(), longest = options_.max_record_bytes / sizeof(uint32_t);
    // Tokens in [0, known) belong to the document.
    size_t known = 0;
    bool dropped = false;
    for (bool ended = false; !ended;) {
      const uint64_t left_of_row = shape_.columns > 0 ? shape_.columns - (place() - begin) : UINT64_MAX;
      const size_t there = static_cast<size_t>(std::min<uint64_t>(Tokens(), left_of_row));
      if (shape_.columns > 0 || shape_.eos < 0) {
        known = there;
      } else {
        known += FindToken(shape_.layout, window_.view().data() + known * width_, there - known, shape_.eos);
      }
      const bool at_end = shape_.tokens && place() + known >= *shape_.tokens;
      ended = known < there || known == left_of_row || at_end;
      if (dropped || known > longest) {
        dropped = true;
        window_.Drop(known * width_);
        if (shape_.columns > 0 && ended) break;
        known = 0;
      }
      if (ended) break;
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.More());
      if (more) continue;
      // The bytes end inside of the document: well where no length was stated, and no part of a token is left.
      if (!window_.fault().empty()) return Step::kCut;
      if (shape_.tokens || window_.view().size() % width_ != 0) {
        broken_by_ = shape_.fault;
        return Step::kCut;
      }
      break;
    }
    if (dropped) return Failed(record, "too_long");
    taken_ = known;
    if (!wanted) return Step::kNone;
    ids_.resize(known);
    if (!DecodeTokens(shape_.layout, window_.view().data(), known, ids_.data())) return Failed(record, "id_out_of_range");
    record.kind = RecordKind::kIds;
    record.ids = ids_;
    return Step::kRecord;
  }

  const Shape shape_;
  const size_t width_;
  size_t taken_ = 0;  // tokens of the record that was taken last
  std::vector<uint32_t> ids_;
};

// Nothing where the file is not as long as its head says, or ends inside of a token.
std::optional<uint64_t> TokensInFile(const ArrayReader::Shape& shape, int64_t file_bytes) {
  const uint64_t size = static_cast<uint64_t>(std::max<int64_t>(file_bytes, 0)), width = shape.layout.bytes();
  if (size < shape.begin || (size - shape.begin) % width != 0) return std::nullopt;
  const uint64_t tokens = (size - shape.begin) / width;
  return shape.tokens && *shape.tokens != tokens ? std::nullopt : std::optional<uint64_t>(tokens);
}

// The byte at which a reader of segments from `first` on begins; `passes`: in a stretch of another segment.
uint64_t StartOf(const ArrayReader::Shape& shape, uint64_t tokens, const ReadOptions& options, uint64_t first, bool& passes) {
  uint64_t token = std::min(StreamReader::PlaceOf(first, options, kBytesInUnits), tokens);
  if (shape.columns > 0) {
    token = (token + shape.columns - 1) / shape.columns * shape.columns;
  } else if (shape.eos < 0) {
    token = tokens;  // the one document began before
  } else if (token > 0) {
    --token;
    passes = true;
  }
  return shape.begin + std::min(token, tokens) * shape.layout.bytes();
}

// Numbers of an index, as many as wanted, read in blocks.
template <class T>
class IndexColumn {
 public:
  IndexColumn(InputFile& file, uint64_t begin, uint64_t count) : file_(file), begin_(begin), count_(count) {}

  // Precondition: i < count.
  Result<int64_t> At(uint64_t i) {
    if (i < first_ || i >= first_ + block_.size()) {
      first_ = i - i % kBlock;
      block_.resize(static_cast<size_t>(std::min<uint64_t>(kBlock, count_ - first_)));
      VERDIGRIS_ASSIGN_OR_RETURN(const size_t got, file_.ReadAt(begin_ + first_ * sizeof(T), block_.data(), block_.size() * sizeof(T)));
      if (got < block_.size() * sizeof(T)) return Fail(ErrorKind::kIo, "an index of Megatron became shorter while it was read");
      if constexpr (std::endian::native == std::endian::big) {
        for (T& value : block_) std::reverse(reinterpret_cast<char*>(&value), reinterpret_cast<char*>(&value + 1));
      }
    }
    return static_cast<int64_t>(block_[static_cast<size_t>(i - first_)]);
  }

 private:
  static constexpr uint64_t kBlock = 8192;
  InputFile& file_;
  const uint64_t begin_, count_;
  uint64_t first_ = 0;
  std::vector<T> block_;
};

class MegatronReader : public Reader {
 public:
  MegatronReader(InputFile index, InputFile data, const MegatronHead& head, uint64_t tokens, const ReadOptions& options, uint64_t first, uint64_t end)
      : index_(std::move(index)), data_(std::move(data)), head_(head), tokens_(tokens), width_(head.layout.bytes()), options_(options),
        first_place_(StreamReader::PlaceOf(first, options, kBytesInUnits)), end_(end),
        sizes_(index_, kMegatronHeadBytes, head.sequences),
        pointers_(index_, kMegatronHeadBytes + 4 * head.sequences, head.sequences),
        documents_(index_, kMegatronHeadBytes + 12 * head.sequences, head.documents) {}

  uint64_t Segments() const { return SegmentsOfTokens(tokens_, options_); }

  // Every number of the index. False where it is not sound.
  Result<bool> Check() {
    int64_t last = 0;
    for (uint64_t i = 0; i < head_.sequences; ++i) {
      VERDIGRIS_ASSIGN_OR_RETURN(const int64_t size, sizes_.At(i));
      VERDIGRIS_ASSIGN_OR_RETURN(const int64_t pointer, pointers_.At(i));
      if (size < 0 || pointer < last || static_cast<uint64_t>(pointer) % width_ != 0) return false;
      const uint64_t token = static_cast<uint64_t>(pointer) / width_;
      if (token > tokens_ || static_cast<uint64_t>(size) > tokens_ - token) return false;
      last = pointer;
    }
    // Entry d is where document d begins, counted in sequences, and the last entry their number.
    int64_t sequence = 0;
    for (uint64_t i = 0; i < head_.documents; ++i) {
      VERDIGRIS_ASSIGN_OR_RETURN(const int64_t next, documents_.At(i));
      if (next < sequence || static_cast<uint64_t>(next) > head_.sequences || (i == 0 && next != 0)) return false;
      sequence = next;
    }
    return static_cast<uint64_t>(sequence) == head_.sequences;
  }

  // Finds the first document to read, in an index that was sound. It may be another file by now, so what is read of it is still
  // no number to trust.
  Result<void> Start() {
    uint64_t low = 0, high = Documents();
    while (low < high) {
      const uint64_t middle = low + (high - low) / 2;
      VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t place, PlaceOfDocument(middle));
      (place < first_place_ ? low : high) = place < first_place_ ? middle + 1 : middle;
    }
    next_ = low;
    return {};
  }

  Result<bool> Next(Record& record) override {
    for (; next_ < Documents(); ++next_) {
      VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t place, PlaceOfDocument(next_));
      if (SegmentOf(place) >= end_) break;
      VERDIGRIS_ASSIGN_OR_RETURN(const int64_t begin, documents_.At(next_));
      VERDIGRIS_ASSIGN_OR_RETURN(const int64_t end, documents_.At(next_ + 1));
      if (begin < 0 || static_cast<uint64_t>(end) > head_.sequences) return Changed();
      const uint64_t longest = options_.max_record_bytes / sizeof(uint32_t);
      uint64_t count = 0;
      for (int64_t i = begin; i < end && count <= longest; ++i) {
        VERDIGRIS_ASSIGN_OR_RETURN(const int64_t size, sizes_.At(static_cast<uint64_t>(i)));
        if (size < 0) return Changed();
        count += static_cast<uint64_t>(size);
      }
      if (count == 0) continue;
      ++next_;
      record = Record();
      record.segment = SegmentOf(place);
      record.offset = place;
      record.kind = RecordKind::kFailed;
      record.failure = "too_long";
      if (count > longest) return true;
      VERDIGRIS_ASSIGN_OR_RETURN(const bool in_range, ReadDocument(begin, end, static_cast<size_t>(count)));
      record.failure = "id_out_of_range";
      if (!in_range) return true;
      record.kind = RecordKind::kIds;
      record.failure = {};
      record.ids = ids_;
      return true;
    }
    return false;
  }

  std::optional<uint64_t> last_segment() const override {
    const uint64_t last = Segments() - 1;
    return last < end_ ? std::optional<uint64_t>(last) : std::nullopt;
  }
  std::string_view broken() const override { return {}; }
  uint64_t bytes_read() const override { return bytes_read_; }

 private:
  static Unexpected Changed() { return Fail(ErrorKind::kMismatch, "an index of Megatron changed after it was listed"); }
  uint64_t Documents() const { return head_.documents == 0 ? 0 : head_.documents - 1; }
  uint64_t SegmentOf(uint64_t place) const { return SegmentOfPlace(place, options_, kBytesInUnits); }
  Result<uint64_t> PlaceOfDocument(uint64_t document) {
    VERDIGRIS_ASSIGN_OR_RETURN(const int64_t sequence, documents_.At(document));
    if (static_cast<uint64_t>(sequence) == head_.sequences) return tokens_;
    if (static_cast<uint64_t>(sequence) > head_.sequences) return Changed();
    VERDIGRIS_ASSIGN_OR_RETURN(const int64_t pointer, pointers_.At(static_cast<uint64_t>(sequence)));
    return static_cast<uint64_t>(pointer) / width_;
  }

  Result<bool> ReadDocument(int64_t begin, int64_t end, size_t count) {
    bytes_.resize(count * width_);
    ids_.resize(count);
    size_t done = 0;
    for (int64_t i = begin; i < end; ++i) {
      VERDIGRIS_ASSIGN_OR_RETURN(const int64_t size, sizes_.At(static_cast<uint64_t>(i)));
      VERDIGRIS_ASSIGN_OR_RETURN(const int64_t pointer, pointers_.At(static_cast<uint64_t>(i)));
      const size_t wanted = static_cast<size_t>(size) * width_;
      if (size < 0 || wanted > bytes_.size() - done) return Changed();
      VERDIGRIS_ASSIGN_OR_RETURN(const size_t got, data_.ReadAt(static_cast<uint64_t>(pointer), bytes_.data() + done, wanted));
      if (got < wanted) return Fail(ErrorKind::kIo, "the data of an index of Megatron became shorter while it was read");
      done += wanted;
    }
    bytes_read_ += done;
    return DecodeTokens(head_.layout, bytes_.data(), count, ids_.data());
  }

  InputFile index_, data_;
  const MegatronHead head_;
  const uint64_t tokens_, width_;
  const ReadOptions options_;
  const uint64_t first_place_, end_;
  IndexColumn<int32_t> sizes_;
  IndexColumn<int64_t> pointers_, documents_;
  uint64_t next_ = 0, bytes_read_ = 0;
  std::vector<char> bytes_;
  std::vector<uint32_t> ids_;
};

// What the array is; no type where the head is not sound. The window stands at the start of the file.
Result<ArrayReader::Shape> ReadShape(const Input& input, const ReadOptions& options, ByteWindow& window) {
  ArrayReader::Shape shape;
  shape.eos = options.eos;
  if (input.format == Format::kNpy) {
    shape.fault = "npy";
    VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<NpyHead> head, ReadNpyHead(window));
    if (!head) return shape;
    shape.layout = head->layout;
    shape.tokens = head->tokens;
    shape.columns = head->columns;
    shape.begin = head->bytes;
    if (shape.columns > 0) shape.eos = -1;
  } else {
    shape.fault = "tokens";
    shape.layout.type = options.dtype;
    if (options.dtype != TokenType::kU16 && options.dtype != TokenType::kU32) {
      return Fail(ErrorKind::kInvalidArgument, "an array without a head needs its type: --dtype u16 or --dtype u32");
    }
  }
  if (shape.eos >= 0 && !CanHold(shape.layout, shape.eos)) {
    return Fail(ErrorKind::kInvalidArgument, input.uri + ": no token of this array can be " + std::to_string(shape.eos) + ", at which it should be cut");
  }
  return shape;
}

// Null where the head of the index or the length of one of the two files is not sound.
Result<std::unique_ptr<MegatronReader>> OpenMegatron(const std::string& index_path, const ReadOptions& options, uint64_t first, uint64_t end) {
  std::unique_ptr<MegatronReader> none;
  VERDIGRIS_ASSIGN_OR_RETURN(InputFile index, InputFile::Open(index_path));
  char bytes[kMegatronHeadBytes];
  VERDIGRIS_ASSIGN_OR_RETURN(const size_t got, index.ReadAt(0, bytes, sizeof bytes));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<uint64_t> index_bytes, index.Size());
  const std::optional<MegatronHead> head = ParseMegatronHead({bytes, got});
  const std::string data_path = MegatronData(index_path);
  if (!head || !index_bytes || data_path.empty()) return none;
  // Newer data sets add a byte for each sequence.
  const uint64_t wanted = kMegatronHeadBytes + 12 * head->sequences + 8 * head->documents;
  if (*index_bytes != wanted && *index_bytes != wanted + head->sequences) return none;
  VERDIGRIS_ASSIGN_OR_RETURN(InputFile data, InputFile::Open(data_path));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<uint64_t> data_bytes, data.Size());
  if (!data_bytes || *data_bytes % head->layout.bytes() != 0) return none;
  return std::make_unique<MegatronReader>(std::move(index), std::move(data), *head, *data_bytes / head->layout.bytes(), options, first, end);
}

}  // namespace

Result<uint64_t> CountArraySegments(Input& input, const ReadOptions& options) {
  if (input.format == Format::kMegatron) {
    VERDIGRIS_ASSIGN_OR_RETURN(const auto reader, OpenMegatron(input.path, options, 0, kNoEnd));
    if (reader != nullptr) {
      VERDIGRIS_ASSIGN_OR_RETURN(input.checked, reader->Check());
    }
    return input.checked ? reader->Segments() : 1;
  }
  VERDIGRIS_ASSIGN_OR_RETURN(ByteWindow window, OpenWindow(input, options));
  VERDIGRIS_ASSIGN_OR_RETURN(const ArrayReader::Shape shape, ReadShape(input, options, window));
  const std::optional<uint64_t> tokens = shape.layout.bytes() > 0 ? TokensInFile(shape, input.size) : std::nullopt;
  return tokens ? SegmentsOfTokens(*tokens, options) : 1;
}

Result<std::unique_ptr<Reader>> OpenArrayReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  VERDIGRIS_ASSIGN_OR_RETURN(ByteWindow window, OpenWindow(input, options));
  VERDIGRIS_ASSIGN_OR_RETURN(const ArrayReader::Shape shape, ReadShape(input, options, window));
  if (shape.layout.bytes() == 0) return BrokenReader(window.fault().empty() ? shape.fault : window.fault(), window.bytes_read());
  bool passes = false;
  uint64_t from = shape.begin;
  if (input.seekable) {
    // Readers of different segments must agree: an array that is longer or shorter than stated is read by none.
    const std::optional<uint64_t> tokens = TokensInFile(shape, input.size);
    if (!tokens) return BrokenReader(shape.fault, window.bytes_read());
    if (first > 0) from = StartOf(shape, *tokens, options, first, passes);
  }
  if (from > shape.begin) {
    VERDIGRIS_ASSIGN_OR_RETURN(window, OpenWindow(input, options, from));
  } else {
    window.Drop(static_cast<size_t>(shape.begin));
  }
  auto reader = std::make_unique<ArrayReader>(std::move(window), options, first, end, shape);
  if (passes) VERDIGRIS_RETURN_IF_ERROR(reader->PassStretch());
  return std::unique_ptr<Reader>(std::move(reader));
}

Result<std::unique_ptr<Reader>> OpenMegatronReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  VERDIGRIS_ASSIGN_OR_RETURN(auto reader, OpenMegatron(input.path, options, first, end));
  bool sound = reader != nullptr;
  if (sound && !input.checked) {
    VERDIGRIS_ASSIGN_OR_RETURN(sound, reader->Check());
  }
  if (!sound) return BrokenReader("megatron", 0);
  VERDIGRIS_RETURN_IF_ERROR(reader->Start());
  return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace verdigris::verify
