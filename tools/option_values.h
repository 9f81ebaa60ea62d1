// Values of options, from their text. kInvalidArgument: "--epoch must be in [0,4294967295], got x".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "watermark/context.h"
#include "watermark/result.h"

namespace verdigris::tools {

// The command was not given as it must be.
Unexpected Usage(std::string message);

Result<uint64_t> ParseInteger(std::string_view name, std::string_view text, uint64_t min, uint64_t max);
Result<double> ParseReal(std::string_view name, std::string_view text);
// --alpha, in (0,1).
Result<double> ParseAlpha(std::string_view text);
// --rule.
Result<Rule> ParseRule(std::string_view text);
// A value as messages show it: a word as it is, anything that could be the user's text by its length alone.
std::string Shown(std::string_view value);

}  // namespace verdigris::tools
