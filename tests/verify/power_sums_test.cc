// Power of the fixed-length test of sums: exponentials and two kinds of bits. Expected numbers:
// tests/vectors/power_gamma.json (mpmath, 20 digits and more, by reference/stat_vectors.py), the tables of
// statistics.md section 10, and enumerations here.
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/verify/vectors.h"
#include "verify/law.h"
#include "verify/power.h"

using namespace verdigris;
using namespace verdigris::verify;
using namespace verdigris::testing;

namespace {

constexpr NullLaw kTournament = NullLaw::TwoBernoulli(15, 15);

// P(2X + Y >= critical) with both rates given, by sums over both counts.
double ChanceByCounts(const NullLaw& law, uint64_t n, double heavy_rate, double light_rate, Statistic critical) {
  const auto pmf = [](uint64_t trials, double rate) {
    std::vector<long double> p(trials + 1, 0);
    p[0] = 1;
    for (uint64_t t = 0; t < trials; ++t) {
      for (uint64_t k = t + 1; k > 0; --k) p[k] = p[k] * (1 - rate) + p[k - 1] * rate;
      p[0] *= 1 - rate;
    }
    return p;
  };
  const auto heavy = pmf(n * law.heavy, heavy_rate), light = pmf(n * law.light, light_rate);
  long double chance = 0;
  for (size_t x = 0; x < heavy.size(); ++x) {
    for (size_t y = 0; y < light.size(); ++y) chance += 2 * x + y >= critical ? heavy[x] * light[y] : 0;
  }
  return static_cast<double>(chance);
}

uint64_t ScannedTokensNeeded(const NullLaw& law, double effect, double log10_alpha, double power, uint64_t limit) {
  uint64_t needed = 1;
  for (uint64_t n = 1; n <= limit; ++n) {
    if (PowerAt(law, n, effect, log10_alpha) < power) needed = n + 1;
  }
  return needed;
}

}  // namespace

TEST_CASE("critical sum and detectable mean score of exponentials equal the vectors") {
  const auto vectors = ReadVectors("power_gamma.json", {"source", "detectable_gumbel"});
  REQUIRE(vectors["detectable_gumbel"].size() == 24);
  const NullLaw law = NullLaw::Gamma();
  for (const auto& row : vectors["detectable_gumbel"]) {
    CAPTURE(row.dump());
    const double log10_alpha = std::log10(std::stod(row[0].get<std::string>()));
    const uint64_t n = row[1];
    const auto critical = CriticalValue(law, n, log10_alpha);
    REQUIRE(critical.has_value());
    // To the unit of 2^-32, to the flag of 1e-9 in log10 alpha and to rounding.
    CHECK(static_cast<double>(*critical) * 0x1p-32 == doctest::Approx(row[2].get<double>()).epsilon(1e-9));
    for (const auto& [power, want] : {std::pair{0.9, row[3].get<double>()}, {0.99, row[4].get<double>()}}) {
      const auto effect = DetectableEffect(law, n, log10_alpha, power);
      REQUIRE(effect.has_value());
      CHECK(*effect == doctest::Approx(want).epsilon(1e-9));
      CHECK(PowerAt(law, n, want, log10_alpha) == doctest::Approx(power).epsilon(1e-7));
    }
  }
}

TEST_CASE("mean scores of gumbel detectable at 1e-6 are those of section 10") {
  const struct {
    uint64_t n;
    double at90, at99;
  } rows[] = {{100, 1.77, 1.98},  {200, 1.51, 1.63},      {400, 1.34, 1.42},
              {1000, 1.21, 1.25}, {10'000, 1.062, 1.073}, {100'000, 1.0192, 1.0226}};
  for (const auto& row : rows) {
    CAPTURE(row.n);
    const double unit = row.n < 10'000    ? 0.0051
                        : row.n < 100'000 ? 0.00051
                                          : 0.000051;  // half of the last place printed
    CHECK(std::fabs(*DetectableEffect(NullLaw::Gamma(), row.n, -6, 0.9) - row.at90) < unit);
    CHECK(std::fabs(*DetectableEffect(NullLaw::Gamma(), row.n, -6, 0.99) - row.at99) < unit);
  }
}

TEST_CASE("power of two kinds of bits equals the sum over both counts, and its effect is the mean score") {
  for (const NullLaw& law : {kTournament, NullLaw::TwoBernoulli(2, 1), NullLaw::TwoBernoulli(1, 0)}) {
    for (uint64_t n : {2, 9, 20}) {
      for (double tilt : {-0.2, 0.05, 0.3, 1.5}) {
        const double heavy_rate = 1 / (1 + std::exp(-2 * tilt)), light_rate = 1 / (1 + std::exp(-tilt));
        const double effect = 2 * law.heavy * heavy_rate + law.light * light_rate;
        const auto critical = CriticalValue(law, n, -2);
        CAPTURE(law.heavy);
        CAPTURE(n);
        CAPTURE(tilt);
        if (!critical) {
          CHECK(PowerAt(law, n, effect, -2) == 0);
          continue;
        }
        CHECK(PowerAt(law, n, effect, -2) ==
              doctest::Approx(ChanceByCounts(law, n, heavy_rate, light_rate, *critical)).epsilon(1e-10));
      }
    }
    const double null_mean = law.heavy + law.light / 2.0;
    CHECK(PowerAt(law, 20, null_mean, -2) ==
          doctest::Approx(std::pow(10, Log10UpperTail(law, 20, *CriticalValue(law, 20, -2)))).epsilon(1e-10));
    CHECK(PowerAt(law, 20, 2.0 * law.heavy + law.light, -2) == 1);
  }
}

TEST_CASE("detectable effect of two kinds of bits has the power asked for") {
  for (uint64_t n : {10, 100, 5000}) {
    for (double power : {0.5, 0.9, 0.99}) {
      const auto effect = DetectableEffect(kTournament, n, -6, power);
      REQUIRE(effect.has_value());
      CHECK(*effect > 22.5);
      CHECK(PowerAt(kTournament, n, *effect, -6) == doctest::Approx(power).epsilon(1e-9));
    }
  }
  CHECK(!DetectableEffect(NullLaw::TwoBernoulli(1, 0), 19, -6, 0.9).has_value());
  CHECK(DetectableEffect(NullLaw::TwoBernoulli(1, 0), 20, -6, 0.9).has_value());
  CHECK(!DetectableEffect(NullLaw::Gamma(), 0, -6, 0.9).has_value());
}

TEST_CASE("tokens needed of sums equal a scan of every length") {
  const struct {
    NullLaw law;
    std::vector<double> effects;
  } rows[] = {{NullLaw::Gamma(), {1.2, 1.7, 2.6, 10.0}},
              {kTournament, {23.3, 24.5, 30.0, 44.0}},
              {NullLaw::TwoBernoulli(2, 1), {2.9, 3.5, 4.5}},
              {NullLaw::TwoBernoulli(1, 0), {1.3, 1.46, 1.8}}};
  int scanned = 0;
  for (const auto& row : rows) {
    for (double effect : row.effects) {
      for (double log10_alpha : {-2.0, -6.0}) {
        for (double power : {0.5, 0.9, 0.99}) {
          CAPTURE(row.law.heavy);
          CAPTURE(effect);
          CAPTURE(log10_alpha);
          CAPTURE(power);
          const auto needed = TokensNeeded(row.law, effect, log10_alpha, power);
          REQUIRE(needed.has_value());
          if (*needed > 700) continue;  // a scan would take long
          ++scanned;
          CHECK(*needed == ScannedTokensNeeded(row.law, effect, log10_alpha, power, *needed + *needed / 3 + 30));
        }
      }
    }
  }
  CHECK(scanned > 70);
}

TEST_CASE("tokens needed of sums: none where the effect is the null mean or the number too large") {
  for (double effect : {0.5, 1.0, 1.000001}) CHECK(!TokensNeeded(NullLaw::Gamma(), effect, -6, 0.9).has_value());
  for (double effect : {10.0, 22.5, 22.5001}) CHECK(!TokensNeeded(kTournament, effect, -6, 0.9).has_value());
  const auto many = TokensNeeded(NullLaw::Gamma(), 1.003, -6, 0.9);
  REQUIRE(many.has_value());
  CHECK(*many > 3'000'000);
  CHECK(PowerAt(NullLaw::Gamma(), *many, 1.003, -6) >= 0.9);
  CHECK(PowerAt(NullLaw::Gamma(), *many - 1, 1.003, -6) < 0.9);
}

TEST_CASE("least tokens of sums: the largest sum of one fewer does not detect") {
  CHECK(LeastTokens(NullLaw::Gamma(), -6) == 1);  // one score of 22.18 nats has p = 2^-32
  CHECK(LeastTokens(NullLaw::Gamma(), -9.7) == 2);
  CHECK(LeastTokens(kTournament, -6) == 1);  // 30 bits
  CHECK(LeastTokens(kTournament, -10) == 2);
  CHECK(LeastTokens(NullLaw::TwoBernoulli(1, 0), -6) == 20);
  for (const NullLaw& law : {NullLaw::Gamma(), kTournament}) {
    for (double log10_alpha : {-0.01, -3.0, -50.0, -400.0}) {
      const uint64_t least = LeastTokens(law, log10_alpha);
      CHECK(CriticalValue(law, least, log10_alpha).has_value());
      CHECK(!CriticalValue(law, least - 1, log10_alpha).has_value());
    }
  }
}
