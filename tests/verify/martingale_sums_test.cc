// Test martingales of exponentials and of two kinds of bits. Expected numbers: tests/vectors/martingale_gamma.json
// (mpmath, 70 digits, by reference/stat_vectors.py); crossing counts of [looks] in reference/stat_checks.py.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/verify/vectors.h"
#include "verify/law.h"
#include "verify/martingale.h"

using namespace verdigris;
using namespace verdigris::verify;
using namespace verdigris::testing;

namespace {

const double kLn10 = std::log(10.0);

double M(uint64_t n, double s) { return std::pow(10, Log10GammaMartingale(n, s)); }

double Exponential(std::mt19937_64& random) { return -std::log1p(-static_cast<double>(random() >> 11) * 0x1p-53); }

// P(2X + Y = s) of one score.
std::vector<double> ScorePmf(const NullLaw& law) {
  std::vector<double> pmf = {1};
  for (uint32_t i = 0; i < law.heavy + law.light; ++i) {
    const size_t weight = i < law.heavy ? 2 : 1;
    std::vector<double> next(pmf.size() + weight, 0);
    for (size_t s = 0; s < pmf.size(); ++s) {
      next[s] += pmf[s] / 2;
      next[s + weight] += pmf[s] / 2;
    }
    pmf = std::move(next);
  }
  return pmf;
}

}  // namespace

TEST_CASE("martingale of exponentials meets the accuracy of section 5 on every row of the vectors") {
  const auto vectors = ReadVectors("martingale_gamma.json", {"source", "gumbel"});
  REQUIRE(vectors["gumbel"].size() == 112);
  for (const auto& row : vectors["gumbel"]) {
    const uint64_t n = row[0];
    const double s = row[1], want = row[2];
    CAPTURE(row.dump());
    CHECK(CloseLog10(Log10GammaMartingale(n, s), want));
    // In fixed point, where the vector's sum has one.
    const auto units = static_cast<Statistic>(s * 0x1p32);
    if (static_cast<double>(units) * 0x1p-32 == s) CHECK(CloseLog10(Log10Martingale(NullLaw::Gamma(), n, units), want));
  }
}

TEST_CASE("martingale of exponentials: S M(n,S) = n M(n-1,S) - 1, and M(n,0) = 1/(n+1)") {
  CHECK(Log10GammaMartingale(0, 0) == 0);
  for (uint64_t n : {1, 2, 5, 30, 200}) {
    CHECK(M(n, 0) == doctest::Approx(1 / static_cast<double>(n + 1)).epsilon(1e-14));
    for (double s : {0.1, 1.0, 5.0, 30.0, 190.0, 260.0}) {
      const double left = s * M(n, s), right = static_cast<double>(n) * M(n - 1, s) - 1;
      CAPTURE(n);
      CAPTURE(s);
      CHECK(std::fabs(left - right) <= 1e-12 * (left + static_cast<double>(n) * M(n - 1, s)));
    }
  }
}

TEST_CASE("the mean of M over the next exponential score is its value") {
  // Simpson's rule, good to 4e-8 at this step. M grows like e^x / x^(n+1): from n = 30 on nothing is left beyond 3,000.
  for (uint64_t n : {30, 100}) {
    for (double s : {15.0, 30.0, 45.0, 150.0}) {
      const int steps = 60'000;
      const double h = 3000.0 / steps;
      double sum = 0;
      for (int i = 0; i <= steps; ++i) {
        const double x = i * h, value = std::exp(Log10GammaMartingale(n + 1, s + x) * kLn10 - x);
        sum += value * (i == 0 || i == steps ? 1 : i % 2 ? 4 : 2);
      }
      CAPTURE(n);
      CAPTURE(s);
      CHECK(sum * h / 3 == doctest::Approx(M(n, s)).epsilon(1e-7));
    }
  }
}

TEST_CASE("the mean of M over the next score of two kinds of bits is its value, and M starts at 1") {
  for (const NullLaw& law :
       {NullLaw::TwoBernoulli(15, 15), NullLaw::TwoBernoulli(1, 0), NullLaw::TwoBernoulli(16, 15)}) {
    const std::vector<double> pmf = ScorePmf(law);
    CHECK(Log10Martingale(law, 0, 0) == 0);
    for (uint64_t n : {0, 1, 10, 300}) {
      const auto spread = static_cast<uint64_t>(std::sqrt(static_cast<double>(n)) * 5);
      const auto mean = static_cast<uint64_t>(static_cast<double>(n) * MeanScore(law));
      for (uint64_t s : {mean - std::min(mean, spread), mean, mean + spread}) {
        const double now = Log10Martingale(law, n, s);
        double after = 0;
        for (size_t x = 0; x < pmf.size(); ++x)
          after += pmf[x] * std::pow(10, Log10Martingale(law, n + 1, s + x) - now);
        CAPTURE(n);
        CAPTURE(s);
        CHECK(after == doctest::Approx(1).epsilon(1e-11));
      }
    }
    // The largest score only ever helps.
    CHECK(Log10Martingale(law, 50, 50 * (pmf.size() - 1)) > Log10Martingale(law, 49, 49 * (pmf.size() - 1)));
  }
}

TEST_CASE("M is at most 1 where the sum is at most its null mean") {
  for (uint64_t n : {1, 4, 5, 100, 1003, 100'000}) {
    CHECK(Log10GammaMartingale(n, static_cast<double>(n)) <= 0);
    CHECK(Log10Martingale(NullLaw::TwoBernoulli(15, 15), n, n * 45 / 2) <= 0);
  }
}

TEST_CASE("running maximum of sums equals the largest M over every prefix") {
  // mt19937_64, seed 21; equality, so no false alarm. Effects from below the null mean to strongly marked.
  std::mt19937_64 random(21);
  for (const NullLaw& law : {NullLaw::Gamma(), NullLaw::TwoBernoulli(15, 15), NullLaw::TwoBernoulli(1, 0)}) {
    for (double effect : {0.7, 1.0, 1.05, 1.3, 2.0}) {
      // Long ones of faint marks: there a sum just above the null mean is a new maximum.
      const uint64_t length = effect == 1.05 ? 4000 : 400;
      for (int stream = 0; stream < 20; ++stream) {
        RunningMaximum running(law);
        Statistic sum = 0;
        double largest = 0;
        for (uint64_t n = 1; n <= length; ++n) {
          uint64_t score;
          if (law.kind == NullLaw::Kind::kGamma) {
            score = static_cast<uint64_t>(Exponential(random) * effect * 0x1p32);
          } else {
            score = 0;
            for (uint32_t i = 0; i < law.heavy + law.light; ++i) {
              score += (Exponential(random) < 0.693 * effect) * (i < law.heavy ? 2u : 1u);
            }
          }
          sum += score;
          running.Push(score);
          largest = std::max(largest, Log10Martingale(law, n, sum));
          REQUIRE(running.log10_max() == largest);
        }
        CHECK(running.n() == length);
        CHECK(running.statistic() == sum);
      }
    }
  }
}

TEST_CASE("null sums of exponentials looked at after every score cross as rarely as they should") {
  // 20,000 streams of 1,000 scores, mt19937_64, seed 86. Counts of an independent simulation of as many ([looks]):
  // |c - r| <= 5.5 sqrt(c + r) fails by chance about 4e-8 times each, at most alpha 1e-6 times. False alarm: 3.2e-6.
  // Control: a fixed-length test looked at as often.
  constexpr uint64_t kStreams = 20'000, kHorizon = 1000;
  constexpr std::array<double, 3> kAlpha = {0.05, 0.01, 0.001}, kLooks = {398, 73, 7};
  std::array<std::vector<double>, 3> boundary;  // least sum that reaches 1/alpha
  std::vector<double> fixed(kHorizon + 1);
  for (uint64_t n = 1; n <= kHorizon; ++n) {
    for (size_t a = 0; a < 3; ++a) {
      double low = 0, high = 40 + 3 * static_cast<double>(n);
      while (high - low > 1e-9) {
        const double middle = 0.5 * (low + high);
        (Log10GammaMartingale(n, middle) < -std::log10(kAlpha[a]) ? low : high) = middle;
      }
      if (boundary[a].empty()) boundary[a].resize(kHorizon + 1);
      boundary[a][n] = high;
    }
    fixed[n] = n < 10 ? 1e300 : static_cast<double>(*CriticalValue(NullLaw::Gamma(), n, -2)) * 0x1p-32;
  }
  std::mt19937_64 random(86);
  std::array<uint64_t, 3> crossed = {};
  uint64_t misled = 0;
  for (uint64_t stream = 0; stream < kStreams; ++stream) {
    double sum = 0;
    size_t level = 0;  // boundaries are nested: the next one to be crossed
    bool fooled = false;
    for (uint64_t n = 1; n <= kHorizon; ++n) {
      sum += Exponential(random);
      while (level < 3 && sum >= boundary[level][n]) ++crossed[level++];
      fooled = fooled || sum >= fixed[n];
    }
    misled += fooled;
  }
  for (size_t a = 0; a < 3; ++a) {
    const auto c = static_cast<double>(crossed[a]);
    CAPTURE(kAlpha[a]);
    CAPTURE(c);
    CHECK(std::fabs(c - kLooks[a]) <= 5.5 * std::sqrt(c + kLooks[a]));
    CHECK(AtMostBinomial(crossed[a], kStreams, kAlpha[a], 1e-6));
  }
  CAPTURE(misled);
  CHECK(!AtMostBinomial(misled, kStreams, 0.01, 1e-6));
  CHECK(static_cast<double>(misled) / kStreams == doctest::Approx(0.11).epsilon(0.1));
}

TEST_CASE("null streams of two kinds of bits cross at most at alpha") {
  // 20,000 streams of 300 scores of 15 heavy and 15 light bits, mt19937_64, seed 87.
  // False alarm: 3e-6, 3 levels of 1e-6.
  const NullLaw law = NullLaw::TwoBernoulli(15, 15);
  std::mt19937_64 random(87);
  std::array<uint64_t, 3> crossed = {};
  const std::array<double, 3> alpha = {0.05, 0.01, 0.001};
  for (int stream = 0; stream < 20'000; ++stream) {
    RunningMaximum running(law);
    for (int n = 0; n < 300; ++n) {
      const uint64_t word = random();
      running.Push(static_cast<uint64_t>(2 * std::popcount(word & 0x7fff) + std::popcount(word >> 49)));
    }
    for (size_t a = 0; a < 3; ++a) crossed[a] += running.log10_max() >= -std::log10(alpha[a]);
  }
  for (size_t a = 0; a < 3; ++a) {
    CAPTURE(alpha[a]);
    CAPTURE(crossed[a]);
    CHECK(AtMostBinomial(crossed[a], 20'000, alpha[a], 1e-6));
    CHECK(crossed[a] > 0);
  }
}
