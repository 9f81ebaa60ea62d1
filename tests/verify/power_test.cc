// Power of the fixed-length test. Expected numbers: tests/vectors/power_bits.json (mpmath, 20 digits and more, by
// reference/stat_vectors.py) and the tables of statistics.md section 10 and command-line.md L4.
#include "verify/power.h"

#include <cmath>
#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include "tests/verify/vectors.h"
#include "verify/law.h"

using namespace verdigris;
using namespace verdigris::verify;
using namespace verdigris::testing;

namespace {

nlohmann::json PowerVectors() {
  return ReadVectors("power_bits.json",
                     {"source", "required_n_bits", "detectable_bits", "anytime_crossing", "anytime_stop", "bands"});
}

double Log10(const nlohmann::json& alpha) { return std::log10(std::stod(alpha.get<std::string>())); }

// The slow way: every length up to the limit.
uint64_t ScannedTokensNeeded(const NullLaw& law, double effect, double log10_alpha, double power, uint64_t limit) {
  uint64_t needed = 1;
  for (uint64_t n = 1; n <= limit; ++n) {
    if (PowerAt(law, n, effect, log10_alpha) < power) needed = n + 1;
  }
  return needed;
}

}  // namespace

TEST_CASE("critical value, smallest p and detectable effect equal the vectors") {
  const auto vectors = PowerVectors();
  REQUIRE(vectors["detectable_bits"].size() == 60);
  for (const auto& row : vectors["detectable_bits"]) {
    CAPTURE(row.dump());
    const NullLaw law = ParseGamma(row[0].get<std::string>());
    const double log10_alpha = Log10(row[1]);
    const uint64_t n = row[2];
    CHECK(CloseLog10(Log10SmallestP(law, n), row[3].get<double>()));
    const auto critical = CriticalValue(law, n, log10_alpha);
    REQUIRE(critical.has_value() == !row[4].is_null());
    const auto effect90 = DetectableEffect(law, n, log10_alpha, 0.9);
    const auto effect99 = DetectableEffect(law, n, log10_alpha, 0.99);
    REQUIRE(effect90.has_value() == !row[4].is_null());
    REQUIRE(effect99.has_value() == !row[4].is_null());
    if (!critical) continue;
    CHECK(*critical == row[4].get<uint64_t>());
    CHECK(std::pow(10, Log10UpperTail(law, n, *critical)) == doctest::Approx(row[5].get<double>()).epsilon(2e-11));
    CHECK(std::fabs(*effect90 - row[6].get<double>()) < 1e-11);
    CHECK(std::fabs(*effect99 - row[7].get<double>()) < 1e-11);
    CHECK(PowerAt(law, n, row[6].get<double>(), log10_alpha) == doctest::Approx(0.9).epsilon(1e-10));
    CHECK(PowerAt(law, n, row[7].get<double>(), log10_alpha) == doctest::Approx(0.99).epsilon(1e-10));
  }
}

TEST_CASE("tokens needed equal the vectors, where the first length to reach the power is often too early") {
  const auto vectors = PowerVectors();
  REQUIRE(vectors["required_n_bits"].size() == 41);
  int early = 0;
  for (const auto& row : vectors["required_n_bits"]) {
    CAPTURE(row.dump());
    const NullLaw law = ParseGamma(row[0].get<std::string>());
    const double effect = row[1], log10_alpha = Log10(row[2]), power = row[3];
    const uint64_t first = row[4], needed = row[5];
    CHECK(TokensNeeded(law, effect, log10_alpha, power) == needed);
    CHECK(PowerAt(law, first, effect, log10_alpha) >= power);
    CHECK(PowerAt(law, first - 1, effect, log10_alpha) < power);
    CHECK(PowerAt(law, needed - 1, effect, log10_alpha) < power);
    early += first < needed;
  }
  CHECK(early > 30);
}

TEST_CASE("tokens needed at the reference effect, power .9, alpha 1e-6") {
  // command-line.md L4: p_ref .394 at gamma 1/4, delta 2.
  const NullLaw law = Bernoulli(1, 4);
  CHECK(TokensNeeded(law, 0.394, -6, 0.9) == ScannedTokensNeeded(law, 0.394, -6, 0.9, 1000));
}

TEST_CASE("slow: tokens needed equal a scan of every length") {
  int scanned = 0;
  for (const auto& [num, den] :
       std::vector<std::pair<uint32_t, uint32_t>>{{1, 20}, {1, 4}, {1, 2}, {2048, 8191}, {9, 10}}) {
    const NullLaw law = Bernoulli(num, den);
    const double g = static_cast<double>(num) / den;
    for (double rise : {0.1, 0.15, 0.3, 0.55, 0.8, 0.97}) {
      const double effect = g + (1 - g) * rise;
      for (double log10_alpha : {std::log10(0.05), -3.0, -6.0, -14.0}) {
        for (double power : {0.3, 0.5, 0.9, 0.99, 0.9999}) {
          CAPTURE(g);
          CAPTURE(effect);
          CAPTURE(log10_alpha);
          CAPTURE(power);
          const auto needed = TokensNeeded(law, effect, log10_alpha, power);
          REQUIRE(needed.has_value());
          if (*needed > 30'000) continue;  // a scan would take long
          ++scanned;
          CHECK(*needed == ScannedTokensNeeded(law, effect, log10_alpha, power, *needed + *needed / 2 + 300));
        }
      }
    }
  }
  CHECK(scanned > 580);
}

TEST_CASE("tokens needed: none where the effect is the null mean or the number too large") {
  const NullLaw law = Bernoulli(1, 4);
  CHECK(!TokensNeeded(law, 0.25, -6, 0.9).has_value());
  CHECK(!TokensNeeded(law, 0.2, -6, 0.9).has_value());
  CHECK(!TokensNeeded(law, 0.2500001, -6, 0.9).has_value());
  CHECK(!TokensNeeded(law, 0.2507, -6, 0.9).has_value());
  const auto many = TokensNeeded(law, 0.2512, -6, 0.9);  // near the limit
  REQUIRE(many.has_value());
  CHECK(*many > 4'000'000);
  CHECK(PowerAt(law, *many - 1, 0.2512, -6) < 0.9);
  for (uint64_t n = *many; n < *many + 100; ++n) CHECK(PowerAt(law, n, 0.2512, -6) >= 0.9);
}

TEST_CASE("least tokens: 10 at gamma 1/4 and 20 at 1/2 for 1e-6") {
  CHECK(LeastTokens(Bernoulli(1, 4), -6) == 10);
  CHECK(LeastTokens(Bernoulli(1, 2), -6) == 20);
  CHECK(LeastTokens(Bernoulli(1, 10), -6) == 7);  // 6 would be a tie with alpha
  CHECK(LeastTokens(Bernoulli(255, 256), -6) == 3530);
}

TEST_CASE("power is 0 where nothing detects, 1 at effect 1, and as accurate near 1 as a double is") {
  const NullLaw law = Bernoulli(1, 4);
  CHECK(PowerAt(law, 0, 0.5, -6) == 0);
  CHECK(PowerAt(law, 9, 0.999, -6) == 0);
  CHECK(PowerAt(law, 10, 1, -6) == 1);
  CHECK(PowerAt(law, 10, 0.5, -6) == doctest::Approx(std::pow(0.5, 10)).epsilon(1e-14));
  CHECK(!DetectableEffect(law, 9, -6, 0.9).has_value());
  CHECK(*DetectableEffect(law, 10, -6, 0.9) == doctest::Approx(std::pow(0.9, 0.1)).epsilon(1e-14));
  // 1 - P(Bin(20, .99) < critical value), the small tail summed term by term.
  const uint64_t critical = *CriticalValue(law, 20, -6);
  double below = 0;
  for (uint64_t k = 0; k < critical; ++k) {
    const double n = 20, i = static_cast<double>(k);
    below += std::exp(std::lgamma(n + 1) - std::lgamma(i + 1) - std::lgamma(n - i + 1)) * std::pow(0.99, i) *
             std::pow(0.01, n - i);
  }
  CHECK(PowerAt(law, 20, 0.99, -6) == doctest::Approx(1 - below).epsilon(1e-15));
  CHECK(PowerAt(law, 1'000'000, 0.9, -6) == 1);
}
