// Synthetic next-token distributions of a wanted mean entropy, those of [medians] in reference/stat_checks.py of the folder
// shared/: 22 % nearly certain, else a spike with a Zipf tail.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "tests/verify/null_streams.h"

namespace verdigris::testing {

using Distribution = std::vector<double>;  // probabilities of 40 ids

inline std::vector<Distribution> NextTokenDistributions(size_t count, double bits) {
  constexpr size_t kIds = 40;
  const auto make = [&](double scale, double* mean_bits) {
    std::mt19937_64 random(7);
    std::vector<Distribution> all(count, Distribution(kIds));
    *mean_bits = 0;
    for (Distribution& p : all) {
      const double certain = Uniform(random), size = Uniform(random), slope = .5 + 1.5 * Uniform(random);
      const double rest = certain < .22 ? .004 : std::clamp(scale * size, .002, .97);
      double sum = 0;
      for (size_t i = 1; i < kIds; ++i) sum += p[i] = std::pow(static_cast<double>(i), -slope);
      for (size_t i = 1; i < kIds; ++i) p[i] *= rest / sum;
      p[0] = 1 - rest;
      for (const double x : p) *mean_bits -= x * std::log2(x) / static_cast<double>(count);
    }
    return all;
  };
  double low = .01, high = 3, mean = 0;
  for (int i = 0; i < 30; ++i) {
    const double middle = (low + high) / 2;
    make(middle, &mean);
    (mean < bits ? low : high) = middle;
  }
  return make((low + high) / 2, &mean);
}

inline size_t Sample(const std::vector<double>& weights, std::mt19937_64& random) {
  double sum = 0;
  for (const double w : weights) sum += w;
  double u = Uniform(random) * sum;
  size_t i = 0;
  while (i + 1 < weights.size() && u >= weights[i]) u -= weights[i++];
  return i;
}

// A token drawn under the mark: its draw (colour or word), and its probability before the mark.
struct MarkedToken {
  uint32_t draw;
  double q;
};
inline MarkedToken GreenToken(const Distribution& p, double g, double delta, std::mt19937_64& random) {
  Distribution weights = p;
  std::vector<bool> green(p.size());
  for (size_t i = 0; i < p.size(); ++i) {
    green[i] = Uniform(random) < g;
    if (green[i]) weights[i] *= std::exp(delta);
  }
  const size_t v = Sample(weights, random);
  return {green[v], p[v]};
}
// The winner of the race: -ln R is an exponential of mean q.
inline MarkedToken GumbelToken(const Distribution& p, std::mt19937_64& random) {
  const size_t v = Sample(p, random);
  const double r = std::exp(p[v] * std::log1p(-Uniform(random)));
  return {static_cast<uint32_t>(std::min(r * 0x1p32, 0x1p32 - 1)), p[v]};
}

// Another model's idea of q: its logit off by a normal error of 1.
inline double NoisyQ(double q, std::mt19937_64& random) {
  const double bounded = std::clamp(q, 1e-6, 1 - 1e-6);
  return 1 / (1 + std::exp(-(std::log(bounded / (1 - bounded)) + std::normal_distribution<double>()(random))));
}

}  // namespace verdigris::testing
