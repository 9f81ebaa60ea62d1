// The martingale and not a z-score is shown: its height means the same at every place, evidence that would stand if the
// text ended there (statistics.md section 6).
//
// Tested by tests/verify/report/text_view_test.cc and tests/cli/show*.sh.
#include "verify/report/text_view.h"

#include <algorithm>
#include <cmath>

#include "verify/law.h"

namespace verdigris::verify {

TokenClass ClassOf(const TokenState& state, const NullLaw& law) {
  if (state.kind != TokenState::Kind::kScored) return TokenClass::kNotScored;
  return static_cast<double>(state.score) > MeanScore(law) ? TokenClass::kHit : TokenClass::kMiss;
}

void ForEachPiece(std::string_view document, std::span<const Token> tokens, size_t first, size_t last,
                  const std::function<void(std::string_view text, size_t token)>& each) {
  size_t at = first == 0 || first >= tokens.size() ? 0 : tokens[first].begin;  // a byte may stand behind several tokens
  for (size_t i = first; i < last; ++i) {
    const size_t begin = std::max<size_t>(at, tokens[i].begin), end = std::max<size_t>(begin, tokens[i].end);
    if (begin > at) each(document.substr(at, begin - at), kNoToken);
    each(document.substr(begin, end - begin), i);
    at = end;
  }
  if (last == tokens.size() && at < document.size()) each(document.substr(at), kNoToken);
}

Trajectory TrajectoryOf(std::span<const TokenState> states, double alpha, size_t columns) {
  Trajectory trajectory;
  trajectory.level = -std::log10(alpha);
  if (std::none_of(states.begin(), states.end(), [](const TokenState& state) { return state.kind == TokenState::Kind::kScored; })) return trajectory;
  columns = std::min(columns, states.size());
  trajectory.height.assign(columns, 0);
  for (size_t c = 0; c < columns; ++c) {
    for (size_t t = states.size() * c / columns; t < states.size() * (c + 1) / columns; ++t) {
      trajectory.height[c] = std::max(trajectory.height[c], states[t].log10_e);
      if (!trajectory.reached && states[t].log10_e >= trajectory.level) trajectory.reached = t;
    }
    trajectory.highest = std::max(trajectory.highest, trajectory.height[c]);
  }
  return trajectory;
}

}  // namespace verdigris::verify
