// Mean 1 of every bet, by sums over the law itself; the rates of statistics.md section 7.
#include "verify/bet.h"

#include <cmath>

#include <doctest/doctest.h>

#include "tests/verify/vectors.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

TEST_CASE("bets on bits have mean 1 and the rates of section 7") {
  for (const NullLaw& law : {NullLaw::Bernoulli(1, 2), NullLaw::Bernoulli(1, 4), NullLaw::Bernoulli(1, 20)}) {
    const double g = static_cast<double>(law.numerator) / law.denominator;
    double c[] = {.1, .2, .3, .4, .6};
    for (size_t i = 0; i < kBets; ++i) {
      const Bet bet = BetsOn(law)[i];
      const double one = std::exp(bet.LnFactor(1)), zero = std::exp(bet.LnFactor(0));
      CHECK(g * one + (1 - g) * zero == doctest::Approx(1).epsilon(1e-14));
      CHECK(g * one == doctest::Approx(g + (1 - g) * c[i]).epsilon(1e-14));
    }
  }
}

TEST_CASE("bets on exponentials have mean 1: theta times the integral of exp(-theta s)") {
  for (const Bet& bet : BetsOn(NullLaw::Gamma())) {
    // Mean of exp(slope s + offset), s exponential of rate 1: exp(offset) / (1 - slope).
    CHECK(std::exp(bet.offset) / (1 - bet.slope * 0x1p32) == doctest::Approx(1).epsilon(1e-14));
  }
}

TEST_CASE("bets on two kinds of bits have mean 1 and the mean that they name") {
  for (const auto& [heavy, light] : {std::pair{15, 15}, {1, 0}, {16, 15}, {16, 16}}) {
    CAPTURE(heavy);
    const NullLaw law = NullLaw::TwoBernoulli(static_cast<uint32_t>(heavy), static_cast<uint32_t>(light));
    const double deviations[] = {.1, .25, .5, .9, 1.5};
    for (size_t i = 0; i < kBets; ++i) {
      const Bet bet = BetsOn(law)[i];
      double sum = 0, mean = 0;
      for (int x = 0; x <= heavy; ++x) {
        for (int y = 0; y <= light; ++y) {
          const double p = std::exp(std::lgamma(heavy + 1.) - std::lgamma(x + 1.) - std::lgamma(heavy - x + 1.) + std::lgamma(light + 1.) -
                                    std::lgamma(y + 1.) - std::lgamma(light - y + 1.) - (heavy + light) * std::log(2.));
          const double factor = p * std::exp(bet.LnFactor(static_cast<uint64_t>(2 * x + y)));
          sum += factor;
          mean += factor * (2 * x + y);
        }
      }
      CHECK(sum == doctest::Approx(1).epsilon(1e-12));
      if (heavy > 1) CHECK(mean == doctest::Approx(heavy + light / 2. + deviations[i] * std::sqrt(heavy + light / 4.)).epsilon(1e-12));
    }
  }
}
