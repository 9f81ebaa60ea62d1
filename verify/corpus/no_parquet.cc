// A build without Arrow C++.
#include "verify/corpus/parquet_reader.h"

namespace verdigris::verify {
namespace {

Unexpected NoParquet(const Input& input) {
  return Fail(ErrorKind::kUnsupported, input.path + ": this build reads no Parquet (VERDIGRIS_PARQUET is off); write the column as JSON lines, such as "
                                       "with Python: pyarrow.parquet, or duckdb's COPY ... TO 'x.jsonl'");
}

}  // namespace

Result<std::optional<uint64_t>> CountRowGroups(const Input& input) { return NoParquet(input); }

Result<std::unique_ptr<Reader>> OpenParquetReader(const Input& input, const ReadOptions&, uint64_t, uint64_t) { return NoParquet(input); }

}  // namespace verdigris::verify
