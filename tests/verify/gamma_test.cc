// Tails of the gamma and hypergeometric laws. Expected numbers: tests/vectors/law_gamma.json and
// law_hypergeometric.json (mpmath, 70 digits, and exact rationals, by reference/stat_vectors.py).
#include "verify/gamma.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <doctest/doctest.h>

#include "tests/verify/vectors.h"
#include "verify/hypergeometric.h"

using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

double Log10(double ln) { return ln / std::log(10.0); }

}  // namespace

TEST_CASE("both gamma tails meet the accuracy of section 5 on every row of the vectors") {
  const auto vectors = ReadVectors("law_gamma.json", {"source", "gamma_tails"});
  REQUIRE(vectors["gamma_tails"].size() == 256);
  for (const auto& row : vectors["gamma_tails"]) {
    const GammaTails tails = LnGammaTails(row[0].get<uint64_t>(), row[1].get<double>());
    CAPTURE(row.dump());
    CHECK(CloseLog10P(Log10(tails.ln_at_least), row[2].get<double>()));
    CHECK(CloseLog10P(Log10(tails.ln_at_most), row[3].get<double>()));
  }
}

TEST_CASE("gamma tails of 1 are the exponential's, at any size") {
  for (double s : {1e-300, 1e-9, 0.5, 1.0, 1.0000001, 22.18, 700.0, 1e6}) {
    CAPTURE(s);
    CHECK(LnGammaTails(1, s).ln_at_least == doctest::Approx(-s).epsilon(4e-15));
    CHECK(LnGammaTails(1, s).ln_at_most == doctest::Approx(std::log(-std::expm1(-s))).epsilon(4e-15));
  }
  CHECK(LnGammaTails(5, 0).ln_at_least == 0);
  CHECK(LnGammaTails(5, 0).ln_at_most == -std::numeric_limits<double>::infinity());
}

TEST_CASE("the two gamma tails join at the mean, to a billion scores") {
  for (uint64_t n : {1, 2, 10, 1000, 1'000'000, 1'000'000'000}) {
    const double mean = static_cast<double>(n);
    const GammaTails at = LnGammaTails(n, mean), after = LnGammaTails(n, std::nextafter(mean, 2 * mean));
    CAPTURE(n);
    CHECK(std::fabs(at.ln_at_least - after.ln_at_least) < 1e-12 + 1e-17 * mean);
    CHECK(std::fabs(std::exp(at.ln_at_least) + std::exp(at.ln_at_most) - 1) < 1e-13);
  }
}

TEST_CASE("one score more: P(Gamma(n+1) >= s) exceeds P(Gamma(n) >= s) by the Poisson probability of n") {
  for (uint64_t n : {1, 3, 40, 2500, 300'000}) {
    const double mean = static_cast<double>(n);
    for (double z : {-6.0, -2.0, -0.1, 0.1, 2.0, 6.0}) {
      const double s = mean + z * std::sqrt(mean);
      if (s <= 0) continue;
      const double step = std::exp(LnGammaTails(n + 1, s).ln_at_least) - std::exp(LnGammaTails(n, s).ln_at_least);
      CAPTURE(n);
      CAPTURE(z);
      CHECK(std::fabs(step - std::exp(LnPoisson(n, s))) < 1e-12);
    }
  }
}

TEST_CASE("hypergeometric tail meets the accuracy of section 5 on every row of the vectors") {
  const auto vectors = ReadVectors("law_hypergeometric.json", {"source", "hypergeometric_upper"});
  REQUIRE(vectors["hypergeometric_upper"].size() == 35);
  for (const auto& row : vectors["hypergeometric_upper"]) {
    CAPTURE(row.dump());
    const double got = Log10HypergeometricUpperTail(row[0].get<uint32_t>(), row[1].get<uint32_t>(),
                                                    row[2].get<uint32_t>(), row[3].get<uint32_t>());
    CAPTURE(got);
    CHECK(CloseLog10P(got, row[4].get<double>()));
  }
}

TEST_CASE("hypergeometric tail of every small urn equals the sum of exact probabilities") {
  const auto choose = [](int n, int k) {
    long double c = k < 0 || k > n ? 0 : 1;
    for (int i = 1; i <= k && c > 0; ++i) c = c * (n - k + i) / i;
    return c;
  };
  for (int all = 2; all <= 14; ++all) {
    for (int green = 1; green < all; ++green) {
      for (int drawn = 0; drawn <= all; ++drawn) {
        for (int k = 0; k <= std::min(green, drawn); ++k) {
          long double ways = 0, below = 0;
          for (int i = 0; i <= drawn; ++i) (i >= k ? ways : below) += choose(green, i) * choose(all - green, drawn - i);
          const double want = static_cast<double>(std::log1p(-below / choose(all, drawn)) / std::log(10.0L));
          CAPTURE(all);
          CAPTURE(green);
          CAPTURE(drawn);
          CAPTURE(k);
          CHECK(ways > 0);
          CHECK(CloseLog10P(Log10HypergeometricUpperTail(static_cast<uint32_t>(all), static_cast<uint32_t>(green),
                                                         static_cast<uint32_t>(drawn), static_cast<uint32_t>(k)),
                            want));
        }
      }
    }
  }
}
