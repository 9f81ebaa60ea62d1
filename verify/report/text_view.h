// What a picture of one judged text shows, for terminals and pages: its pieces with what became of each token, and how the
// evidence grows along it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "verify/finding.h"
#include "verify/judge.h"
#include "verify/text/tokenizer.h"

namespace verdigris::verify {

// A hit scores above the mean of the null law, a miss does not.
enum class TokenClass { kHit, kMiss, kNotScored };
TokenClass ClassOf(const TokenState& state, const NullLaw& law);

inline constexpr size_t kNoToken = ~size_t{0};

// Gives `document` piece by piece: for each of tokens [first, last) the bytes that no earlier token of them showed, and with
// kNoToken the bytes that stand between. From the first token's begin to the last one's end; of all tokens, the whole document.
void ForEachPiece(std::string_view document, std::span<const Token> tokens, size_t first, size_t last,
                  const std::function<void(std::string_view text, size_t token)>& each);

// log10 of the test martingale along a text, and the level at which it detects.
struct Trajectory {
  std::vector<double> height;     // of each column the largest, at least 0
  double level = 0;               // log10 1/alpha
  double highest = 0;
  std::optional<size_t> reached;  // the first token at which it is at or above the level
};
// Column c of C has tokens [c n / C, (c + 1) n / C) of n; there are at most `columns`, and no more than tokens. None where no
// token was scored.
Trajectory TrajectoryOf(std::span<const TokenState> states, double alpha, size_t columns);

}  // namespace verdigris::verify
