// Step rules over sorted log10 p. Holm 1979; Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001; Clopper and Pearson
// 1934 by bisection on exact binomial tails.
//
// Built with -ffp-contract=off: what is rejected is recomputed by others.
// Tested by tests/verify/multiplicity_test.cc (multiple.json).
#include "verify/multiplicity.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "verify/binomial.h"
#include "verify/gamma.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr double kSlack = 1e-12;
constexpr double kEulerGamma = 0.577215664901532860607;

double Log10Of(uint64_t count) { return std::log10(static_cast<double>(count)); }

}  // namespace

Rejections Reject(Control control, std::span<const double> log10_p, uint64_t m, double log10_alpha) {
  assert(m >= log10_p.size());
  const size_t count = log10_p.size();
  Rejections out;
  out.order.resize(count);
  std::iota(out.order.begin(), out.order.end(), size_t{0});
  std::stable_sort(out.order.begin(), out.order.end(), [&](size_t a, size_t b) { return log10_p[a] < log10_p[b]; });
  out.log10_adjusted.resize(count);
  const bool step_up = control == Control::kBenjaminiHochberg || control == Control::kBenjaminiYekutieli;
  const double log10_harmonic = control == Control::kBenjaminiYekutieli && m > 0 ? std::log10(HarmonicNumber(m)) : 0;
  const auto scaled = [&](size_t i) {
    const double p = log10_p[out.order[i]];
    switch (control) {
      case Control::kBonferroni: return p + Log10Of(m);
      case Control::kHolm: return p + Log10Of(m - i);
      default: return p + log10_harmonic + Log10Of(m) - Log10Of(i + 1);
    }
  };
  // Step-up takes the least from the far end, step-down the largest from the near one; p = 1 of tests not listed cannot
  // lower a step-up value below 1.
  double running = 0;
  if (step_up) {
    for (size_t i = count; i-- > 0;) out.log10_adjusted[i] = running = std::min(running, scaled(i));
  } else {
    running = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < count; ++i) out.log10_adjusted[i] = running = std::min(0.0, std::max(running, scaled(i)));
  }
  while (out.rejected < count && out.log10_adjusted[out.rejected] <= log10_alpha + kSlack) ++out.rejected;
  return out;
}

size_t RejectByE(std::span<const double> log10_e, uint64_t m, double log10_alpha) {
  assert(m >= log10_e.size());
  std::vector<double> sorted(log10_e.begin(), log10_e.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  size_t rejected = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] >= Log10Of(m) - log10_alpha - Log10Of(i + 1) - kSlack) rejected = i + 1;
  }
  return rejected;
}

double HarmonicNumber(uint64_t m) {
  assert(m >= 1);
  double sum = 0;
  if (m < 64) {
    for (uint64_t i = m; i > 0; --i) sum += 1 / static_cast<double>(i);
    return sum;
  }
  const double x = static_cast<double>(m), s = 1 / (x * x);
  return std::log(x) + kEulerGamma + 0.5 / x - s * (1. / 12 - s * (1. / 120 - s / 252));
}

double Log10Sidak(double log10_p, uint64_t keys) {
  assert(keys >= 1);
  const double ln_p = log10_p * std::numbers::ln10;
  if (ln_p >= 0 || keys == 1) return std::min(0.0, log10_p);
  const double p = std::exp(ln_p);
  // ln(-ln(1-p)); below p = 1e-17 it is ln p.
  const double ln_hazard = p < 1e-17 ? ln_p : ln_p + std::log(-std::log1p(-p) / p);
  const double x = std::log(static_cast<double>(keys)) + ln_hazard;
  const double ln_all = x < -37 ? x : std::log(-std::expm1(-std::exp(x)));
  return std::min(0.0, ln_all / std::numbers::ln10);
}

double Log10Bonferroni(double log10_p, uint64_t keys) {
  assert(keys >= 1);
  return std::min(0.0, log10_p + Log10Of(keys));
}

double Log10TwiceTheSmaller(double log10_p1, double log10_p2) { return Log10Bonferroni(std::min(log10_p1, log10_p2), 2); }

double Log10Fisher(std::span<const double> log10_p) {
  assert(!log10_p.empty());
  double sum = 0;
  for (const double p : log10_p) sum -= p * std::numbers::ln10;
  if (sum <= 0) return 0;
  return std::min(0.0, LnGammaTails(log10_p.size(), sum).ln_at_least / std::numbers::ln10);
}

double Log10EBySquareRoot(double log10_p) { return -0.5 * log10_p - std::log10(2.0); }

double Log10EByMixture(double log10_p) {
  const double x = -log10_p * std::numbers::ln10;  // e = (exp(x) - 1 - x) / x^2
  if (x < 1) {
    double sum = 0, term = 0.5;  // x^k / (k+2)!
    for (int k = 1; term > 1e-18; ++k) {
      sum += term;
      term *= x / (k + 2);
    }
    return std::log10(sum);
  }
  return (x + std::log1p(-(1 + x) * std::exp(-x)) - 2 * std::log(x)) / std::numbers::ln10;
}

Band ClopperPearson(uint64_t n, uint64_t k, double level) {
  assert(n >= 1 && k <= n && 0 < level && level < 1);
  const double ln_tail = std::log((1 - level) / 2);
  // Where holds(p) turns true, by bisection; 200 halvings reach neighbouring doubles from 1e-60 up.
  const auto turn = [](double low, double high, const auto& holds) {
    for (int i = 0; i < 200 && low < high; ++i) {
      // Halving the logarithm below a half of the range, the value above it: an end may be as small as 1e-12.
      const double middle = low < high / 4 ? std::sqrt(low * high) : low + (high - low) / 2;
      if (middle <= low || middle >= high) break;
      (holds(middle) ? high : low) = middle;
    }
    return high;
  };
  const double share = static_cast<double>(k) / static_cast<double>(n);
  Band band{0, 1};
  if (k > 0) {
    band.lower = k == n ? std::exp(ln_tail / static_cast<double>(n))
                        : turn(1e-60, share, [&](double p) { return LnBinomialTails(n, k, Chance::FromReal(p)).ln_at_least >= ln_tail; });
  }
  if (k < n) {
    band.upper = k == 0 ? -std::expm1(ln_tail / static_cast<double>(n))
                        : turn(share, 1 - 1e-16, [&](double p) { return LnBinomialTails(n, k + 1, Chance::FromReal(p)).ln_below <= ln_tail; });
  }
  return band;
}

bool BandContains(uint64_t n, uint64_t k, double level, uint32_t numerator, uint32_t denominator) {
  assert(k <= n && 0 < level && level < 1);
  const double ln_tail = std::log((1 - level) / 2);
  const Chance share = Chance::FromRatio(numerator, denominator);
  return LnBinomialTails(n, k, share).ln_at_least >= ln_tail && (k == n || LnBinomialTails(n, k + 1, share).ln_below >= ln_tail);
}

double Log10TwoSidedBinomial(uint64_t n, uint64_t k, double log10_share) {
  assert(k <= n);
  if (log10_share >= 0) return k == n ? 0 : -std::numeric_limits<double>::max();
  const double share = std::pow(10.0, log10_share);
  if (share <= 0) return k == 0 ? 0 : -std::numeric_limits<double>::max();
  const Chance chance = Chance::FromReal(share);
  const double at_least = LnBinomialTails(n, k, chance).ln_at_least;
  const double at_most = k == n ? 0 : LnBinomialTails(n, k + 1, chance).ln_below;
  return std::min(0.0, (std::log(2.0) + std::min(at_least, at_most)) / std::numbers::ln10);
}

int64_t AlphaLog10E4(double alpha) {
  // A level such as 1e-6 is met although its logarithm is not exact.
  return std::min<int64_t>(0, static_cast<int64_t>(std::floor(std::log10(alpha) * 1e4 + 1e-7)));
}

}  // namespace verdigris::verify
