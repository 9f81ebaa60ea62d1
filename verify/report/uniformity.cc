// Tested by tests/verify/report/uniformity_test.cc.
#include "verify/report/uniformity.h"

#include <algorithm>
#include <cmath>

#include "verify/binomial.h"

namespace verdigris::verify {
namespace {

// The smallest k in [0, n] at which `holds`, which holds from there on, and at n. Near `guess` it takes few steps.
template <class Holds>
uint64_t FirstFrom(uint64_t n, double guess, Holds&& holds) {
  uint64_t at = static_cast<uint64_t>(std::clamp(guess, 0.0, static_cast<double>(n)));
  uint64_t low = 0, high = n;  // the answer is in [low, high]
  uint64_t step = 1;
  if (at == n || holds(at)) {
    high = at;
    while (high > low && holds(high - std::min(step, high - low))) {
      high -= std::min(step, high - low);
      step *= 2;
    }
    low = high - std::min(step, high - low);
  } else {
    low = at + 1;
    while (low < high && !holds(std::min(low + step, high))) {
      low = std::min(low + step, high) + 1;
      step *= 2;
    }
    high = std::min(low + step, high);
  }
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (holds(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace

CountBand BinomialBand(uint64_t m, double share, size_t bands) {
  if (m == 0) return {0, 0};
  const Chance chance = Chance::FromReal(share);
  const double ln_outside = std::log((1 - kBandLevel) / 2 / static_cast<double>(bands));
  const double n = static_cast<double>(m), deviation = std::sqrt(n * share * (1 - share));
  const double z = std::sqrt(-2 * ln_outside);  // a little more than the quantile
  // P(X <= k) above the level from `lower` on; P(X >= k + 1) at most the level from `upper` on.
  const uint64_t lower = FirstFrom(m, n * share - z * deviation, [&](uint64_t k) { return k >= m || LnBinomialTails(m, k + 1, chance).ln_below > ln_outside; });
  const uint64_t upper =
      FirstFrom(m, n * share + z * deviation, [&](uint64_t k) { return k >= m || LnBinomialTails(m, k + 1, chance).ln_at_least <= ln_outside; });
  return {lower, upper};
}

}  // namespace verdigris::verify
