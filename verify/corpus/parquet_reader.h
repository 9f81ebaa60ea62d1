// Parquet, by Arrow C++ where the build has it (VERDIGRIS_PARQUET).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "verify/corpus/reader.h"

namespace verdigris::verify {

// Row groups in the footer; nothing where that is not sound. Errors: kUnsupported where the build has no Arrow; kNotFound, kIo.
Result<std::optional<uint64_t>> CountRowGroups(const Input& input);

// Errors as OpenReader.
Result<std::unique_ptr<Reader>> OpenParquetReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end);

// The rows of a file that an engine wrote: its columns unit_id and body, and which row it is from 0 on. Nothing of it is checked
// but that it can be read.
// Errors   kUnsupported where the build has no Arrow; kMalformed naming the row; kNotFound, kIo; that of `on_row`.
Result<void> ForEachParquetRow(const std::string& path, const std::function<Result<void>(std::string unit, std::string body, uint64_t row)>& on_row);

}  // namespace verdigris::verify
