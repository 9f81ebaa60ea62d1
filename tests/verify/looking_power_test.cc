// The bounds against the frequency with which simulated marked texts are detected.
#include "verify/looking_power.h"

#include <cmath>
#include <random>

#include <doctest/doctest.h>

#include "tests/verify/vectors.h"
#include "verify/law.h"
#include "verify/locate.h"
#include "verify/martingale.h"
#include "verify/power.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

TEST_CASE("power of looking tests is a lower bound of what simulated texts show, and not a poor one") {
  constexpr int kTexts = 4000;
  constexpr double kAlpha = -6;
  const NullLaw laws[] = {NullLaw::Bernoulli(1, 4), NullLaw::Gamma()};
  for (const NullLaw& law : laws) {
    const bool bits = law.kind == NullLaw::Kind::kBernoulli;
    const double effect = bits ? 0.5 : 1.7;
    for (const uint64_t n : {120u, 220u}) {
      std::mt19937_64 random(n);
      int any_time = 0, located = 0;
      std::vector<uint64_t> scores(n);
      for (int text = 0; text < kTexts; ++text) {
        RunningMaximum running(law);
        for (uint64_t& score : scores) {
          const double u = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
          score = bits ? u < effect : static_cast<uint64_t>(-std::log(u) * effect * 0x1p32);
          running.Push(score);
        }
        any_time += Detects(0 - running.log10_max(), kAlpha);
        located += Detects(Locate(law, scores, kAlpha, nullptr).log10_p, kAlpha);
      }
      // Five standard errors of the frequency, one-sided. False alarm: 2.3e-6, 8 of 2.9e-7.
      const double error = 5 * std::sqrt(0.25 / kTexts);
      CAPTURE(n);
      CAPTURE(bits);
      const double bound = PowerAtAnyTime(law, n, effect, kAlpha), bound_located = PowerLocated(law, n, effect, kAlpha);
      CHECK(any_time / double{kTexts} > bound - error);
      CHECK(located / double{kTexts} > bound_located - error);
      CHECK(any_time / double{kTexts} < bound + 0.15);
      CHECK(located / double{kTexts} < bound_located + 0.25);
      CHECK(bound < PowerAt(law, n, effect, kAlpha));
    }
  }
}

TEST_CASE("power of looking tests at their edges") {
  for (const NullLaw& law : {NullLaw::Bernoulli(1, 4), NullLaw::Gamma(), NullLaw::TwoBernoulli(15, 15)}) {
    const double effect = law.kind == NullLaw::Kind::kBernoulli ? 0.5 : law.kind == NullLaw::Kind::kGamma ? 1.7 : 25;
    CHECK(PowerAtAnyTime(law, 0, effect, -6) == 0);
    CHECK(PowerLocated(law, 0, effect, -6) == 0);
    CHECK(PowerAtAnyTime(law, 1, effect, -30) == 0);
    CHECK(PowerAtAnyTime(law, 2000, effect, -6) > 0.999);
    CHECK(PowerLocated(law, 2000, effect, -6) > 0.999);
  }
}
