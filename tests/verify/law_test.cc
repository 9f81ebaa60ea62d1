// Tails of null laws. Expected numbers: tests/vectors/law_binomial.json and law_native_*.json (exact rationals and
// mpmath, by the second implementation in reference/stat_vectors.py), law_small_exact.json (make_p4.py, exact
// rationals). The gamma law and weighted sums by themselves: gamma_test.cc, weighted_test.cc. P4, P7, P8, P20 are the
// pitfalls of statistics.md section 11; each control is the wrong method that the same check must catch.
#include "verify/law.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/verify/vectors.h"

using namespace verdigris;
using namespace verdigris::verify;
using namespace verdigris::testing;

namespace {

// Exact enough for n <= 60: coefficients are below 2^63, chances are dyadic or close to it; 64-bit mantissa.
std::vector<long double> SmallPmf(int n, long double g) {
  std::vector<long double> pmf(static_cast<size_t>(n) + 1, 0);
  pmf[0] = 1;
  for (int t = 0; t < n; ++t) {
    for (size_t k = static_cast<size_t>(t) + 1; k > 0; --k) pmf[k] = pmf[k] * (1 - g) + pmf[k - 1] * g;
    pmf[0] *= 1 - g;
  }
  return pmf;
}

}  // namespace

TEST_CASE("binomial tail meets the accuracy of section 5 on every row of the vectors") {
  const auto vectors = ReadVectors("law_binomial.json", {"source", "binomial_upper"});
  REQUIRE(vectors["binomial_upper"].size() == 1218);
  for (const auto& row : vectors["binomial_upper"]) {
    const NullLaw law = ParseGamma(row[2].get<std::string>());
    const double got = Log10UpperTail(law, row[0].get<uint64_t>(), row[1].get<uint64_t>());
    CAPTURE(row.dump());
    CAPTURE(got);
    CHECK(CloseLog10P(got, row[3].get<double>()));
  }
}

TEST_CASE("P4: binomial tail of every k, n <= 20 equals the exact rational") {
  const auto vectors = ReadVectors("law_small_exact.json", {"source", "columns", "rows"});
  REQUIRE(vectors["rows"].size() == 4 * 231);
  size_t caught = 0;
  for (const auto& row : vectors["rows"]) {
    const uint64_t n = row[0], k = row[1];
    const uint32_t num = row[2], den = row[3];
    const double got = Log10BinomialUpperTail(n, k, num, den);
    CAPTURE(row.dump());
    CAPTURE(got);
    CHECK(CloseLog10P(got, row[4].get<double>()));
    // Control: the normal tail.
    const double g = static_cast<double>(num) / den, size = static_cast<double>(n);
    const double z = n == 0 ? 0 : (static_cast<double>(k) - size * g) / std::sqrt(size * g * (1 - g));
    caught += !CloseLog10P(std::log10(0.5 * std::erfc(z / std::sqrt(2.0))), row[4].get<double>());
  }
  CHECK(caught > 900);
}

TEST_CASE("P4 control: z >= 4.753 at gamma 1/4, n 25 is 7.4 times as frequent as the 1e-6 it claims") {
  const double n = 25, g = 0.25;
  const auto k = static_cast<uint64_t>(std::ceil(n * g + 4.753 * std::sqrt(n * g * (1 - g))));
  const double p = std::pow(10, Log10BinomialUpperTail(25, k, 1, 4));
  CHECK(p / 1e-6 == doctest::Approx(7.4).epsilon(0.01));
  CHECK(*CriticalValue(Bernoulli(1, 4), 25, -6) > k);
}

TEST_CASE("binomial tail of green equals the scheme vectors") {
  const auto vectors = ReadVectors("law_native_green.json", {"source", "columns", "rows"});
  CHECK(vectors["rows"].size() == 11);
  for (const auto& row : vectors["rows"]) {
    const NullLaw law = Bernoulli(row[0].get<uint32_t>(), row[1].get<uint32_t>());
    CAPTURE(row.dump());
    const double want = std::stod(row[4].get<std::string>());
    CHECK(std::fabs(Log10UpperTail(law, row[2].get<uint64_t>(), row[3].get<uint64_t>()) - want) <= 1e-9);
  }
}

TEST_CASE("binomial tail at its edges: n = 0 and k = 0 give p = 1, k = n gives gamma^n") {
  for (const NullLaw& law : {Bernoulli(1, 4), Bernoulli(1, 2), Bernoulli(255, 256), Bernoulli(1, 4294967295),
                             Bernoulli(4294967294, 4294967295)}) {
    const uint32_t num = law.numerator, den = law.denominator;
    CAPTURE(num);
    CAPTURE(den);
    const double log10_g =
        static_cast<double>(std::log1p(-static_cast<long double>(den - num) / den) / std::log(10.0L));
    for (uint64_t n : {0, 1, 2, 15, 16, 17, 1000, 10'000'000}) {
      const double at_zero = Log10BinomialUpperTail(n, 0, num, den);
      CHECK(at_zero == 0);
      CHECK(!std::signbit(at_zero));
      CHECK(Log10BinomialUpperTail(n, n, num, den) == doctest::Approx(static_cast<double>(n) * log10_g).epsilon(4e-15));
    }
  }
}

TEST_CASE("a p that rounds to 1 is plus zero") {
  const double p = Log10BinomialUpperTail(1'000'000, 1, 1, 20);  // 1 - 0.95^1e6
  CHECK(p == 0);
  CHECK(!std::signbit(p));
}

TEST_CASE("P7: log10 p strictly falls in k") {
  for (const auto& [num, den] : std::vector<std::pair<uint32_t, uint32_t>>{{1, 20}, {1, 4}, {1, 2}, {255, 256}}) {
    for (uint64_t n : {1, 2, 7, 20, 100, 400, 2000}) {
      double previous = 0;
      uint64_t ties = 0;
      for (uint64_t k = 1; k <= n; ++k) {
        const double p = Log10BinomialUpperTail(n, k, num, den);
        REQUIRE(std::isfinite(p));
        // A p within 1e-300 of 1 is 0; any other is smaller than the one before.
        if (p == 0 && previous == 0)
          ++ties;
        else
          REQUIRE(p < previous);
        previous = p;
      }
      CHECK((n > 100 || ties == 0));
    }
  }
  // Across the mean, where the sum changes sides, and far out, at sizes that are not walked whole.
  for (uint64_t n : {1'000'000, 10'000'000}) {
    for (uint64_t start : {n / 4 - 300, n / 4 + 20'000, n / 2, n - 300}) {
      for (uint64_t k = start; k < start + 300; ++k) {
        REQUIRE(Log10BinomialUpperTail(n, k + 1, 1, 4) < Log10BinomialUpperTail(n, k, 1, 4));
      }
    }
  }
}

TEST_CASE("the two sides of the mean add up: P(X >= k) at g and P(X >= n-k+1) at 1-g") {
  for (uint64_t n : {1, 5, 50, 3000, 100'000}) {
    for (uint64_t k = 1; k <= n; k += 1 + n / 300) {
      const double up = std::pow(10, Log10BinomialUpperTail(n, k, 3, 10));
      const double down = std::pow(10, Log10BinomialUpperTail(n, n - k + 1, 7, 10));
      REQUIRE(std::fabs(up + down - 1) < 1e-11);
    }
  }
}

TEST_CASE("P8: the exact size at the critical value never exceeds alpha, n <= 60; a mid-p would") {
  double worst_mid_p = 0;
  for (uint32_t den : {4u, 2u}) {
    for (int n = 1; n <= 60; ++n) {
      const std::vector<long double> pmf = SmallPmf(n, 1.0L / den);
      for (double alpha : {0.05, 0.01, 0.001}) {
        long double tail = 0, size = 0, mid_p_size = 0;
        const auto critical = CriticalValue(Bernoulli(1, den), static_cast<uint64_t>(n), std::log10(alpha));
        long double smallest_missed = 1;
        for (size_t k = static_cast<size_t>(n) + 1; k-- > 0;) {
          tail += pmf[k];
          if (critical && k >= *critical) size = tail;
          if (!critical || k < *critical) smallest_missed = std::min(smallest_missed, tail);
          if (tail - pmf[k] / 2 <= alpha) mid_p_size = tail;
        }
        CAPTURE(n);
        CAPTURE(alpha);
        CHECK(size <= alpha);
        CHECK(smallest_missed > alpha);  // and no statistic that would do is left out
        worst_mid_p = std::max(worst_mid_p, static_cast<double>(mid_p_size) / alpha);
      }
    }
  }
  CHECK(worst_mid_p > 1.9);
  CHECK(worst_mid_p < 2);
}

TEST_CASE("P20: a detection at 1e-6 is possible from 10 tokens at gamma 1/4 and from 20 at 1/2") {
  for (const auto& [den, least] : {std::pair{4u, 10u}, std::pair{2u, 20u}}) {
    for (uint64_t n = 0; n <= 25; ++n) {
      CAPTURE(n);
      const NullLaw law = Bernoulli(1, den);
      CHECK(CriticalValue(law, n, -6).has_value() == (n >= least));
      CHECK(Detects(Log10SmallestP(law, n), -6) == (n >= least));
    }
  }
}

TEST_CASE("critical value is the first statistic that detects, up to ten million scores") {
  for (uint64_t n : {100, 12'345, 1'000'000, 10'000'000}) {
    for (double log10_alpha : {-0.1, -2.0, -6.0, -1000.0}) {
      const NullLaw law = Bernoulli(1, 4);
      const auto k = CriticalValue(law, n, log10_alpha);
      CAPTURE(n);
      CAPTURE(log10_alpha);
      REQUIRE(k.has_value() == (Log10SmallestP(law, n) <= log10_alpha));
      if (!k) continue;
      CHECK(Log10UpperTail(law, n, *k) <= log10_alpha);
      CHECK(Log10UpperTail(law, n, *k - 1) > log10_alpha);
    }
  }
}

namespace {

const NullLaw kLaws[] = {Bernoulli(1, 4), NullLaw::Gamma(), NullLaw::TwoBernoulli(15, 15), NullLaw::TwoBernoulli(1, 0),
                         NullLaw::TwoBernoulli(2, 1)};

// Of one score (native-schemes.md N8).
Statistic LargestScore(const NullLaw& law) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli:
      return 1;
    case NullLaw::Kind::kGamma:
      return 95265423098;
    case NullLaw::Kind::kTwoBernoulli:
      return 2 * law.heavy + law.light;
  }
  return 0;
}

// P(2X + Y = s), s = 0, 1, ..., by convolution of binomials.
std::vector<long double> SmallTwoBernoulliPmf(const NullLaw& law, int n) {
  const auto heavy = SmallPmf(n * static_cast<int>(law.heavy), 0.5L),
             light = SmallPmf(n * static_cast<int>(law.light), 0.5L);
  std::vector<long double> pmf(2 * (heavy.size() - 1) + light.size(), 0);
  for (size_t x = 0; x < heavy.size(); ++x) {
    for (size_t y = 0; y < light.size(); ++y) pmf[2 * x + y] += heavy[x] * light[y];
  }
  return pmf;
}

}  // namespace

TEST_CASE("tails of multichannel, tournament and gumbel equal the scheme vectors") {
  const auto vectors = ReadVectors("law_native_other.json", {"source", "columns", "rows"});
  CHECK(vectors["rows"].size() == 24);
  for (const auto& row : vectors["rows"]) {
    const auto parameter = row[1].get<uint32_t>();
    const NullLaw law = row[0] == "multichannel" ? Bernoulli(1, parameter)
                        : row[0] == "gumbel"     ? NullLaw::Gamma()
                                                 : NullLaw::TwoBernoulli((parameter + 1) / 2, parameter / 2);
    CAPTURE(row.dump());
    const double want = std::stod(row[4].get<std::string>());
    CHECK(std::fabs(Log10UpperTail(law, row[2].get<uint64_t>(), row[3].get<uint64_t>()) - want) <= 1e-9);
  }
}

TEST_CASE("the tail of two kinds of bits equals the sum over both counts at every statistic") {
  for (const NullLaw& law : {NullLaw::TwoBernoulli(15, 15), NullLaw::TwoBernoulli(1, 0), NullLaw::TwoBernoulli(1, 1),
                             NullLaw::TwoBernoulli(2, 1), NullLaw::TwoBernoulli(16, 15)}) {
    for (int n : {1, 2, 5, 12}) {
      const std::vector<long double> pmf = SmallTwoBernoulliPmf(law, n);
      long double at_least = 0, below = 1;
      std::vector<long double> log10_p(pmf.size());
      for (size_t s = pmf.size(); s-- > 0;) {
        at_least += pmf[s];
        log10_p[s] = std::log10(at_least);
      }
      below = 0;
      for (size_t s = 0; below < 0.5L; below += pmf[s++]) log10_p[s] = std::log1p(-below) / std::log(10.0L);
      for (size_t s = 0; s < pmf.size(); ++s) {
        const double got = Log10UpperTail(law, static_cast<uint64_t>(n), s);
        CAPTURE(law.heavy);
        CAPTURE(law.light);
        CAPTURE(n);
        CAPTURE(s);
        CAPTURE(got);
        REQUIRE(CloseLog10P(got, static_cast<double>(log10_p[s])));
      }
    }
  }
}

TEST_CASE("every law: nothing scored and a sum of 0 give p = 1, the largest sum the smallest p") {
  for (const NullLaw& law : kLaws) {
    CHECK(Log10UpperTail(law, 0, 0) == 0);
    CHECK(!std::signbit(Log10UpperTail(law, 0, 0)));
    CHECK(Log10SmallestP(law, 0) == 0);
    double previous = 0;
    for (uint64_t n : {1, 2, 3, 50, 1000, 1'000'000}) {
      CHECK(Log10UpperTail(law, n, 0) == 0);
      CHECK(!std::signbit(Log10UpperTail(law, n, 0)));
      const double smallest = Log10SmallestP(law, n);
      CHECK(smallest == Log10UpperTail(law, n, n * LargestScore(law)));
      CHECK(std::isfinite(smallest));
      CHECK(smallest < previous);
      previous = smallest;
    }
  }
  CHECK(Log10SmallestP(NullLaw::TwoBernoulli(15, 15), 7) == doctest::Approx(-210 * std::log10(2.0)).epsilon(4e-15));
}

TEST_CASE("P7: log10 p of every law strictly falls in the statistic") {
  for (const NullLaw& law : kLaws) {
    for (uint64_t n : {1, 2, 30, 400, 20'000}) {
      const Statistic largest = n * LargestScore(law);
      // Steps that a double of log10 p can tell apart, and more than the lattice of even sums.
      const Statistic step = std::max<Statistic>(2, largest / 3001);
      double previous = 0;
      for (Statistic s = step; s <= largest; s += step) {
        const double p = Log10UpperTail(law, n, s);
        REQUIRE(std::isfinite(p));
        REQUIRE((p < previous || (p == 0 && previous == 0)));
        previous = p;
      }
      CHECK((previous < 0 || largest < step));
    }
  }
}

TEST_CASE("P8: the exact size of two kinds of bits at the critical value never exceeds alpha") {
  for (const NullLaw& law : {NullLaw::TwoBernoulli(15, 15), NullLaw::TwoBernoulli(1, 0), NullLaw::TwoBernoulli(2, 1)}) {
    for (int n = 1; n <= 12; ++n) {
      const std::vector<long double> pmf = SmallTwoBernoulliPmf(law, n);
      for (double alpha : {0.05, 0.01, 0.001}) {
        const auto critical = CriticalValue(law, static_cast<uint64_t>(n), std::log10(alpha));
        long double size = 0, missed = 0;
        for (size_t s = pmf.size(); s-- > 0;) {
          if (critical && s >= *critical) size += pmf[s];
          if (!critical || s + 1 >= *critical) missed += pmf[s];
        }
        CAPTURE(n);
        CAPTURE(alpha);
        CHECK(size <= alpha);
        CHECK(missed > alpha);
      }
    }
  }
}

TEST_CASE("critical value of every law is the first statistic that detects") {
  for (const NullLaw& law : kLaws) {
    for (uint64_t n : {3, 100, 12'345, 1'000'000}) {
      for (double log10_alpha : {-0.1, -2.0, -6.0, -300.0}) {
        const auto critical = CriticalValue(law, n, log10_alpha);
        REQUIRE(critical.has_value() == Detects(Log10SmallestP(law, n), log10_alpha));
        if (!critical) continue;
        CHECK(Detects(Log10UpperTail(law, n, *critical), log10_alpha));
        CHECK(!Detects(Log10UpperTail(law, n, *critical - 1), log10_alpha));
      }
    }
  }
}

TEST_CASE("gamma statistics beyond 64 bits are taken whole") {
  const uint64_t n = 20'000'000'000;  // on average 8.6e19 units, past 2^64 = 1.8e19
  const Statistic mean = static_cast<Statistic>(n) << 32, deviation = static_cast<Statistic>(141421) << 32;
  CHECK(std::pow(10, Log10UpperTail(NullLaw::Gamma(), n, mean)) == doctest::Approx(0.5).epsilon(1e-5));
  // The normal law, which is good to about 1 / sqrt(n) here.
  CHECK(std::pow(10, Log10UpperTail(NullLaw::Gamma(), n, mean + 3 * deviation)) ==
        doctest::Approx(0.5 * std::erfc(3 / std::sqrt(2.0))).epsilon(1e-3));
}

TEST_CASE("within 1e-9 of log10 alpha is the boundary and not a detection") {
  CHECK(IsBoundary(-6, -6));
  CHECK(IsBoundary(-6 + 9e-10, -6));
  CHECK(IsBoundary(-6 - 9e-10, -6));
  CHECK(!IsBoundary(-6 - 2e-9, -6));
  CHECK(!IsBoundary(-6 + 2e-9, -6));
  CHECK(Detects(-6 - 2e-9, -6));
  CHECK(!Detects(-6 - 9e-10, -6));
  CHECK(!Detects(-6 + 2e-9, -6));
  // 6 of 6 at gamma 1/10 is 1e-6 to the digit: a tie that rounding would decide.
  CHECK(IsBoundary(Log10BinomialUpperTail(6, 6, 1, 10), -6));
  CHECK(!CriticalValue(Bernoulli(1, 10), 6, -6).has_value());
}

TEST_CASE("four places are rounded towards less evidence") {
  const struct {
    double log10_p;
    const char* text;
  } rows[] = {
      {0.0, "0.0000"},
      {-0.0, "0.0000"},
      {-1e-12, "0.0000"},
      {-0.00009999, "0.0000"},
      {-0.0001, "-0.0001"},
      {-1.23451, "-1.2345"},
      {-1.23459, "-1.2345"},
      {-1.2345, "-1.2345"},
      {-6.0, "-6.0000"},
      {-5.99999, "-5.9999"},
      {-21.6388223073916, "-21.6388"},
      {-12.3, "-12.3000"},
      {-0.05, "-0.0500"},
      {-1301029.9956639812, "-1301029.9956"},
      {-5.999999999999, "-6.0000"},  // within 1e-11: rounding of the logarithm, not of the number
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(FourPlacesUp(row.log10_p) == row.text);
  }
}

TEST_CASE("bands pass exactly the counts that section 11 lists") {
  const auto vectors = ReadVectors(
      "power_bits.json", {"source", "required_n_bits", "detectable_bits", "anytime_crossing", "anytime_stop", "bands"});
  REQUIRE(vectors["bands"].size() == 12);
  for (const auto& row : vectors["bands"]) {
    CAPTURE(row.dump());
    const bool two_sided = row[0] == "two-sided";
    const uint64_t N = row[1], low = row[7], high = row[8];
    const double p = row[5], f = std::stod(row[6].get<std::string>());
    const auto passes = [&](uint64_t c) {
      return two_sided ? WithinBinomialBand(c, N, p, f) : AtMostBinomial(c, N, p, f);
    };
    CHECK(passes(low));
    CHECK(passes(high));
    CHECK(!passes(high + 1));
    if (low > 0) CHECK(!passes(low - 1));
    if (two_sided) {  // the size that the band is about
      const NullLaw law = ParseGamma(row[3].get<std::string>());
      const uint64_t n = row[2];
      const double log10_alpha = std::log10(std::stod(row[4].get<std::string>()));
      CHECK(std::pow(10, Log10UpperTail(law, n, *CriticalValue(law, n, log10_alpha))) ==
            doctest::Approx(p).epsilon(1e-11));
    }
  }
  CHECK(WithinBinomialBand(0, 1000, 0, 1e-7));
  CHECK(!WithinBinomialBand(1, 1000, 0, 1e-7));
  CHECK(WithinBinomialBand(1000, 1000, 1, 1e-7));
  CHECK(!WithinBinomialBand(999, 1000, 1, 1e-7));
}
