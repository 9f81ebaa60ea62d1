// Log-probabilities of a text's tokens from any model, as a text file: one number a token, in token order, white space
// between, natural logarithms, `-` for a token that the model gives no probability to (the first, mostly).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "watermark/result.h"

namespace verdigris::verify {

struct LogProbabilities {
  // One a token; 0 where the file has none, which takes the token out of any test (verify/proxy.h).
  std::vector<double> ln_q;
  size_t missing = 0;  // how many of them
};

// Numbers are decimal (-1.25, -3e-2). White space: space, tab, carriage return, line feed.
//
// Errors   kMalformed, naming the line and the number's ordinal from 0: what is no number; NaN, infinite or positive ones.
Result<LogProbabilities> ParseLogProbabilities(std::string_view text);

// Errors   kMismatch where the file is not of a text of this many tokens.
Result<void> CheckCount(const LogProbabilities& probabilities, size_t tokens);

}  // namespace verdigris::verify
