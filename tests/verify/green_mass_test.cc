// eprocess.json `green_mass`; P21 (B): all 32 colourings of five tokens.
#include "verify/green_mass.h"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "tests/verify/vectors.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

TEST_CASE("green mass: f, its mean over colours and their quotient") {
  const auto vectors = ReadVectors("proxy.json", {"source", "gumbel_proxy", "green_proxy", "green_mass"});
  for (const auto& row : vectors["green_mass"]) {
    const NullLaw law = ParseGamma(row[0]);
    const auto q = row[2].get<std::vector<double>>();
    const auto greens = row[4].get<std::vector<uint8_t>>();
    const GreenMass mass = GreenMassFactor(q, greens, row[3], static_cast<double>(law.numerator) / law.denominator, row[1]);
    CHECK(mass.likelihood_ratio == doctest::Approx(row[5].get<double>()).epsilon(1e-12));
    CHECK(mass.null_mean == doctest::Approx(row[6].get<double>()).epsilon(1e-12));
    CHECK(mass.e == doctest::Approx(row[7].get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("P21 (B): mean 1 over all 32 colourings; the ratio alone and a window used twice are not") {
  const std::vector<double> q = {.5, .2, .15, .1, .05};
  double lowest = 2, highest = 0;
  for (const double g : {.25, .5, .1}) {
    for (const double delta : {.5, 2.0, 4.0, 20.0}) {
      std::vector<double> mean(5, 0), ratio(5, 0);
      double twice = 0;
      for (unsigned colours = 0; colours < 32; ++colours) {
        std::vector<uint8_t> greens(5);
        double chance = 1;
        for (size_t i = 0; i < 5; ++i) {
          greens[i] = colours >> i & 1;
          chance *= greens[i] != 0 ? g : 1 - g;
        }
        std::vector<GreenMass> mass;
        for (size_t v = 0; v < 5; ++v) mass.push_back(GreenMassFactor(q, greens, v, g, delta));
        for (size_t v = 0; v < 5; ++v) {
          mean[v] += chance * mass[v].e;
          ratio[v] += chance * mass[v].likelihood_ratio;
        }
        // Given the other colours, divided by the mean over the own bit (the third form of [exact]).
        const auto conditional = [&](size_t v) {
          auto flipped = greens;
          flipped[v] ^= 1;
          const double own = mass[v].likelihood_ratio, other = GreenMassFactor(q, flipped, v, g, delta).likelihood_ratio;
          return own / (greens[v] != 0 ? g * own + (1 - g) * other : g * other + (1 - g) * own);
        };
        twice += chance * conditional(0) * conditional(1);
      }
      for (size_t v = 0; v < 5; ++v) CHECK(std::fabs(mean[v] - 1) < 1e-12);
      if (g == .25 && delta == 2) {
        for (const double r : ratio) lowest = std::min(lowest, r), highest = std::max(highest, r);
        CHECK(twice == doctest::Approx(1.011).epsilon(5e-4));
      }
    }
  }
  // Controls of statistics.md: .87 to 1.29.
  CHECK(lowest == doctest::Approx(.87).epsilon(.01));
  CHECK(highest == doctest::Approx(1.29).epsilon(.01));
}

TEST_CASE("green mass: one id of all the mass, and none of it, say what the formulas say") {
  const uint8_t green[] = {1};
  const double all[] = {1.0}, none[] = {0.0};
  CHECK(GreenMassFactor(all, green, 0, .25, 2).e == doctest::Approx(1).epsilon(1e-12));
  // Nothing but r: f = A / m, E0 = (g A + 1 - g) / m = 1, m = 1 + g.
  CHECK(GreenMassFactor(none, green, 0, .25, 2).e == doctest::Approx(std::exp(2) / (1 + .25 * std::expm1(2))).epsilon(1e-12));
}

TEST_CASE("green mass of 2,000 ids: mean of f over sampled colours") {
  // 40,000 colourings; f varies by a factor of exp(2) at most, its sd is below .9: 5 sd of the mean are .023.
  std::vector<double> q(2000);
  double sum = 0;
  for (size_t i = 0; i < q.size(); ++i) sum += q[i] = 1.0 / static_cast<double>(i + 1);
  for (double& x : q) x /= sum;
  std::vector<uint8_t> greens(q.size(), 0);
  const double mean = GreenMassFactor(q, greens, 0, .25, 2).null_mean;
  uint64_t state = 7;
  double total = 0;
  constexpr int kRuns = 40000;
  for (int run = 0; run < kRuns; ++run) {
    double mass = 0;
    bool own = false;
    for (size_t i = 0; i < q.size(); ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const bool is_green = state >> 62 == 0;
      if (is_green) mass += q[i];
      if (i == 0) own = is_green;
    }
    total += (own ? std::exp(2) : 1) / (1 + std::expm1(2) * mass);
  }
  CHECK(std::fabs(total / kRuns - mean) < .023);
}
