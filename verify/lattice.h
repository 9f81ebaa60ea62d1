// Upper tail of a sum of bits with whole weights, exact, in log space: the arithmetic under verify/weighted.h and the
// power of two-level sums. Weights here are positive and rates may be real.
#pragma once

#include <cstdint>
#include <vector>

#include "verify/binomial.h"

namespace verdigris::verify {

struct LatticeLevel {
  uint64_t weight;  // > 0
  uint64_t n;       // > 0
  Chance chance;    // of a 1
};

// ln P(sum of weight * Bin(n, chance) >= s), 1 <= s <= sum of weight * n < 2^53.
//
// Accuracy  |error of log10| <= 4e-12 + 4e-15 |log10|; at or below the mean it is log1p(-the other tail).
//           Where weights are so large that the rule would need more than 2^24 nodes (none is up to weight 1023) the
//           result may be too large, never too small.
double LnLatticeUpperTail(std::vector<LatticeLevel> levels, uint64_t s);

}  // namespace verdigris::verify
