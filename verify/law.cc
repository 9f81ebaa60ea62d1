// One place that knows which tail belongs to which kind of NullLaw; the arithmetic of each is a file of its own
// (binomial.cc, gamma.cc, weighted.cc). What is decided here is decided on the computed value, before any rounding for
// print (statistics.md section 5, "Comparing with alpha").
//
// Built without fast-math and with -ffp-contract=off: p is a pure function of integers on every machine.
// Tested by tests/verify/law_test.cc.
#include "verify/law.h"

#include <array>
#include <cassert>
#include <cmath>
#include <numbers>

#include "verify/binomial.h"
#include "verify/gamma.h"
#include "verify/weighted.h"
#include "watermark/surprise.h"

namespace verdigris::verify {
namespace {

constexpr double kBoundary = 1e-9;  // far above the error of log10 p near any alpha in use, far below any step of it

double Log10GammaUpperTail(uint64_t n, Statistic statistic) {
  if (n == 0) return 0;
  const double ln_p = LnGammaTails(n, static_cast<double>(statistic) * 0x1p-32).ln_at_least;
  return ln_p < 0 ? ln_p * std::numbers::log10e : 0;
}

double Log10TwoBernoulliUpperTail(const NullLaw& law, uint64_t n, Statistic statistic) {
  const std::array<WeightedBits, 2> levels = {{{2, n * law.heavy, 1, 2}, {1, n * law.light, 1, 2}}};
  return Log10WeightedBitsUpperTail(levels, static_cast<Int128>(statistic));
}

}  // namespace

double Log10BinomialUpperTail(uint64_t n, uint64_t k, uint32_t numerator, uint32_t denominator) {
  assert(k <= n);
  const Chance g = Chance::FromRatio(numerator, denominator);
  if (k == 0) return 0;
  const double ln_p = k < n ? LnBinomialTails(n, k, g).ln_at_least : static_cast<double>(n) * g.LnYes();
  return ln_p < 0 ? ln_p * std::numbers::log10e : 0;  // a p that rounds to 1 is +0, not -0
}

double Log10UpperTail(const NullLaw& law, uint64_t n, Statistic statistic) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli:
      return Log10BinomialUpperTail(n, static_cast<uint64_t>(statistic), law.numerator, law.denominator);
    case NullLaw::Kind::kGamma:
      return Log10GammaUpperTail(n, statistic);
    case NullLaw::Kind::kTwoBernoulli:
      return Log10TwoBernoulliUpperTail(law, n, statistic);
  }
  assert(false && "no such law");
  return 0;  // p = 1: no evidence
}

Statistic LargestStatistic(const NullLaw& law, uint64_t n_scores) {
  const Statistic n = n_scores;
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli:
      return n;
    case NullLaw::Kind::kGamma:
      return n * kMaxSurprise;
    case NullLaw::Kind::kTwoBernoulli:
      return n * (2 * uint64_t{law.heavy} + law.light);
  }
  assert(false && "no such law");
  return 0;
}

double Log10SmallestP(const NullLaw& law, uint64_t n) { return Log10UpperTail(law, n, LargestStatistic(law, n)); }

bool IsBoundary(double log10_p, double log10_alpha) { return std::fabs(log10_p - log10_alpha) <= kBoundary; }

bool Detects(double log10_p, double log10_alpha) { return log10_p <= log10_alpha && !IsBoundary(log10_p, log10_alpha); }

std::optional<Statistic> CriticalValue(const NullLaw& law, uint64_t n, double log10_alpha) {
  assert(log10_alpha < 0);
  Statistic high = LargestStatistic(law, n);
  if (!Detects(Log10UpperTail(law, n, high), log10_alpha)) return std::nullopt;
  Statistic low = 0;  // p = 1 there, never a detection
  while (high - low > 1) {
    const Statistic middle = low + (high - low) / 2;
    (Detects(Log10UpperTail(law, n, middle), log10_alpha) ? high : low) = middle;
  }
  return high;
}

double MeanScore(const NullLaw& law) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli:
      return static_cast<double>(law.numerator) / law.denominator;
    case NullLaw::Kind::kGamma:
      return 0x1p32;
    case NullLaw::Kind::kTwoBernoulli:
      return law.heavy + 0.5 * law.light;
  }
  assert(false && "no such law");
  return 0;
}

LawStatus StatusOf(const NullLaw& law) {
  return law.kind == NullLaw::Kind::kGamma ? LawStatus::kBound : LawStatus::kExact;
}

std::string DecimalText(Statistic statistic) {
  std::string text;
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(statistic % 10)));
    statistic /= 10;
  } while (statistic != 0);
  return text;
}

std::string FourPlacesUp(double log10_p) {
  const double units = -std::ceil(log10_p * 1e4 - 1e-7);  // of 1e-4, rounded down in size
  const auto size = static_cast<uint64_t>(std::fabs(units));
  std::string places = std::to_string(size % 10000);
  places.insert(0, 4 - places.size(), '0');
  return (units > 0 ? "-" : "") + std::to_string(size / 10000) + "." + places;
}

}  // namespace verdigris::verify
