// Are the p-values of a corpus those of unmarked documents? Then they are uniform, and how many lie at or below a level is
// Bin(m, level).
//
// Law       X ~ Bin(m, level), its exact tails (verify/binomial.h). Discrete p-values are a little above uniform, so counts may lie
//           below a band and never above it by more than chance.
// Band      simultaneous: each of K counts leaves its band with chance at most .05 / K, .025 / K on each side, so all K stay within
//           theirs with chance at least .95 (Bonferroni; Dunn 1961, J. Am. Stat. Assoc. 56, 52).
// Assumed   documents that share no tuples. Those of one key on repetitive text do (statistics.md 9.2), and scatter wider.
#pragma once

#include <cstddef>
#include <cstdint>

namespace verdigris::verify {

inline constexpr double kBandLevel = 0.95;

struct CountBand {
  uint64_t lower, upper;  // both within
};
// Bands of `bands` counts together, of X ~ Bin(m, share). 0 < share < 1, m below 2^53, bands >= 1.
// Cost   O(sqrt m) for each; a millisecond where m is 10^9.
CountBand BinomialBand(uint64_t m, double share, size_t bands);

}  // namespace verdigris::verify
