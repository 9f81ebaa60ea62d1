// Parquet through the column readers of Arrow C++ (parquet::ColumnReader): the row groups asked for, a page at a time, of the
// columns asked for.
//
// Arrow believes what a file says of its sizes, and throws at what it does not like. So every call into it stands behind Guard(),
// what it allocates is bounded, and while one of these readers is open so is the memory of the process: a backstop for what Arrow
// allocates past its pool. A row group in which something is thrown gives one failed record, and the next is read.
// Tested by tests/interop/corpus_peers.py, tests/fuzz/fuzz_corpus_parquet.cc.
#include "verify/corpus/parquet_module.h"

#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/schema.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "verify/corpus/stream_reader.h"
#include "verify/file.h"
#include "watermark/context.h"  // kIdLimit

namespace verdigris::verify {
namespace {

constexpr uint64_t kMaxFooterBytes = uint64_t{64} << 20;      // C15
constexpr int64_t kPoolBytes = int64_t{1} << 30;              // pages, dictionaries and buffers of one reader
constexpr uint64_t kProcessHeadroom = uint64_t{8} << 30;      // address space beyond what the process has when the first reader opens
constexpr int64_t kBufferBytes = int64_t{1} << 20;            // read at once of a column
constexpr int64_t kBatchRows = 256;

// Bounds the address space of the process while one of these lives, and sets it back with the last.
class ProcessMemoryLimit {
 public:
  ProcessMemoryLimit() {
    const std::lock_guard lock(Shared().mutex);
    if (Shared().users++ > 0 || ::getrlimit(RLIMIT_AS, &Shared().before) != 0) return;
    rlimit limit = Shared().before;
    const uint64_t wanted = AddressSpace() + kProcessHeadroom;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= wanted) return;
    limit.rlim_cur = wanted;
    Shared().set = ::setrlimit(RLIMIT_AS, &limit) == 0;
  }
  ProcessMemoryLimit(const ProcessMemoryLimit&) = delete;
  ProcessMemoryLimit& operator=(const ProcessMemoryLimit&) = delete;
  ~ProcessMemoryLimit() {
    const std::lock_guard lock(Shared().mutex);
    if (--Shared().users == 0 && std::exchange(Shared().set, false)) ::setrlimit(RLIMIT_AS, &Shared().before);
  }

 private:
  // The limit is the process's, so what is remembered of it is too.
  struct State {
    std::mutex mutex;
    int users = 0;
    bool set = false;
    rlimit before{};
  };
  static State& Shared() {
    static State state;
    return state;
  }
  static uint64_t AddressSpace() {
    unsigned long pages = 0;
    if (std::FILE* const file = std::fopen("/proc/self/statm", "r"); file != nullptr) {
      if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
      std::fclose(file);
    }
    return uint64_t{pages} * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  }
};

// What keeps a file open: the pool before what allocates from it.
struct OpenFile {
  arrow::ProxyMemoryPool counted{arrow::default_memory_pool()};
  arrow::CappedMemoryPool pool{&counted, kPoolBytes};
  std::unique_ptr<parquet::ParquetFileReader> file;
  std::shared_ptr<parquet::FileMetaData> metadata;
  std::vector<uint64_t> first_rows;  // of each row group, and the number of all rows
};

// Null where the file is not sound.
Result<std::unique_ptr<OpenFile>> OpenParquet(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(InputFile raw, InputFile::Open(path));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<uint64_t> size, raw.Size());
  std::unique_ptr<OpenFile> none;
  unsigned char tail[8];
  if (!size || *size < 12) return none;
  VERDIGRIS_ASSIGN_OR_RETURN(const size_t got, raw.ReadAt(*size - 8, tail, sizeof tail));
  const uint64_t footer = tail[0] | uint64_t{tail[1]} << 8 | uint64_t{tail[2]} << 16 | uint64_t{tail[3]} << 24;
  if (got < 8 || std::memcmp(tail + 4, "PAR1", 4) != 0 || footer > kMaxFooterBytes || footer > *size - 12) return none;
  auto open = std::make_unique<OpenFile>();
  const bool sound = Guard([&] {
    auto source = arrow::io::ReadableFile::Open(path, &open->pool);
    if (!source.ok()) return false;
    parquet::ReaderProperties properties(&open->pool);
    properties.enable_buffered_stream();
    properties.set_buffer_size(kBufferBytes);
    properties.set_page_checksum_verification(true);
    open->file = parquet::ParquetFileReader::Open(*source, properties);
    open->metadata = open->file->metadata();
    uint64_t rows = 0;
    for (int i = 0; i < open->metadata->num_row_groups(); ++i) {
      const int64_t in_group = open->metadata->RowGroup(i)->num_rows();
      open->first_rows.push_back(rows);
      if (in_group < 0 || in_group > INT64_MAX / 4 || rows > INT64_MAX / 4) return false;
      rows += static_cast<uint64_t>(in_group);
    }
    open->first_rows.push_back(rows);
    return true;
  });
  return sound ? std::move(open) : std::move(none);
}

// One leaf of the schema, read in the batches that its pages allow. Every function may throw.
class Column {
 public:
  Column(const parquet::ColumnDescriptor* leaf, int index) : leaf_(leaf), index_(index) {}

  bool is_bytes() const { return leaf_->physical_type() == parquet::Type::BYTE_ARRAY && leaf_->max_repetition_level() == 0; }
  bool is_integer() const { return leaf_->physical_type() == parquet::Type::INT32 || leaf_->physical_type() == parquet::Type::INT64; }
  bool is_ids() const { return is_integer() && leaf_->max_repetition_level() == 1; }
  bool is_scalar() const { return leaf_->max_repetition_level() == 0 && (is_bytes() || is_integer()); }
  std::string path() const { return leaf_->path()->ToDotString(); }

  void Begin(parquet::RowGroupReader& group) {
    reader_ = group.Column(index_);
    level_ = levels_ = value_ = 0;
  }

  // Whether another level is there; levels and values of it stand until the next call.
  bool HasLevel() {
    while (level_ == levels_) {
      if (!reader_->HasNext()) return false;
      int64_t values = 0;
      level_ = value_ = 0;
      int16_t* const definitions = leaf_->max_definition_level() > 0 ? definitions_.data() : nullptr;
      int16_t* const repetitions = leaf_->max_repetition_level() > 0 ? repetitions_.data() : nullptr;
      switch (leaf_->physical_type()) {
        case parquet::Type::BYTE_ARRAY:
          levels_ = static_cast<parquet::ByteArrayReader&>(*reader_).ReadBatch(kBatchRows, definitions, repetitions, bytes_.data(), &values);
          break;
        case parquet::Type::INT32:
          levels_ = static_cast<parquet::Int32Reader&>(*reader_).ReadBatch(kBatchRows, definitions, repetitions, small_.data(), &values);
          break;
        default:
          levels_ = static_cast<parquet::Int64Reader&>(*reader_).ReadBatch(kBatchRows, definitions, repetitions, wide_.data(), &values);
      }
      if (levels_ == 0 && values == 0) return false;
      if (levels_ == 0) levels_ = values;
      // Levels that promise other values than the page has.
      int64_t promised = 0;
      for (int64_t i = 0; i < levels_; ++i) promised += definitions == nullptr || definitions[i] == leaf_->max_definition_level();
      if (promised != values) throw parquet::ParquetException("levels and values differ");
    }
    return true;
  }
  int16_t definition() const { return leaf_->max_definition_level() > 0 ? definitions_[static_cast<size_t>(level_)] : int16_t{0}; }
  int16_t repetition() const { return leaf_->max_repetition_level() > 0 ? repetitions_[static_cast<size_t>(level_)] : int16_t{0}; }
  bool has_value() const { return definition() == leaf_->max_definition_level(); }
  std::string_view bytes() const {
    const parquet::ByteArray& value = bytes_[static_cast<size_t>(value_)];
    return {reinterpret_cast<const char*>(value.ptr), value.len};
  }
  int64_t integer() const {
    return leaf_->physical_type() == parquet::Type::INT32 ? small_[static_cast<size_t>(value_)] : wide_[static_cast<size_t>(value_)];
  }
  void Step() {
    value_ += has_value() ? 1 : 0;
    ++level_;
  }
  // The definition level at which the list around the leaf has an element.
  int16_t element_level() const {
    int16_t level = 0;
    for (const parquet::schema::Node* node = leaf_->schema_node().get(); node != nullptr && node->parent() != nullptr; node = node->parent()) {
      if (level == 0 && !node->is_repeated()) continue;
      level = static_cast<int16_t>(level + (node->is_required() ? 0 : 1));
    }
    return level;
  }

 private:
  const parquet::ColumnDescriptor* leaf_;
  int index_;
  std::shared_ptr<parquet::ColumnReader> reader_;
  int64_t level_ = 0, levels_ = 0, value_ = 0;
  std::array<int16_t, kBatchRows> definitions_{}, repetitions_{};
  std::array<parquet::ByteArray, kBatchRows> bytes_{};
  std::array<int32_t, kBatchRows> small_{};
  std::array<int64_t, kBatchRows> wide_{};
};

class ParquetReader : public Reader {
 public:
  ParquetReader(std::unique_ptr<OpenFile> open, const ReadOptions& options, uint64_t first, uint64_t end)
      : open_(std::move(open)), options_(options), groups_(open_->first_rows.size() - 1), group_(first), end_(end) {
    const bool ids = !options_.ids_field.empty();
    Guard([&] {
      const parquet::SchemaDescriptor& schema = *open_->metadata->schema();
      for (int i = 0; i < schema.num_columns(); ++i) {
        auto column = std::make_unique<Column>(schema.Column(i), i);
        const std::string path = column->path();
        const std::string& field = ids ? options_.ids_field : options_.text_field;
        const bool content = ids ? column->is_ids() && (path == field || path.starts_with(field + ".")) : column->is_bytes() && path == field;
        if (!options_.id_field.empty() && path == options_.id_field && column->is_scalar()) name_ = std::make_unique<Column>(schema.Column(i), i);
        if (!options_.group_field.empty() && path == options_.group_field && column->is_bytes()) named_group_ = std::make_unique<Column>(schema.Column(i), i);
        if (content) (content_ == nullptr ? content_ : twice_) = std::move(column);
      }
      return true;
    });
  }

  Result<bool> Next(Record& record) override {
    for (; group_ < std::min(end_, groups_); ++group_, in_group_ = false) {
      record = Record();
      record.segment = group_;
      bool more = false;
      const bool sound = Guard([&] {
        if (!in_group_) BeginGroup();
        record.offset = open_->first_rows[group_] + row_;
        more = row_ < rows_ && (content_ == nullptr || twice_ != nullptr ? NoColumn(record) : TakeRow(record));
        return true;
      });
      if (!sound) {
        record = Record();
        record.kind = RecordKind::kFailed;
        record.failure = "parquet";
        record.segment = group_;
        record.offset = open_->first_rows[group_] + row_;
        row_ = rows_ = 0;
        in_group_ = true;  // and at its end
        return true;
      }
      if (more) return true;
    }
    return false;
  }

  std::optional<uint64_t> last_segment() const override {
    const uint64_t last = groups_ == 0 ? 0 : groups_ - 1;
    return last < end_ ? std::optional<uint64_t>(last) : std::nullopt;
  }
  std::string_view broken() const override { return {}; }
  uint64_t bytes_read() const override { return bytes_read_; }

 private:
  void BeginGroup() {
    row_ = 0;
    rows_ = open_->first_rows[group_ + 1] - open_->first_rows[group_];
    in_group_ = true;
    reader_ = open_->file->RowGroup(static_cast<int>(group_));
    bytes_read_ += static_cast<uint64_t>(std::max<int64_t>(reader_->metadata()->total_compressed_size(), 0));
    for (Column* column : {content_.get(), name_.get(), named_group_.get()}) {
      if (column != nullptr) column->Begin(*reader_);
    }
  }

  // One record for the whole group: without the column nothing bears out how many rows there are.
  bool NoColumn(Record& record) {
    record.kind = RecordKind::kFailed;
    record.failure = twice_ != nullptr ? "duplicate_key" : "no_text";
    row_ = rows_;
    return true;
  }

  bool TakeRow(Record& record) {
    if (!content_->HasLevel()) throw parquet::ParquetException("fewer rows than stated");
    options_.ids_field.empty() ? TakeText(record) : TakeIds(record);
    record.name = TakePlain(name_.get(), name_text_);
    record.group = TakePlain(named_group_.get(), group_text_);
    ++row_;
    return true;
  }

  void TakeText(Record& record) {
    if (!content_->has_value()) {
      Fails(record, "no_text");
    } else if (content_->bytes().size() > options_.max_record_bytes) {
      Fails(record, "too_long");
    } else {
      record.text = content_->bytes();
    }
    content_->Step();
  }

  void TakeIds(Record& record) {
    const int16_t element = content_->element_level();
    const size_t longest = static_cast<size_t>(options_.max_record_bytes / sizeof(uint32_t));
    ids_.clear();
    if (content_->repetition() != 0) throw parquet::ParquetException("a row begins inside of a list");
    std::string_view failure = content_->definition() < element - 1 ? "no_text" : "";
    size_t count = 0;
    do {
      if (content_->has_value()) {
        const int64_t id = content_->integer();
        if (id < 0 || id >= kIdLimit) failure = failure.empty() ? "id_out_of_range" : failure;
        if (++count <= longest) ids_.push_back(static_cast<uint32_t>(id));
      } else if (content_->definition() >= element) {
        failure = "no_text";  // an element that is null
      }
      content_->Step();
    } while (content_->HasLevel() && content_->repetition() != 0);
    if (count > longest) failure = "too_long";
    if (!failure.empty()) return Fails(record, failure);
    record.kind = RecordKind::kIds;
    record.ids = ids_;
  }

  // The value of another column in the same row.
  static std::string_view TakePlain(Column* column, std::string& text) {
    if (column == nullptr || !column->HasLevel()) return {};
    text.clear();
    if (column->has_value()) text = column->is_bytes() ? std::string(column->bytes().substr(0, kLongestName)) : std::to_string(column->integer());
    column->Step();
    return text;
  }
  static constexpr size_t kLongestName = size_t{1} << 16;

  static void Fails(Record& record, std::string_view code) {
    record.kind = RecordKind::kFailed;
    record.failure = code;
  }

  const ProcessMemoryLimit limit_;
  const std::unique_ptr<OpenFile> open_;
  const ReadOptions options_;
  const uint64_t groups_;
  uint64_t group_;
  const uint64_t end_;
  bool in_group_ = false;
  uint64_t row_ = 0, rows_ = 0;  // of the group
  std::shared_ptr<parquet::RowGroupReader> reader_;
  std::unique_ptr<Column> content_, twice_, name_, named_group_;
  std::vector<uint32_t> ids_;
  std::string name_text_, group_text_;
  uint64_t bytes_read_ = 0;
};

Result<std::optional<uint64_t>> Count(const Input& input) {
  const ProcessMemoryLimit limit;
  VERDIGRIS_ASSIGN_OR_RETURN(const std::unique_ptr<OpenFile> open, OpenParquet(input.path));
  return open == nullptr ? std::optional<uint64_t>() : std::optional<uint64_t>(open->first_rows.size() - 1);
}

Result<std::unique_ptr<Reader>> Open(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  const ProcessMemoryLimit limit;
  VERDIGRIS_ASSIGN_OR_RETURN(std::unique_ptr<OpenFile> open, OpenParquet(input.path));
  if (open == nullptr) return BrokenReader("parquet", 0);
  return std::unique_ptr<Reader>(std::make_unique<ParquetReader>(std::move(open), options, first, end));
}

// Columns unit_id and body, read side by side. A row is handed on outside of Guard, with what it holds copied.
Result<void> ForEachRow(const std::string& path, const std::function<Result<void>(std::string unit, std::string body, uint64_t row)>& on_row) {
  const ProcessMemoryLimit limit;
  VERDIGRIS_ASSIGN_OR_RETURN(const std::unique_ptr<OpenFile> open, OpenParquet(path));
  const auto malformed = [&](const std::string& why) { return Fail(ErrorKind::kMalformed, path + ": " + why); };
  if (open == nullptr) return malformed("is no sound Parquet file");
  std::unique_ptr<Column> unit, body;
  const bool known = Guard([&] {
    const parquet::SchemaDescriptor& schema = *open->metadata->schema();
    for (int i = 0; i < schema.num_columns(); ++i) {
      auto column = std::make_unique<Column>(schema.Column(i), i);
      if (!column->is_bytes()) continue;
      if (column->path() == "unit_id") unit = std::move(column);
      else if (column->path() == "body") body = std::move(column);
    }
    return true;
  });
  if (!known || unit == nullptr || body == nullptr) return malformed("must have the columns unit_id and body, of strings or bytes");
  const size_t groups = open->first_rows.size() - 1;
  for (size_t i = 0; i < groups; ++i) {
    const uint64_t end = open->first_rows[i + 1];
    std::shared_ptr<parquet::RowGroupReader> reader;
    for (uint64_t row = open->first_rows[i]; row < end; ++row) {
      std::string unit_text, body_text;
      const bool sound = Guard([&] {
        if (reader == nullptr) {
          reader = open->file->RowGroup(static_cast<int>(i));
          unit->Begin(*reader);
          body->Begin(*reader);
        }
        for (const auto& [column, text] : {std::pair{unit.get(), &unit_text}, std::pair{body.get(), &body_text}}) {
          if (!column->HasLevel() || !column->has_value()) return false;
          *text = column->bytes();
          column->Step();
        }
        return true;
      });
      if (!sound) return malformed("row " + std::to_string(row + 1) + " cannot be read, or lacks unit_id or body");
      VERDIGRIS_RETURN_IF_ERROR(on_row(std::move(unit_text), std::move(body_text), row));
    }
  }
  return {};
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const ParquetModule verdigris_parquet_module = {Count, Open, ForEachRow, OpenWriterOfModule};

}  // namespace verdigris::verify
