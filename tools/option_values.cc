// Tested by tests/cli/usage.sh.
#include "tools/option_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace verdigris::tools {
Unexpected Usage(std::string message) { return Fail(ErrorKind::kInvalidArgument, std::move(message)); }

std::string Shown(std::string_view value) {
  constexpr size_t kMost = 40;
  const bool word = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (word && !value.empty() && value.size() <= kMost) return std::string(value);
  return "a text of " + std::to_string(value.size()) + " bytes";
}

Result<uint64_t> ParseInteger(std::string_view name, std::string_view text, uint64_t min, uint64_t max) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return Usage(std::string(name) + " must be in [" + std::to_string(min) + "," + std::to_string(max) + "], got " + Shown(text));
  }
  return value;
}

Result<double> ParseReal(std::string_view name, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return Usage(std::string(name) + " must be a number, got " + Shown(text));
  }
  return value;
}

Result<double> ParseAlpha(std::string_view text) {
  VERDIGRIS_ASSIGN_OR_RETURN(const double alpha, ParseReal("--alpha", text));
  if (!(alpha > 0 && alpha < 1)) return Usage("--alpha must be in (0,1), got " + Shown(text));
  return alpha;
}

Result<Rule> ParseRule(std::string_view text) {
  if (text != "first" && text != "tuple") return Usage("--rule must be first or tuple, got " + Shown(text));
  return text == "first" ? Rule::kFirst : Rule::kTuple;
}

}  // namespace verdigris::tools
