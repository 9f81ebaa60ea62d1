// The martingale of bits in closed form. With a prior uniform on (g, 1) the average of likelihood ratios is a beta
// integral, and that is a binomial tail (statistics.md 6.1):
//   M(n, k) = P(Bin(n+1, g) <= k) / ((n+1-k) b(k; n+1, g)).
// At or below the mean the quotient is one sum of products of ratios, free of cancellation; above it the tail is
// 1 - (the small other tail). The recursion from M(n, k) to M(n+1, k) would be shorter but loses all digits below the
// mean, so no state but the counts is kept.
//
// A running maximum needs M at few of the counts it passes:
//  - M falls at a 0. Its factor is (1-p)/(1-g) < 1 for every rate p of the prior.
//  - At k <= n g every likelihood ratio of the prior is below 1 (the likelihood falls from its maximum k/n on, and
//    p > g >= k/n), so M <= 1 = M_0.
//  - Elsewhere M <= 1 / ((n+1-k) b(k; n+1, g)), the quotient above with its tail put at 1: O(1), and too large by a
//    factor of 2 or so. (The largest likelihood ratio, exp(n KL(k/n || g)), is a bound too, but exceeds 1 at every
//    k > n g: it would spare nothing on unmarked text, where the maximum so far is often 1.)
// Only where this bound exceeds the maximum is the O(sqrt n) tail summed.
//
// Built without fast-math and with -ffp-contract=off. Tested by tests/verify/martingale_test.cc.
#include "verify/martingale.h"

#include <cassert>
#include <cmath>

#include "verify/binomial.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr double kLog10E = 0.434294481903251827651;

// ln of 1 / ((n+1-k) b(k; n+1, g)).
double LnBound(uint64_t n, uint64_t k, const Chance& g) {
  return -std::log(static_cast<double>(n + 1 - k)) - LnBinomialPmf(n + 1, k, g);
}

double LnMartingale(uint64_t n_count, uint64_t k_count, const Chance& g) {
  const double n = static_cast<double>(n_count), k = static_cast<double>(k_count);
  if (k * g.all > (n + 1) * g.yes) {
    return LnBound(n_count, k_count, g) + LnBinomialTails(n_count + 1, k_count + 1, g).ln_below;
  }
  const double odds = g.no / g.yes;
  double sum = 1, term = 1;
  for (double i = 0; i < k; ++i) {
    term *= (k - i) * odds / (n + 2 - k + i);
    sum += term;
    if (term < 1e-17 * sum) break;
  }
  return std::log(sum) - std::log(n + 1 - k);
}

}  // namespace

double Log10BernoulliMartingale(uint64_t n, uint64_t k, uint32_t numerator, uint32_t denominator) {
  assert(k <= n);
  if (n == 0) return 0;  // M_0 = 1; the sum would be 1e-17 off it
  return LnMartingale(n, k, Chance::FromRatio(numerator, denominator)) * kLog10E;
}

double Log10Martingale(const NullLaw& law, uint64_t n, Statistic statistic) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli:
      return Log10BernoulliMartingale(n, static_cast<uint64_t>(statistic), law.numerator, law.denominator);
    case NullLaw::Kind::kGamma:
    case NullLaw::Kind::kTwoBernoulli:
      break;
  }
  assert(false && "law without a martingale");
  return 0;  // M = 1: no evidence
}

void RunningMaximum::Push(uint64_t score) {
  assert(score <= 1);
  ++n_;
  if (score == 0) return;
  ++statistic_;
  const Chance g = Chance::FromRatio(law_.numerator, law_.denominator);
  if (static_cast<double>(statistic_) * g.all <= static_cast<double>(n_) * g.yes) return;
  // The slack covers the rounding of the bound, which is far below it.
  if (LnBound(n_, static_cast<uint64_t>(statistic_), g) * kLog10E < log10_max_ - 1e-9) return;
  const double log10_m = Log10Martingale(law_, n_, statistic_);
  if (log10_m > log10_max_) log10_max_ = log10_m;
}

}  // namespace verdigris::verify
