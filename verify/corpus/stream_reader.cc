// Tested by tests/verify/corpus/segments_test.cc.
#include "verify/corpus/stream_reader.h"

#include <utility>

namespace verdigris::verify {

uint64_t SegmentOfPlace(uint64_t place, const ReadOptions& options, uint64_t bytes_each) { return place * bytes_each / options.unit_bytes; }

// A segment that no file reaches, such as the last there can be, must not wrap around.
uint64_t StreamReader::PlaceOf(uint64_t segment, const ReadOptions& options, uint64_t bytes_each) {
  if (segment > (UINT64_MAX - bytes_each) / options.unit_bytes) return UINT64_MAX;
  return (segment * options.unit_bytes + bytes_each - 1) / bytes_each;
}

StreamReader::StreamReader(ByteWindow window, const ReadOptions& options, uint64_t first, uint64_t end, uint64_t bytes_each)
    : window_(std::move(window)), options_(options), first_(first), end_(end), bytes_each_(bytes_each),
      end_place_(PlaceOf(end, options, bytes_each)) {}

uint64_t StreamReader::SegmentOf(uint64_t place) const { return SegmentOfPlace(place, options_, bytes_each_); }

Result<bool> StreamReader::Next(Record& record) {
  while (!done_) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, Skip());
    const uint64_t begin = place();
    if (more && begin >= end_place_) {
      done_ = true;
      break;
    }
    if (!more) {
      Finish(begin, false);
      break;
    }
    record = Record();
    record.offset = begin;
    record.segment = SegmentOf(begin);
    const bool wanted = record.segment >= first_;
    VERDIGRIS_ASSIGN_OR_RETURN(const Step step, Take(record, wanted));
    if (step == Step::kCut) {
      Finish(begin, true);
      break;
    }
    if (step == Step::kRecord && wanted) return true;
  }
  return false;
}

void StreamReader::Finish(uint64_t place, bool inside) {
  done_ = true;
  const std::string_view fault = !window_.fault().empty() ? window_.fault() : broken_by_;
  // A fault lies behind what came whole; a clean end is the end of the last byte there is.
  const uint64_t at = !fault.empty() || inside || place == 0 ? place : place - 1;
  if (SegmentOf(at) >= end_) return;
  last_segment_ = SegmentOf(at);
  broken_ = fault;
}

Result<ByteWindow> OpenWindow(const Input& input, const ReadOptions& options, uint64_t from) {
  VERDIGRIS_ASSIGN_OR_RETURN(InflatedStream stream, InflatedStream::Open(input, {options.max_inflated, options.zstd_long}, from));
  return ByteWindow(std::move(stream), from);
}

namespace {

class Broken : public Reader {
 public:
  Broken(std::string_view code, uint64_t bytes_read) : code_(code), bytes_read_(bytes_read) {}
  Result<bool> Next(Record&) final { return false; }
  std::optional<uint64_t> last_segment() const final { return 0; }
  std::string_view broken() const final { return code_; }
  uint64_t bytes_read() const final { return bytes_read_; }

 private:
  const std::string_view code_;
  const uint64_t bytes_read_;
};

}  // namespace

std::unique_ptr<Reader> BrokenReader(std::string_view code, uint64_t bytes_read) { return std::make_unique<Broken>(code, bytes_read); }

}  // namespace verdigris::verify
