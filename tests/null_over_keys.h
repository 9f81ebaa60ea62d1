// P(p <= a) of one text over many random keys against its exact size: statistics.md sections 2 and 11.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/watermark/testing.h"
#include "verify/judge.h"
#include "verify/law.h"

namespace verdigris::testing {

// Scores the text's tuples under `keys` random provider keys TestKey(id, i) and checks the counts of p <= a, a = 1e-1 to
// 1e-4, each in its two-sided band that correct code leaves with chance 1e-7: 8e-7 a text under both rules. The pass through
// JudgeText for the first 50 keys shows that what is counted here is what a finding says.
inline void CheckNullOverKeys(const Profile& profile, const std::vector<uint32_t>& ids, const std::string& id, uint32_t keys) {
  using namespace verify;
  const NullLaw law = profile.scheme().null_law(profile);
  for (const Rule rule : {Rule::kFirst, Rule::kTuple}) {
    std::vector<PositionState> states;
    ClassifyPositions(ids, profile.window(), profile.special_ids(), rule, states);
    Evidence evidence(profile.window());
    evidence.AddText(ids, states, 0, nullptr);
    const size_t n = evidence.size();
    REQUIRE(n > 100);
    std::vector<const uint32_t*> windows;
    std::vector<uint32_t> tokens;
    for (size_t row = 0; row < n; ++row) {
      windows.push_back(evidence.window_of(row));
      tokens.push_back(evidence.id_of(row));
    }
    std::vector<double> p_of(n + 1);
    for (size_t k = 0; k <= n; ++k) p_of[k] = Log10UpperTail(law, n, k);
    uint64_t hits[4] = {};
    std::vector<uint64_t> scores(n);
    for (uint32_t i = 0; i < keys; ++i) {
      const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey(id, i));
      const KeyFile* pointer = &key;
      const auto layers = *Layers::Create(profile, {&pointer, 1});
      layers.Score(profile, Layer::kProvider, windows.data(), tokens.data(), n, scores.data());
      uint64_t k = 0;
      for (const uint64_t score : scores) k += score;
      for (int a = 0; a < 4; ++a) hits[a] += p_of[k] <= -(a + 1);
      if (i < 50) {
        const auto judge = *JudgeKeys::Create(profile, {&pointer, 1}, false);
        JudgeOptions options;
        options.rule = rule;
        const auto finding = JudgeText(judge, ids, options, nullptr)->front();
        CHECK(finding.n == n);
        CHECK(finding.statistic == k);
        CHECK(finding.log10_p == p_of[k]);
      }
    }
    for (int a = 0; a < 4; ++a) {
      // The exact size: p at the smallest statistic that reaches the level.
      size_t k = 0;
      while (k <= n && p_of[k] > -(a + 1)) ++k;
      const double size = k <= n ? std::pow(10.0, p_of[k]) : 0;
      CAPTURE(id);
      CAPTURE(a);
      CAPTURE(hits[a]);
      CHECK(WithinBinomialBand(hits[a], keys, size, 1e-7));
    }
  }
}

}  // namespace verdigris::testing
