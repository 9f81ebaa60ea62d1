// Gamma tails in log space. A sum of n exponentials is at least s when a Poisson process has at most n-1 points before
// s, so each tail is a Poisson probability, in saddle form, times a sum of products of neighbours' ratios:
//   s > n    P(Gamma(n) >= s) = P(N <= n-1) = pois(n-1; s) (1 + (n-1)/s + (n-1)(n-2)/s^2 + ...)
//   s <= n   P(Gamma(n) <= s) = P(N >= n)   = pois(n; s)   (1 + s/(n+1) + s^2/((n+1)(n+2)) + ...)
// All terms are positive and fall from the first on; whichever tail is smaller is summed and the other is log1p(-it).
//
// Departure from statistics.md section 5: above the mean the finite sum stands in for the continued fraction of Q. It
// is as accurate, has no cancellation to argue about, and costs no division a term.
//
// Built without fast-math and with -ffp-contract=off. Tested by tests/verify/gamma_test.cc.
#include "verify/gamma.h"

#include <cassert>
#include <cmath>
#include <limits>

#include "verify/deviance.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr double kTwoPi = 6.283185307179586476925;
constexpr double kNegligible = 1e-17;  // share of the sum below which a term, and all that follow, do not count
constexpr int kBlock = 8;              // terms between two such checks, which cost as much as a term

}  // namespace

double LnPoisson(uint64_t k_count, double mean) {
  assert(mean > 0);
  if (k_count == 0) return -mean;
  const double k = static_cast<double>(k_count);
  return -StirlingError(k) - Deviance(k, mean) - 0.5 * std::log(kTwoPi * k);
}

GammaTails LnGammaTails(uint64_t n_count, double s) {
  assert(n_count >= 1 && s >= 0 && std::isfinite(s));
  if (!(s > 0)) return {0.0, -std::numeric_limits<double>::infinity()};
  const double n = static_cast<double>(n_count);
  double sum = 1, term = 1;
  if (s > n) {
    const double step = 1 / s;
    for (double i = n - 1; term >= kNegligible * sum; i -= kBlock) {
      for (int j = 0; j < kBlock; ++j) {  // past i = 0 the terms are 0
        term *= (i - j) * step;
        sum += term;
      }
    }
    const double ln_at_least = LnPoisson(n_count - 1, s) + std::log(sum);
    return {ln_at_least, std::log1p(-std::exp(ln_at_least))};
  }
  for (double i = n + 1; term >= kNegligible * sum; i += kBlock) {
    for (int j = 0; j < kBlock; ++j) {
      term *= s / (i + j);
      sum += term;
    }
  }
  const double ln_at_most = LnPoisson(n_count, s) + std::log(sum);
  return {std::log1p(-std::exp(ln_at_most)), ln_at_most};
}

}  // namespace verdigris::verify
