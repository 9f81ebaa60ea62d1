// Readers of arrays of token ids, and how many segments such an array has (corpus.md C2, C3).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "verify/corpus/reader.h"
#include "verify/corpus/token_array.h"

namespace verdigris::verify {

// Of an array that is not compressed, or of a data set of Megatron, whose index is then `checked`; 1 where it is not sound.
Result<uint64_t> CountArraySegments(Input& input, const ReadOptions& options);

// Errors as OpenReader.
Result<std::unique_ptr<Reader>> OpenArrayReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end);
Result<std::unique_ptr<Reader>> OpenMegatronReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end);

}  // namespace verdigris::verify
