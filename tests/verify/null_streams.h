// Scores of unmarked text, and of text with marked pieces, drawn from mt19937_64: for tests that need many streams and no
// key.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "watermark/scheme.h"
#include "watermark/surprise.h"

namespace verdigris::testing {

inline double Uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

inline uint64_t NullScore(const NullLaw& law, std::mt19937_64& random) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli: return random() % law.denominator < law.numerator;
    case NullLaw::Kind::kGamma: return SurpriseDown(static_cast<uint32_t>(random() >> 32));
    case NullLaw::Kind::kTwoBernoulli: break;
  }
  const uint64_t bits = random();
  const uint64_t heavy = bits & ((uint64_t{1} << law.heavy) - 1), light = bits >> law.heavy & ((uint64_t{1} << law.light) - 1);
  return 2 * static_cast<uint64_t>(std::popcount(heavy)) + static_cast<uint64_t>(std::popcount(light));
}

inline std::vector<uint64_t> NullStream(const NullLaw& law, size_t n, std::mt19937_64& random) {
  std::vector<uint64_t> scores(n);
  for (uint64_t& score : scores) score = NullScore(law, random);
  return scores;
}

// Marked text: bits of rate `effect`, or surprises of mean `effect` nats.
inline uint64_t MarkedScore(const NullLaw& law, double effect, std::mt19937_64& random) {
  if (law.kind == NullLaw::Kind::kGamma) return static_cast<uint64_t>(-std::log1p(-Uniform(random)) * effect * 0x1p32);
  return Uniform(random) < effect;
}

// `marked` tokens in equal pieces, each in the middle of its part of the text, as [locate] of reference/stat_checks.py in
// the folder shared/ has them.
inline std::vector<uint64_t> MixedStream(const NullLaw& law, size_t n, size_t marked, size_t pieces, double effect, std::mt19937_64& random) {
  std::vector<uint64_t> scores = NullStream(law, n, random);
  for (size_t j = 0; j < pieces; ++j) {
    const size_t length = marked / pieces;
    const size_t from = (2 * j + 1) * n / (2 * pieces) - marked / (2 * pieces);
    for (size_t t = from; t < from + length; ++t) scores[t] = MarkedScore(law, effect, random);
  }
  return scores;
}

}  // namespace verdigris::testing
