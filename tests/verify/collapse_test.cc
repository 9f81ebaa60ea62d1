// P2 of statistics.md: where a watermark's PRF sees less than the window, as those that take its minimum, sum or product do,
// different n-grams have one draw, and only what the PRF sees may be counted.
//
// Three toy profiles of that kind over the PRF of `green`: what they hash stands in Evidence as the window. 200 positions, 50
// distinct n-grams of them on one effective input; 10,000 keys.
//
// False alarm: 6e-7, 3 profiles x 2 levels of 1e-7.
#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <set>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/watermark/testing.h"
#include "verify/decoy.h"
#include "verify/evidence.h"
#include "verify/law.h"
#include "verify/many_keys.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr uint32_t kVocab = 200;
using Gram = std::array<uint32_t, 3>;  // window of two, token

struct Collapse {
  std::string_view name;
  uint32_t (*seen)(uint32_t, uint32_t);
};
constexpr Collapse kCollapses[] = {
    {"minimum", [](uint32_t a, uint32_t b) { return std::min(a, b); }},
    {"sum", [](uint32_t a, uint32_t b) { return (a + b) % kVocab; }},
    {"product, modulo 97", [](uint32_t a, uint32_t b) { return a * b % 97; }},
};

uint32_t RandomId(std::mt19937_64& random) { return 3 + static_cast<uint32_t>(random() % (kVocab - 3)); }

// 150 n-grams as they come, and 50 distinct ones that the profile cannot tell apart, found by search.
std::vector<Gram> Text(const Collapse& collapse, std::mt19937_64& random) {
  std::vector<Gram> grams;
  for (int i = 0; i < 150; ++i) grams.push_back({RandomId(random), RandomId(random), RandomId(random)});
  const uint32_t target = collapse.seen(10, 20), token = 100;
  std::set<Gram> found;
  while (found.size() < 50) {
    const Gram gram{RandomId(random), RandomId(random), token};
    if (collapse.seen(gram[0], gram[1]) == target) found.insert(gram);
  }
  grams.insert(grams.end(), found.begin(), found.end());
  return grams;
}

// Evidence of n-grams, each as a text of its own.
Evidence EvidenceOf(const std::vector<Gram>& grams) {
  const std::array<PositionState, 3> states{PositionState::kShort, PositionState::kShort, PositionState::kEligible};
  Evidence evidence(2);
  for (size_t i = 0; i < grams.size(); ++i) evidence.AddText(grams[i], states, i, nullptr);
  return evidence;
}

}  // namespace

TEST_CASE("P2: n-grams that the PRF cannot tell apart are one row; counted as different ones they err in a quarter of the keys") {
  constexpr uint32_t kKeys = 10'000;
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), kVocab));
  const NullLaw law = profile.scheme().null_law(profile);
  for (const Collapse& collapse : kCollapses) {
    CAPTURE(collapse.name);
    std::mt19937_64 random(2);
    const std::vector<Gram> raw = Text(collapse, random);
    std::vector<Gram> seen;
    for (const Gram& gram : raw) seen.push_back({0, collapse.seen(gram[0], gram[1]), gram[2]});
    const std::set<Gram> distinct(seen.begin(), seen.end());
    const Evidence evidence = EvidenceOf(seen);
    const size_t n = evidence.size(), raw_n = EvidenceOf(raw).size();
    CHECK(n == distinct.size());
    CHECK(n <= 151);
    CHECK(raw_n == std::set<Gram>(raw.begin(), raw.end()).size());
    REQUIRE(raw_n > 195);

    KeyScorer scorer = *KeyScorer::Create(profile, TuplesOf(evidence));
    // The control takes each of the raw n-grams, which then score alike.
    std::vector<size_t> row_of_raw;
    std::set<Gram> met;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (met.insert(raw[i]).second) row_of_raw.push_back(evidence.FindRow(seen[i].data()));
    }
    uint64_t counts[2] = {}, control[2] = {};
    std::vector<uint64_t> scores(n);
    for (uint32_t i = 0; i < kKeys; ++i) {
      scorer.ScoreEach(TestKey("P2", i).secret(), scores.data());
      uint64_t k = 0, raw_k = 0;
      for (const uint64_t score : scores) k += score;
      for (const size_t row : row_of_raw) raw_k += scores[row];
      const double log10_p = Log10UpperTail(law, n, k), raw_log10_p = Log10UpperTail(law, raw_n, raw_k);
      for (int a = 0; a < 2; ++a) {
        counts[a] += log10_p <= -(a + 1);
        control[a] += raw_log10_p <= -(a + 1);
      }
    }
    for (int a = 0; a < 2; ++a) {
      CAPTURE(a);
      CHECK(WithinBinomialBand(counts[a], kKeys, std::pow(10, SizeOf(law, n, -(a + 1)).log10_size), 1e-7));
      CHECK_FALSE(AtMostBinomial(control[a], kKeys, std::pow(10, -(a + 1)), 1e-7));
    }
    CHECK(control[1] > kKeys / 5);
  }
}
