#include "verify/corpus/reader.h"

#include "verify/corpus/array_reader.h"
#include "verify/corpus/parquet_reader.h"
#include "verify/corpus/stream_reader.h"

namespace verdigris::verify {
namespace {

// Where ids are asked for, a text is a record without them: nobody tokenizes it.
class WithoutTexts : public Reader {
 public:
  explicit WithoutTexts(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
  Result<bool> Next(Record& record) override {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader_->Next(record));
    if (more && record.kind == RecordKind::kText) {
      record.kind = RecordKind::kFailed;
      record.failure = "no_text";
      record.text = {};
    }
    return more;
  }
  std::optional<uint64_t> last_segment() const override { return reader_->last_segment(); }
  std::string_view broken() const override { return reader_->broken(); }
  uint64_t bytes_read() const override { return reader_->bytes_read(); }

 private:
  std::unique_ptr<Reader> reader_;
};

Result<std::unique_ptr<Reader>> Open(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  switch (input.format) {
    case Format::kText: return OpenTextReader(input, options, first, end);
    case Format::kLines:
    case Format::kJsonl: return OpenLineReader(input, options, first, end);
    case Format::kCsv:
    case Format::kTsv: return OpenCsvReader(input, options, first, end);
    case Format::kParquet: return OpenParquetReader(input, options, first, end);
    case Format::kWarc: return OpenWarcReader(input, options, first, end);
    case Format::kNpy:
    case Format::kTokens: return OpenArrayReader(input, options, first, end);
    case Format::kMegatron: return OpenMegatronReader(input, options, first, end);
  }
  return Fail(ErrorKind::kInternal, "a format without a reader");
}

}  // namespace

Result<std::unique_ptr<Reader>> OpenReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  if (options.unit_bytes == 0) return Fail(ErrorKind::kInvalidArgument, "a unit must have at least one byte");
  if (options.max_record_bytes == 0) return Fail(ErrorKind::kInvalidArgument, "a record must be allowed at least one byte");
  if (first >= end) return Fail(ErrorKind::kInvalidArgument, "no segments to read: the first is not below the end");
  VERDIGRIS_ASSIGN_OR_RETURN(std::unique_ptr<Reader> reader, Open(input, options, first, end));
  const bool without_fields = input.format == Format::kText || input.format == Format::kLines || input.format == Format::kWarc;
  if (without_fields && !options.ids_field.empty()) return std::unique_ptr<Reader>(std::make_unique<WithoutTexts>(std::move(reader)));
  return reader;
}

}  // namespace verdigris::verify
