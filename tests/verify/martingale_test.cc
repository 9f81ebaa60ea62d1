// Test martingales of bits. Expected numbers: tests/vectors/martingale_bits.json (mpmath, 70 digits, equal to exact
// rational integrals for n <= 50) and power_bits.json (exact crossing probabilities and stopping lengths), both from
// reference/stat_vectors.py.
#include "verify/martingale.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/verify/vectors.h"

using namespace verdigris;
using namespace verdigris::verify;
using namespace verdigris::testing;

namespace {

// boundary[n]: fewest ones among n that reach M >= 1/alpha; n + 1 where none do.
std::vector<uint32_t> CrossingBoundary(const NullLaw& law, uint32_t horizon, double alpha) {
  std::vector<uint32_t> boundary(horizon + 1);
  uint32_t k = 1;
  boundary[0] = 1;
  for (uint32_t n = 1; n <= horizon; ++n) {
    while (k <= n && Log10Martingale(law, n, k) < -std::log10(alpha)) ++k;
    boundary[n] = k;
  }
  return boundary;
}

// passage[n]: chance that a stream of this rate first reaches the boundary at n, by going through all counts.
std::vector<double> FirstPassage(const std::vector<uint32_t>& boundary, double rate) {
  std::vector<double> passage(boundary.size(), 0.0), alive = {1.0};
  for (size_t n = 1; n < boundary.size(); ++n) {
    std::vector<double> next(alive.size() + 1, 0.0);
    for (size_t k = 0; k < alive.size(); ++k) {
      next[k] += alive[k] * (1 - rate);
      next[k + 1] += alive[k] * rate;
    }
    while (next.size() > boundary[n]) {
      passage[n] += next.back();
      next.pop_back();
    }
    alive = std::move(next);
  }
  return passage;
}

nlohmann::json PowerVectors() {
  return ReadVectors("power_bits.json",
                     {"source", "required_n_bits", "detectable_bits", "anytime_crossing", "anytime_stop", "bands"});
}

// Bits of the given rate 1/2 or 1/4, 64 at a time.
uint64_t Bits(std::mt19937_64& random, uint32_t denominator) {
  return denominator == 2 ? random() : random() & random();
}

}  // namespace

TEST_CASE("martingale of bits meets the accuracy of section 5 on every row of the vectors") {
  const auto vectors = ReadVectors("martingale_bits.json", {"source", "bernoulli"});
  REQUIRE(vectors["bernoulli"].size() == 371);
  for (const auto& row : vectors["bernoulli"]) {
    const double got =
        Log10Martingale(ParseGamma(row[0].get<std::string>()), row[1].get<uint64_t>(), row[2].get<uint64_t>());
    CAPTURE(row.dump());
    CAPTURE(got);
    CHECK(CloseLog10(got, row[3].get<double>()));
  }
}

TEST_CASE("the martingale starts at 1 and its mean over the next bit is its value") {
  for (const auto& [num, den] :
       std::vector<std::pair<uint32_t, uint32_t>>{{1, 20}, {1, 4}, {1, 2}, {2048, 8191}, {255, 256}}) {
    CHECK(Log10BernoulliMartingale(0, 0, num, den) == 0);
    const double g = static_cast<double>(num) / den;
    for (uint64_t n : {0, 1, 2, 10, 100, 5000}) {
      for (uint64_t k = 0; k <= n; k += 1 + n / 50) {
        const double now = Log10BernoulliMartingale(n, k, num, den);
        const double one = std::pow(10, Log10BernoulliMartingale(n + 1, k + 1, num, den) - now);
        const double zero = std::pow(10, Log10BernoulliMartingale(n + 1, k, num, den) - now);
        CAPTURE(n);
        CAPTURE(k);
        CHECK(std::fabs(g * one + (1 - g) * zero - 1) < 1e-11 + 1e-14 * std::fabs(now));
        CHECK(zero < 1);  // a 0 never sets a maximum
      }
    }
  }
}

TEST_CASE("M is at most 1 where the rate of ones is at most gamma") {
  for (uint64_t n : {1, 4, 5, 100, 1003, 100'000}) {
    CHECK(Log10BernoulliMartingale(n, n / 4, 1, 4) <= 0);
    CHECK(Log10BernoulliMartingale(n, n / 2, 1, 2) <= 0);
  }
}

TEST_CASE("running maximum equals the largest M over every prefix") {
  // 300 streams of each rate, null to fully marked; equality, so no false alarm.
  for (uint32_t den : {2u, 4u}) {
    for (double rate : {0.1, 1.0 / den, 1.0 / den + 0.03, 0.6, 1.0}) {
      std::mt19937_64 random(20'000 + den);
      for (int stream = 0; stream < 60; ++stream) {
        const NullLaw law = Bernoulli(1, den);
        RunningMaximum running(law);
        double largest = 0;
        uint64_t k = 0;
        for (uint64_t n = 1; n <= 500; ++n) {
          const uint64_t bit = static_cast<double>(random() >> 11) * 0x1p-53 < rate;
          k += bit;
          running.Push(bit);
          largest = std::max(largest, Log10Martingale(law, n, k));
          REQUIRE(running.log10_max() == largest);
        }
        CHECK(running.n() == 500);
        CHECK(running.statistic() == k);
      }
    }
  }
}

TEST_CASE("running maximum starts at M_0 = 1 and does not fall") {
  RunningMaximum running(Bernoulli(1, 4));
  CHECK(running.log10_max() == 0);
  for (int i = 0; i < 100; ++i) running.Push(0);
  CHECK(running.log10_max() == 0);
  RunningMaximum marked(Bernoulli(1, 4));
  for (int i = 0; i < 20; ++i) marked.Push(1);
  const double peak = marked.log10_max();
  CHECK(peak == Log10BernoulliMartingale(20, 20, 1, 4));
  for (int i = 0; i < 1000; ++i) marked.Push(0);
  CHECK(marked.log10_max() == peak);
}

TEST_CASE("P18 exactly: the chance of ever crossing under the null equals the vectors") {
  const auto vectors = PowerVectors();
  REQUIRE(vectors["anytime_crossing"].size() == 6);
  for (const auto& row : vectors["anytime_crossing"]) {
    const NullLaw law = ParseGamma(row[0].get<std::string>());
    const double alpha = std::stod(row[1].get<std::string>());
    const auto passage = FirstPassage(CrossingBoundary(law, row[2].get<uint32_t>(), alpha), 1.0 / law.denominator);
    double total = 0;
    for (double p : passage) total += p;
    CAPTURE(row.dump());
    CHECK(std::fabs(total - row[3].get<double>()) < 1e-11);
    CHECK(total <= alpha);
  }
}

TEST_CASE("stopping lengths on marked text equal the vectors") {
  const auto vectors = PowerVectors();
  REQUIRE(vectors["anytime_stop"].size() == 6);
  for (const auto& row : vectors["anytime_stop"]) {
    const NullLaw law = ParseGamma(row[0].get<std::string>());
    const auto passage = FirstPassage(
        CrossingBoundary(law, row[3].get<uint32_t>(), std::stod(row[2].get<std::string>())), row[1].get<double>());
    double total = 0, mean = 0;
    uint64_t median = 0, last = 0;
    for (size_t n = 1; n < passage.size(); ++n) {
      total += passage[n];
      mean += static_cast<double>(n) * passage[n];
      if (median == 0 && total >= 0.5) median = n;
      if (last == 0 && total >= 0.99) last = n;
    }
    CAPTURE(row.dump());
    CHECK(std::fabs(mean / total - row[4].get<double>()) < 6e-4);
    CHECK(median == row[5].get<uint64_t>());
    CHECK(last == row[6].get<uint64_t>());
  }
}

TEST_CASE("P18: 100,000 null streams looked at after every token cross as rarely as they should") {
  // mt19937_64, seeds 182 and 184; bits of rate 1/4 are two of its bits joined by "and". Binomial bands.
  // False alarm: 6e-7, 6 of 1e-7. Control: a fixed-length test looked at as often.
  constexpr uint64_t kStreams = 100'000;
  constexpr uint32_t kHorizon = 2000;
  constexpr std::array<double, 3> kAlpha = {0.05, 0.01, 0.001};
  const struct {
    uint32_t denominator;
    std::array<double, 3> crossing;
  } rows[] = {{2, {0.03738403492002745, 0.008010447729498639, 0.0007552964307145875}},
              {4, {0.03769344905684228, 0.006935446594861532, 0.0005989483206926894}}};
  for (const auto& row : rows) {
    const NullLaw law = Bernoulli(1, row.denominator);
    std::array<std::vector<uint32_t>, 3> boundary;
    for (size_t a = 0; a < 3; ++a) boundary[a] = CrossingBoundary(law, kHorizon, kAlpha[a]);
    std::mt19937_64 random(180 + row.denominator);
    std::array<uint64_t, 3> crossed = {};
    uint64_t misled = 0;
    for (uint64_t stream = 0; stream < kStreams; ++stream) {
      uint32_t k = 0;
      uint64_t bits = 0;
      size_t level = 0;  // boundaries are nested: the next one to be crossed
      bool fixed = false;
      RunningMaximum running(law);
      const bool check_running = stream < 200;
      for (uint32_t n = 1; n <= kHorizon; ++n, bits >>= 1) {
        if (n % 64 == 1) bits = Bits(random, row.denominator);
        k += bits & 1;
        while (level < 3 && k >= boundary[level][n]) ++crossed[level++];
        // The control's critical value by the normal law at 1 %, from 30 tokens on.
        if (stream < 2000 && !fixed && n >= 30) {
          const double g = 1.0 / row.denominator;
          fixed = k >= n * g + 2.3263 * std::sqrt(n * g * (1 - g));
        }
        if (check_running) {
          running.Push(bits & 1);
          size_t reached = 0;
          while (reached < 3 && running.log10_max() >= -std::log10(kAlpha[reached])) ++reached;
          REQUIRE(reached == level);
        }
      }
      misled += fixed;
    }
    for (size_t a = 0; a < 3; ++a) {
      CAPTURE(row.denominator);
      CAPTURE(kAlpha[a]);
      CAPTURE(crossed[a]);
      CHECK(WithinBinomialBand(crossed[a], kStreams, row.crossing[a], 1e-7));
    }
    CAPTURE(misled);
    CHECK(!AtMostBinomial(misled, 2000, 0.01, 1e-7));
  }
}
