// A hypergeometric probability is a quotient of three binomial ones at the same rate, each in saddle form (Loader
// 2000):
//   h(k) = b(k; green, u) b(drawn - k; all - green, u) / b(drawn; all, u),   u = drawn / all.
// The tail is that times a sum of products of ratios of neighbours, away from the mean, as in binomial.cc.
//
// Built without fast-math and with -ffp-contract=off. Tested by tests/verify/gamma_test.cc.
#include "verify/hypergeometric.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

#include "verify/binomial.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr double kNegligible = 1e-17;  // share of the sum below which a term, and all that follow, do not count

// ln P(X >= k), k above the mean. All counts as doubles: up to 2^32 they are exact.
double LnTail(uint32_t all, uint32_t green, uint32_t drawn, uint32_t k) {
  const Chance u = Chance::FromRatio(drawn, all);
  const double ln_pmf =
      LnBinomialPmf(green, k, u) + LnBinomialPmf(all - green, drawn - k, u) - LnBinomialPmf(all, drawn, u);
  const double greens = green, draws = drawn, others = static_cast<double>(all) - greens - draws;
  double sum = 1, term = 1;
  for (double i = k; term >= kNegligible * sum; ++i) {
    term *= (greens - i) * (draws - i) / ((i + 1) * (others + i + 1));  // 0 at the largest count
    sum += term;
  }
  return ln_pmf + std::log(sum);
}

}  // namespace

double Log10HypergeometricUpperTail(uint32_t all, uint32_t green, uint32_t drawn, uint32_t k) {
  assert(0 < green && green < all && drawn <= all && k <= std::min(green, drawn));
  const uint32_t red = all - green;
  if (k == 0 || (drawn > red && k <= drawn - red)) return 0;
  if (drawn == all) return 0;
  double ln_p;
  if (uint64_t{k} * all > uint64_t{drawn} * green) {
    ln_p = LnTail(all, green, drawn, k);
  } else {  // 1 - P(at least drawn - k + 1 red ones)
    ln_p = std::log1p(-std::exp(LnTail(all, red, drawn, drawn - k + 1)));
  }
  return ln_p < 0 ? ln_p * std::numbers::log10e : 0;
}

}  // namespace verdigris::verify
