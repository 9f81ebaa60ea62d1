#include "verify/corpus/reader.h"

#include "verify/corpus/array_reader.h"
#include "verify/corpus/parquet_reader.h"
#include "verify/corpus/stream_reader.h"

namespace verdigris::verify {

Result<std::unique_ptr<Reader>> OpenReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  if (options.unit_bytes == 0) return Fail(ErrorKind::kInvalidArgument, "a unit must have at least one byte");
  if (options.max_record_bytes == 0) return Fail(ErrorKind::kInvalidArgument, "a record must be allowed at least one byte");
  if (first >= end) return Fail(ErrorKind::kInvalidArgument, "no segments to read: the first is not below the end");
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

}  // namespace verdigris::verify
