// Martingales in closed form. Bits: with a prior uniform on (g, 1) the average of likelihood ratios is a beta integral,
// and that is a binomial tail (statistics.md 6.1):
//   M(n, k) = P(Bin(n+1, g) <= k) / ((n+1-k) b(k; n+1, g)).
// Exponentials: with theta uniform on (0, 1) it is a gamma integral, and that is a Poisson tail (6.2):
//   M(n, s) = P(Poisson(s) >= n+1) / (s pois(n; s)).
// At or below the mean each quotient is one sum of products of ratios, free of cancellation; above it the tail is
// 1 - (the small other tail). The recursions from M(n) to M(n+1) would be shorter but lose all digits below the mean,
// so no state but the sums is kept. Two kinds of bits have no closed form: M is the mean of five products that depend
// on (n, S) alone.
//
// A running maximum needs M at few of the sums it passes:
//  - M falls at a 0, for bits. Its factor is (1-p)/(1-g) < 1 for every rate p of the prior.
//  - At or below the null mean every likelihood ratio of the prior is at most 1, so M <= 1 = M_0. (The likelihood falls
//    from its maximum, k/n or n/s, on, and the prior lies beyond that.)
//  - Elsewhere M is at most the quotient above with its tail put at 1: O(1), and too large by a factor of 2 or so. (The
//    largest likelihood ratio is a bound too, but exceeds 1 at every sum above the mean: it would spare nothing on
//    unmarked text, where the maximum so far is often 1.)
// Only where this bound exceeds the maximum is the O(sqrt n) tail summed.
//
// Built without fast-math and with -ffp-contract=off. Tested by tests/verify/martingale_test.cc and
// martingale_sums_test.cc.
#include "verify/martingale.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

#include "verify/binomial.h"
#include "verify/gamma.h"
#include "verify/ln_mean_exp.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr double kNegligible = 1e-17;  // share of a sum below which a term, and all that follow, do not count

double Nats(Statistic statistic) { return static_cast<double>(statistic) * 0x1p-32; }

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
    if (term < kNegligible * sum) break;
  }
  return std::log(sum) - std::log(n + 1 - k);
}

// ln of 1 / (s pois(n; s)), s > 0.
double LnBound(uint64_t n, double s) { return -std::log(s) - LnPoisson(n, s); }

double LnMartingale(uint64_t n_count, double s) {
  const double n = static_cast<double>(n_count);
  if (s > n + 1) return LnBound(n_count, s) + LnGammaTails(n_count + 1, s).ln_at_most;
  double sum = 1, term = 1;
  for (double i = n + 2; term >= kNegligible * sum; ++i) {
    term *= s / i;
    sum += term;
  }
  return std::log(sum) - std::log(n + 1);
}

// ln of the mean of the bets' products.
double LnMartingale(const std::array<Bet, kBets>& bets, uint64_t n, Statistic statistic) {
  std::array<double, kBets> products;
  for (size_t i = 0; i < kBets; ++i) {
    products[i] = bets[i].slope * static_cast<double>(statistic) + bets[i].offset * static_cast<double>(n);
  }
  return LnMeanExp(products);
}

}  // namespace

double Log10BernoulliMartingale(uint64_t n, uint64_t k, uint32_t numerator, uint32_t denominator) {
  assert(k <= n);
  if (n == 0) return 0;  // M_0 = 1; the sum would be 1e-17 off it
  return LnMartingale(n, k, Chance::FromRatio(numerator, denominator)) * std::numbers::log10e;
}

double Log10GammaMartingale(uint64_t n, double s) {
  assert(s >= 0 && std::isfinite(s));
  if (n == 0 && s == 0) return 0;
  return LnMartingale(n, s) * std::numbers::log10e;
}

double Log10Martingale(const NullLaw& law, uint64_t n, Statistic statistic) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli:
      return Log10BernoulliMartingale(n, static_cast<uint64_t>(statistic), law.numerator, law.denominator);
    case NullLaw::Kind::kGamma:
      return Log10GammaMartingale(n, Nats(statistic));
    case NullLaw::Kind::kTwoBernoulli:
      return n == 0 ? 0 : LnMartingale(BetsOn(law), n, statistic) * std::numbers::log10e;
  }
  assert(false && "no such law");
  return 0;  // M = 1: no evidence
}

bool RunningMaximum::CannotRise() const {
  // The slack covers the rounding of the bounds, which is far below it.
  const double log10_reach = log10_max_ - 1e-9;
  switch (law_.kind) {
    case NullLaw::Kind::kBernoulli: {
      const Chance g = Chance::FromRatio(law_.numerator, law_.denominator);
      if (static_cast<double>(statistic_) * g.all <= static_cast<double>(n_) * g.yes) return true;
      return LnBound(n_, static_cast<uint64_t>(statistic_), g) * std::numbers::log10e < log10_reach;
    }
    case NullLaw::Kind::kGamma: {
      const double s = Nats(statistic_);
      return s <= static_cast<double>(n_) || LnBound(n_, s) * std::numbers::log10e < log10_reach;
    }
    case NullLaw::Kind::kTwoBernoulli:
      return false;  // M is cheap
  }
  return false;
}

void RunningMaximum::Push(uint64_t score) {
  ++n_;
  statistic_ += score;
  if (score == 0 || CannotRise()) return;
  const double log10_m = law_.kind == NullLaw::Kind::kTwoBernoulli ? LnMartingale(bets_, n_, statistic_) * std::numbers::log10e
                                                                   : Log10Martingale(law_, n_, statistic_);
  log10_max_ = std::max(log10_max_, log10_m);
}

}  // namespace verdigris::verify
