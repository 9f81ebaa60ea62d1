// Binomial tails in log space. The point probability comes in Loader's saddle form (verify/deviance.h). The tail is
// that probability times a sum of products of ratios of neighbours, all positive, summed away from the mean until a
// term no longer counts. The tail on the other side of the mean is log1p(-this one): whichever is smaller is computed,
// so a p near 1 is as good as a p of 1e-300.
//
// Departure from Loader: where n is the count itself the chance is a ratio of integers.
//
// The result decides verdicts that others recompute, so this file is built without fast-math and with
// -ffp-contract=off. Tested by tests/verify/law_test.cc.
#include "verify/binomial.h"

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

// A term below this share of the sum ends it. Terms fall at least geometrically from there on, so what is left out is
// below 1e-15 of the sum up to n = 1e7.
constexpr double kNegligible = 1e-17;

// ln of part/all; `rest` = all - part.
double LnShare(double part, double rest, double all) {
  return 2 * part < all ? std::log(part / all) : std::log1p(-rest / all);
}

}  // namespace

Chance Chance::FromRatio(uint32_t numerator, uint32_t denominator) {
  assert(0 < numerator && numerator < denominator);
  return {static_cast<double>(numerator), static_cast<double>(denominator - numerator),
          static_cast<double>(denominator)};
}

Chance Chance::FromReal(double p) {
  assert(0 < p && p < 1);
  return {p, 1 - p, 1};
}

double Chance::LnYes() const { return LnShare(yes, no, all); }
double Chance::LnNo() const { return LnShare(no, yes, all); }

double LnBinomialPmf(uint64_t n_count, uint64_t k_count, const Chance& p) {
  assert(k_count <= n_count);
  const double n = static_cast<double>(n_count), k = static_cast<double>(k_count);
  if (k_count == 0) return n * p.LnNo();
  if (k_count >= n_count) return n * p.LnYes();
  return StirlingError(n) - StirlingError(k) - StirlingError(n - k) - Deviance(k, n * p.yes / p.all) -
         Deviance(n - k, n * p.no / p.all) + 0.5 * std::log(n / (kTwoPi * k * (n - k)));
}

BinomialTails LnBinomialTails(uint64_t n_count, uint64_t k_count, const Chance& p) {
  assert(k_count <= n_count);
  if (k_count == 0) return {0.0, -std::numeric_limits<double>::infinity()};
  const double n = static_cast<double>(n_count), k = static_cast<double>(k_count);
  double sum = 1, term = 1;
  if (k * p.all > n * p.yes) {
    const double odds = p.yes / p.no;
    for (double i = k; i < n; ++i) {
      term *= (n - i) * odds / (i + 1);
      sum += term;
      if (term < kNegligible * sum) break;
    }
    const double ln_at_least = LnBinomialPmf(n_count, k_count, p) + std::log(sum);
    return {ln_at_least, std::log1p(-std::exp(ln_at_least))};
  }
  const double odds = p.no / p.yes;
  for (double i = k - 1; i > 0; --i) {
    term *= i * odds / (n - i + 1);
    sum += term;
    if (term < kNegligible * sum) break;
  }
  const double ln_below = LnBinomialPmf(n_count, k_count - 1, p) + std::log(sum);
  return {std::log1p(-std::exp(ln_below)), ln_below};
}

}  // namespace verdigris::verify
