// Units that an engine computed, as it stores them (corpus.md C9): JSON lines of `unit_id` and `body`, the unit file in base64;
// or Parquet with these columns, the unit file as it is.
#pragma once

#include <functional>
#include <string>

#include "verify/corpus/bytes.h"
#include "watermark/key.h"

namespace verdigris::verify {

inline constexpr size_t kMostRowLine = size_t{1} << 30;

// Calls `on_unit` for each row of a file, or of the files of a folder in the order of their names; names that start with . or _
// are passed over. `place`: "FILE:7", or "FILE: row 7" of Parquet.
//
// Errors   kMalformed with the place; kUnsupported for Parquet where the build has no Arrow.
Result<void> ForEachEngineRow(const std::string& path,
                              const std::function<Result<void>(const Digest& unit, std::string body, const std::string& place)>& on_unit);

// One line.
Result<std::pair<Digest, std::string>> ParseEngineRow(std::string_view line);

}  // namespace verdigris::verify
