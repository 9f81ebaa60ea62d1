// Parquet, by Arrow C++ where the build has it (VERDIGRIS_PARQUET).
#pragma once

#include <cstdint>
#include <memory>

#include "verify/corpus/reader.h"

namespace verdigris::verify {

// Row groups in the footer; nothing where that is not sound. Errors: kUnsupported where the build has no Arrow; kNotFound, kIo.
Result<std::optional<uint64_t>> CountRowGroups(const Input& input);

// Errors as OpenReader.
Result<std::unique_ptr<Reader>> OpenParquetReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end);

}  // namespace verdigris::verify
