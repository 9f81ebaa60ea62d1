// Tested by tests/verify/suspect/exact_test.cc (suspect.json `integers`; enumeration; never above Chernoff).
#include "verify/suspect/exact.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numbers>

#include "verify/suspect/coefficients.h"

namespace verdigris::verify {
namespace {

constexpr double kUnit = 0x1p-32;

TailResult GammaP(const NullLaw& law, std::span<const Level> levels, Int128 seen) {
  std::vector<WeightedExponentials> weighted;
  Int128 raised = seen;
  bool any_positive = false, any_negative = false;
  for (const Level& level : levels) {
    if (level.coefficient < 0) raised += Int128{16} * -level.coefficient * static_cast<Int128>(level.n);
    any_positive = any_positive || level.coefficient > 0;
    any_negative = any_negative || level.coefficient < 0;
    weighted.push_back({static_cast<double>(level.coefficient), level.n});
  }
  if (raised <= 0 && !any_negative) return {0, LawStatus::kExact};
  if (any_positive) return Log10WeightedExponentialsTail(weighted, static_cast<double>(raised) * kUnit, Tail::kUpper);
  // Negative coefficients alone: T >= s is a sum of positive ones that stays below -s. A sum of 0 has its own bound.
  if (raised >= 0) {
    double ln_p = 0;
    for (const Level& level : levels) ln_p += static_cast<double>(level.n) * ScoreLaw(law).down().ln_chance;
    return {ln_p / std::numbers::ln10, LawStatus::kBound};
  }
  for (WeightedExponentials& level : weighted) level.weight = -level.weight;
  return Log10WeightedExponentialsTail(weighted, -static_cast<double>(raised) * kUnit, Tail::kLower);
}

}  // namespace

std::vector<Level> LevelsOf(std::span<const int32_t> coefficients) {
  std::array<uint64_t, 2 * kMostCoefficient + 1> counts{};
  for (const int32_t a : coefficients) {
    assert(a >= -kMostCoefficient && a <= kMostCoefficient);
    ++counts[static_cast<size_t>(a + kMostCoefficient)];
  }
  std::vector<Level> levels;
  for (int32_t a = -kMostCoefficient; a <= kMostCoefficient; ++a) {
    const uint64_t n = counts[static_cast<size_t>(a + kMostCoefficient)];
    if (a != 0 && n != 0) levels.push_back({a, n});
  }
  return levels;
}

Moments MomentsOf(const NullLaw& law, std::span<const Level> levels) {
  const ScoreLaw score(law);
  double sum = 0, squares = 0;
  for (const Level& level : levels) {
    sum += level.coefficient * static_cast<double>(level.n);
    squares += static_cast<double>(level.coefficient) * level.coefficient * static_cast<double>(level.n);
  }
  const double unit = law.kind == NullLaw::Kind::kGamma ? 0x1p32 : 1;
  return {sum * score.mean() * unit, std::sqrt(squares * score.variance()) * unit};
}

TailResult Log10FixedP(const NullLaw& law, std::span<const Level> levels, Int128 seen) {
  if (levels.empty()) return {0, LawStatus::kExact};
  if (law.kind == NullLaw::Kind::kGamma) return GammaP(law, levels, seen);
  std::vector<WeightedBits> bits;
  for (const Level& level : levels) {
    if (law.kind == NullLaw::Kind::kBernoulli) {
      bits.push_back({level.coefficient, level.n, law.numerator, law.denominator});
    } else {
      bits.push_back({2 * level.coefficient, level.n * law.heavy, 1, 2});
      bits.push_back({level.coefficient, level.n * law.light, 1, 2});
    }
  }
  return {Log10WeightedBitsUpperTail(bits, seen), LawStatus::kExact};
}

FixedCritical CriticalOf(const NullLaw& law, std::span<const Level> levels, double log10_alpha) {
  assert(log10_alpha < 0);
  if (levels.empty()) return {};
  const auto log10_p = [&](Int128 t) { return Log10FixedP(law, levels, t).log10_p; };
  const auto [mean, deviation] = MomentsOf(law, levels);
  Int128 largest = 0;
  bool endless = false;
  for (const Level& level : levels) {
    if (level.coefficient < 0) continue;
    endless = law.kind == NullLaw::Kind::kGamma;
    largest += Int128{level.coefficient} * static_cast<Int128>(level.n) * (law.kind == NullLaw::Kind::kTwoBernoulli ? 2 * law.heavy + law.light : 1);
  }
  // A bracket: p above alpha at `low`, not above it at `high`.
  const auto step = static_cast<Int128>(2 * deviation) + 1;
  Int128 low = static_cast<Int128>(mean), high = low + 2 * step;
  while (log10_p(low) <= log10_alpha) low -= step;
  for (;; high += step) {
    if (!endless) high = std::min(high, largest);
    if (log10_p(high) <= log10_alpha) break;
    if (!endless && high == largest) return {};
    low = high;
  }
  // log p is nearly a parabola in T: chords close in fast.
  double at_low = log10_p(low), at_high = log10_p(high);
  while (high - low > 1 && static_cast<double>(high - low) > 1e-7 * deviation) {
    const double share = std::clamp((at_low - log10_alpha) / (at_low - at_high), 0.05, 0.95);
    const Int128 middle = std::clamp(low + static_cast<Int128>(static_cast<double>(high - low) * share), low + 1, high - 1);
    const double at = log10_p(middle);
    (at <= log10_alpha ? high : low) = middle;
    (at <= log10_alpha ? at_high : at_low) = at;
  }
  return {true, high, at_high};
}

}  // namespace verdigris::verify
