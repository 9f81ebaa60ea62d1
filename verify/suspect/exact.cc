// Tested by tests/verify/suspect/exact_test.cc (suspect.json `integers`; enumeration; never above Chernoff).
#include "verify/suspect/exact.h"

#include <array>
#include <cassert>
#include <cmath>

#include "verify/suspect/coefficients.h"

namespace verdigris::verify {
namespace {

constexpr double kUnit = 0x1p-32;
constexpr double kLn10 = 2.302585092994045684017991454684;

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
    return {ln_p / kLn10, LawStatus::kBound};
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

}  // namespace verdigris::verify
