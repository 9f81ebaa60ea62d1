// For each law the planned alternative is the null law tilted exponentially until its mean is the planned effect: a green
// rate, a slower exponential, bits of unequal weight tilted alike. So ln L_t = slope * S_t + offset * t, and L_t <= c is a
// bound on the integer S_t, found once for every t.
//
// Departure from statistics.md 8.4, which states the rule for bits: the same argument holds for every tilted law.
// Tested by tests/verify/many_keys_test.cc (P23).
#include "verify/futility.h"

#include <cassert>
#include <cmath>
#include <string>

#include "verify/bet.h"

namespace verdigris::verify {
namespace {

struct Range {
  double null_mean, largest;
};

Range MeansOf(const NullLaw& law) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli: return {static_cast<double>(law.numerator) / law.denominator, 1};
    case NullLaw::Kind::kGamma: return {1, HUGE_VAL};
    case NullLaw::Kind::kTwoBernoulli: return {law.heavy + law.light / 2.0, 2.0 * law.heavy + law.light};
  }
  return {0, 0};
}

Bet TiltTo(const NullLaw& law, double effect) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli: {
      const double g = static_cast<double>(law.numerator) / law.denominator;
      const double red = std::log((1 - effect) / (1 - g));
      return {std::log(effect / g) - red, red};
    }
    case NullLaw::Kind::kGamma: return {(1 - 1 / effect) * 0x1p-32, -std::log(effect)};
    case NullLaw::Kind::kTwoBernoulli: return TiltTwoBernoulli(law, effect);
  }
  return {0, 0};
}

}  // namespace

Result<std::vector<Statistic>> FutilityBounds(const NullLaw& law, size_t n, const Futility& futility) {
  const Range range = MeansOf(law);
  if (!(futility.effect > range.null_mean && futility.effect < range.largest)) {
    return Fail(ErrorKind::kInvalidArgument, "effect must be in (" + std::to_string(range.null_mean) + "," +
                                                 std::to_string(range.largest) + "), got " + std::to_string(futility.effect));
  }
  if (!(futility.drop_chance > 0 && futility.drop_chance < 1)) {
    return Fail(ErrorKind::kInvalidArgument, "drop_chance must be in (0,1), got " + std::to_string(futility.drop_chance));
  }
  const Bet tilt = TiltTo(law, futility.effect);
  const double ln_c = std::log(futility.drop_chance);
  std::vector<Statistic> bounds(n + 1);
  for (size_t t = 0; t <= n; ++t) {
    // The largest statistic that is dropped lies at or next to this.
    const double edge = (ln_c - tilt.offset * static_cast<double>(t)) / tilt.slope;
    bounds[t] = edge < 0 ? 0 : static_cast<Statistic>(edge) + 1;
  }
  return bounds;
}

}  // namespace verdigris::verify
