// Tested by tests/verify/bet_test.cc.
#include "verify/bet.h"

#include <cassert>
#include <cmath>

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr std::array<double, kBets> kShares = {.1, .2, .3, .4, .6};
constexpr std::array<double, kBets> kDeviations = {.1, .25, .5, .9, 1.5};
constexpr std::array<double, kBets> kThetas = {.9, .8, .65, .5, .3};

constexpr double kMostTilt = 64;  // beyond it e^-w theta is no part of a double's 1

// Tilted by theta, a fair bit of weight w has rate e^(w theta) / (1 + e^(w theta)).
double TiltedRate(double weight, double theta) { return 1 / (1 + std::exp(-weight * theta)); }

}  // namespace

Bet TiltTwoBernoulli(const NullLaw& law, double mean) {
  const double heavy = law.heavy, light = law.light;
  const auto tilted_mean = [&](double theta) { return 2 * heavy * TiltedRate(2, theta) + light * TiltedRate(1, theta); };
  double low = 0, high = 1;
  while (high < kMostTilt && tilted_mean(high) < mean) high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (tilted_mean(middle) < mean ? low : high) = middle;
  }
  const auto ln_mean_of_tilt = [](double weight, double theta) { return std::log1p(std::expm1(weight * theta) / 2); };
  return {low, -(heavy * ln_mean_of_tilt(2, low) + light * ln_mean_of_tilt(1, low))};
}

std::array<Bet, kBets> BetsOn(const NullLaw& law) {
  std::array<Bet, kBets> bets{};
  for (size_t i = 0; i < kBets; ++i) {
    switch (law.kind) {
      case NullLaw::Kind::kBernoulli: {
        // p1 = g + (1-g) c: odds of a 0 fall by 1 - c, those of a 1 rise to 1 + c (1-g) / g.
        const double yes = law.numerator, no = static_cast<double>(law.denominator) - yes;
        const double red = std::log1p(-kShares[i]);
        bets[i] = {std::log1p(kShares[i] * no / yes) - red, red};
        break;
      }
      case NullLaw::Kind::kGamma:
        bets[i] = {(1 - kThetas[i]) * 0x1p-32, std::log(kThetas[i])};
        break;
      case NullLaw::Kind::kTwoBernoulli:
        bets[i] = TiltTwoBernoulli(law, law.heavy + law.light / 2.0 + kDeviations[i] * std::sqrt(law.heavy + law.light / 4.0));
        break;
    }
  }
  return bets;
}

}  // namespace verdigris::verify
