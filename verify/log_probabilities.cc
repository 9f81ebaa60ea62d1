// Tested by tests/verify/log_probabilities_test.cc and fuzz/fuzz_log_probabilities.cc.
#include "verify/log_probabilities.h"

#include <charconv>
#include <cmath>
#include <string>

namespace verdigris::verify {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

Result<LogProbabilities> ParseLogProbabilities(std::string_view text) {
  LogProbabilities out;
  size_t line = 1;
  for (size_t at = 0; at < text.size();) {
    if (IsSpace(text[at])) {
      line += text[at++] == '\n';
      continue;
    }
    size_t end = at;
    while (end < text.size() && !IsSpace(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    at = end;
    if (word == "-") {
      out.ln_q.push_back(0);
      ++out.missing;
      continue;
    }
    const auto fail = [&](const std::string& what) {
      return Fail(ErrorKind::kMalformed, "log-probabilities: line " + std::to_string(line) + ": " + what);
    };
    const std::string name = "number " + std::to_string(out.ln_q.size());
    double value = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (stop != word.data() + word.size() || error == std::errc::invalid_argument) {
      return fail(name + " must be a decimal number or \"-\"");
    }
    if (error == std::errc::result_out_of_range) return fail(name + " must be a number that a double can hold");
    if (!(value <= 0) || std::isinf(value)) {
      char digits[32];
      return fail(name + " must be a number at most 0, got " + std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr));
    }
    out.ln_q.push_back(value);
  }
  return out;
}

Result<void> CheckCount(const LogProbabilities& probabilities, size_t tokens) {
  if (probabilities.ln_q.size() == tokens) return {};
  return Fail(ErrorKind::kMismatch, "log-probabilities: " + std::to_string(probabilities.ln_q.size()) + " numbers for a text of " +
                                        std::to_string(tokens) + " tokens");
}

}  // namespace verdigris::verify
