// A build without Arrow C++.
#include "verify/corpus/parquet_reader.h"
#include "verify/corpus/parquet_writer.h"

namespace verdigris::verify {
namespace {

Unexpected NoParquet(const Input& input) {
  return Fail(ErrorKind::kUnsupported, input.path + ": this build reads no Parquet (VERDIGRIS_PARQUET is off); write the column as JSON lines, such as "
                                       "with Python: pyarrow.parquet, or duckdb's COPY ... TO 'x.jsonl'");
}

}  // namespace

Result<std::optional<uint64_t>> CountRowGroups(const Input& input) { return NoParquet(input); }

Result<std::unique_ptr<Reader>> OpenParquetReader(const Input& input, const ReadOptions&, uint64_t, uint64_t) { return NoParquet(input); }

Result<void> ForEachParquetRow(const std::string& path, const std::function<Result<void>(std::string, std::string, uint64_t)>&) {
  return Fail(ErrorKind::kUnsupported, path + ": this build reads no Parquet (VERDIGRIS_PARQUET is off); `python -m verdigris.corpus` turns rows of an engine "
                                              "into JSON lines, and scan_units_json writes them");
}

Result<std::unique_ptr<FindingWriter>> OpenParquetWriter(std::function<void(std::string_view)>) {  // NOLINT(performance-unnecessary-value-param): the writer keeps it
  return Fail(ErrorKind::kUnsupported, "this build writes no Parquet (VERDIGRIS_PARQUET is off)");
}

}  // namespace verdigris::verify
