// Findings as Parquet, by Arrow C++ where the build has it (VERDIGRIS_PARQUET): the columns of finding_columns.h, zstd, row groups
// of 131,072. What an engine wrote is read by ForEachParquetRow (parquet_reader.h).
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "verify/corpus/result_files.h"

namespace verdigris::verify {

class FindingWriter {
 public:
  virtual ~FindingWriter() = default;
  // Errors   kLimit for a number that is 2^63 or more; kIo where Arrow fails, and then nothing more is to be written.
  virtual Result<void> Add(const DocumentResult& row) = 0;
  // Once, at the end: a file without it is none.
  virtual Result<void> Finish() = 0;
};

// `sink` gets the bytes of the file, one after another.
// Errors   kUnsupported where the build has no Arrow.
Result<std::unique_ptr<FindingWriter>> OpenParquetWriter(std::function<void(std::string_view)> sink);

}  // namespace verdigris::verify
