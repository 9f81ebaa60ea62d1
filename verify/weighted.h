// Null laws of weighted sums: scores that count for more where the text left more room for a mark, or that count
// against it. Weights are side information (statistics.md section 2): they may depend on the text, on a proxy's
// probabilities and on counts, never on a key or a score.
//
// Null hypothesis   as in verify/law.h: scores of distinct tuples are independent, each with its level's law.
// Weights           of either sign. Quantise them first (verify/proxy.h), so that few levels hold many scores.
// Accuracy          exact: |error of log10 p| <= 4e-12 + 4e-15 |log10 p|, where p > 0.98 relative error of log10 p
//                   <= 1e-10, checked for up to 81 levels, n to 100,000, weights to 1023. Never NaN, never -inf.
#pragma once

#include <cstdint>
#include <span>

#include "verify/law.h"

namespace verdigris::verify {

__extension__ typedef __int128 Int128;

// n bits of chance numerator / denominator, 0 < numerator < denominator, each worth `weight`.
struct WeightedBits {
  int32_t weight;
  uint64_t n;
  uint32_t numerator, denominator;
};

// log10 P(sum of weight * bit >= s), exact. 0 where s is at or below the smallest sum, hence where nothing is scored; a
// statistic above the largest sum is a bug. Levels may repeat and may be empty; sum |weight| n must be below 2^53.
// Cost: some 10 us for two levels, 0.1 ms for 15, whatever n.
double Log10WeightedBitsUpperTail(std::span<const WeightedBits> levels, Int128 s);

// n unit exponentials, each worth `weight`, in nats; finite.
struct WeightedExponentials {
  double weight;
  uint64_t n;
};

enum class Tail { kUpper, kLower };

struct TailResult {
  double log10_p;
  LawStatus status;  // kBound: log10_p is an upper bound (Chernoff) of the true one
};

// log10 P(sum of weight * exponential >= s), or <= s. {0, kExact} where nothing is scored. A statistic that the sum
// cannot reach, such as s <= 0 in the lower tail of positive weights, is a bug. Scores are sums of fixed point: pass s
// rounded away from evidence. For s = statistic * 2^-32 of scores that were rounded down, levels of negative weight
// need s raised by 2^-28 |weight| each score (section 4).
TailResult Log10WeightedExponentialsTail(std::span<const WeightedExponentials> levels, double s, Tail tail);

}  // namespace verdigris::verify
