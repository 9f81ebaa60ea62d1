// What is returned for a weighted sum (statistics.md 4.3), and the reductions that leave one tail and one sign.
//
// Bits: a bit of weight -w is w (1 - bit) - w, so a level of weight w and the complementary chance, with s raised by w.
// What remains is lattice.cc, always.
//
// Exponentials: P(T <= s) = P(-T >= -s), so there are only upper tails; at or below the mean that tail is 1 - the
// other. What remains is contour.cc above the mean. It is believed if its steps agree, if it is at most Chernoff's
// bound and if it is within .05 decade of r*; otherwise the bound itself is returned and says so. At or below the mean
// no such bound is below 1, and 1 it is.
//
// Built without fast-math and with -ffp-contract=off. Tested by tests/verify/weighted_test.cc.
#include "verify/weighted.h"

#include <cassert>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include "verify/contour.h"
#include "verify/lattice.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr double kDecadesOffRStar = 0.05;
constexpr double kRounding = 1e-9;  // of the bound, which is compared with a value that may equal it

// A p that rounds to 1 is +0, not -0.
double Log10FromLn(double ln_p) { return ln_p < 0 ? ln_p * std::numbers::log10e : 0; }

// ln P(sum >= s), s at or above the mean.
struct LnTail {
  double ln_p;
  LawStatus status;
};
LnTail SmallTail(std::span<const ExponentialLevel> levels, double s) {
  const SaddlePoint approximate = LnSaddlePoint(levels, s);
  const std::optional<double> ln_p = LnContourTail(levels, s);
  if (ln_p && *ln_p <= approximate.ln_chernoff + kRounding &&
      std::fabs(*ln_p - approximate.ln_r_star) * std::numbers::log10e <= kDecadesOffRStar) {
    return {*ln_p, LawStatus::kExact};
  }
  return {approximate.ln_chernoff, LawStatus::kBound};
}

}  // namespace

double Log10WeightedBitsUpperTail(std::span<const WeightedBits> levels, Int128 s) {
  std::vector<LatticeLevel> lattice;
  for (const WeightedBits& level : levels) {
    if (level.weight == 0 || level.n == 0) continue;
    const uint32_t ones = level.weight > 0 ? level.numerator : level.denominator - level.numerator;
    const int64_t weight = level.weight;
    lattice.push_back(
        {static_cast<uint64_t>(weight > 0 ? weight : -weight), level.n, Chance::FromRatio(ones, level.denominator)});
    if (weight < 0) s += static_cast<Int128>(-weight) * level.n;
  }
  if (s <= 0) return 0;
  assert(!lattice.empty() && "a statistic of no scores");
  return Log10FromLn(LnLatticeUpperTail(std::move(lattice), static_cast<uint64_t>(s)));
}

TailResult Log10WeightedExponentialsTail(std::span<const WeightedExponentials> levels, double s, Tail tail) {
  const double sign = tail == Tail::kUpper ? 1 : -1;
  std::vector<ExponentialLevel> signed_levels;
  double mean = 0;
  bool positive = false, negative = false;
  for (const WeightedExponentials& level : levels) {
    if (level.weight == 0 || level.n == 0) continue;
    assert(std::isfinite(level.weight));
    signed_levels.push_back({sign * level.weight, static_cast<double>(level.n)});
    mean += signed_levels.back().weight * signed_levels.back().n;
    (signed_levels.back().weight > 0 ? positive : negative) = true;
  }
  s *= sign;
  if (signed_levels.empty() || (!negative && s <= 0)) return {0, LawStatus::kExact};
  assert((positive || s < 0) && "a statistic that the sum cannot reach");
  if (s > mean) {
    const LnTail upper = SmallTail(signed_levels, s);
    return {Log10FromLn(upper.ln_p), upper.status};
  }
  for (ExponentialLevel& level : signed_levels) level.weight = -level.weight;
  const LnTail other = SmallTail(signed_levels, -s);
  if (other.status == LawStatus::kBound) return {0, LawStatus::kBound};
  return {Log10FromLn(std::log1p(-std::exp(other.ln_p))), LawStatus::kExact};
}

}  // namespace verdigris::verify
