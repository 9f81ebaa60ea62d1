// Units that an engine computed, as it stores them: JSON lines of `unit_id` and `body`, the unit file in base64 (corpus.md C9).
#pragma once

#include <functional>
#include <string>

#include "verify/corpus/bytes.h"
#include "watermark/key.h"

namespace verdigris::verify {

inline constexpr size_t kMostRowLine = size_t{1} << 30;

// Calls `on_unit` for each row of a file, or of the files of a folder in the order of their names; names that start with . or _
// are passed over. `place`: "FILE:7".
//
// Errors   kMalformed with the place; kUnsupported for Parquet: JSON lines are to be written.
Result<void> ForEachEngineRow(const std::string& path,
                              const std::function<Result<void>(const Digest& unit, std::string body, const std::string& place)>& on_unit);

// One line.
Result<std::pair<Digest, std::string>> ParseEngineRow(std::string_view line);

}  // namespace verdigris::verify
