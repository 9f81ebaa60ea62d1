// The p of every test over random keys, for every scheme, on nine kinds of text that know nothing of a key: statistics.md
// section 2 says that P(p <= a) is at most a, whatever the text.
//
// Fixed p: the count of keys with p <= a in its two-sided band around the exact size; anytime, located, combined and, for
// green and gumbel, proxy: at most a. Far out, to 1e-5: 1,000,000 keys on one text of 1,000 tuples, fixed and anytime.
#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/verify/text_kinds.h"
#include "tests/watermark/testing.h"
#include "verify/decoy.h"
#include "verify/evidence.h"
#include "verify/law.h"
#include "verify/locate.h"
#include "verify/many_keys.h"
#include "verify/martingale.h"
#include "verify/multiplicity.h"
#include "verify/proxy.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr double kFalseAlarm = 1e-7;
constexpr int kLevels = 4;  // 1e-1 to 1e-4
using Counts = std::array<uint64_t, kLevels>;

void Count(double log10_p, Counts& counts) {
  for (int a = 0; a < kLevels; ++a) counts[static_cast<size_t>(a)] += log10_p <= -(a + 1);
}

void CheckAtMost(const char* test, const Counts& counts, uint32_t keys) {
  CAPTURE(test);
  for (int a = 0; a < kLevels; ++a) CHECK(AtMostBinomial(counts[static_cast<size_t>(a)], keys, std::pow(10, -(a + 1)), kFalseAlarm));
}

void CheckNull(uint32_t keys, size_t tuples) {
  for (const Scheme* scheme : Schemes()) {
    for (const std::string_view kind : kTextKinds) {
      CAPTURE(scheme->name);
      CAPTURE(kind);
      const std::vector<uint32_t> ids = PieceIds().Encode(TextMaker(/*seed=*/7).Make(kind, 40'000));
      const Profile profile = *MakeProfile(SchemeObject(*scheme, kIdLimit));
      std::vector<PositionState> states;
      ClassifyPositions(ids, profile.window(), profile.special_ids(), Rule::kFirst, states);
      Evidence evidence(profile.window());
      evidence.AddText(ids, states, 0, nullptr);
      Tuples all = TuplesOf(evidence);
      all.windows.resize(std::min(tuples, all.windows.size()));
      all.ids.resize(all.windows.size());
      const size_t n = all.size();
      REQUIRE(n > 80);
      KeyScorer scorer = *KeyScorer::Create(profile, all);
      const NullLaw law = scorer.law();
      // A proxy that knows nothing: probabilities by position.
      std::vector<double> ln_q(n);
      for (size_t i = 0; i < n; ++i) ln_q[i] = -0.05 - static_cast<double>(i * 7 % 31) / 5;
      const bool by_proxy = scheme->draws != nullptr;

      Counts fixed{}, anytime{}, located{}, combined{}, proxy{};
      std::vector<uint64_t> scores(n);
      std::vector<uint32_t> draws(n);
      for (uint32_t i = 0; i < keys; ++i) {
        const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("null schemes", i));
        scorer.ScoreEach(key.key.secret(), scores.data());
        Statistic statistic = 0;
        RunningMaximum running(law);
        for (const uint64_t score : scores) {
          statistic += score;
          running.Push(score);
        }
        const double log10_p = Log10UpperTail(law, n, statistic), log10_located = Locate(law, scores, -6, nullptr).log10_p;
        Count(log10_p, fixed);
        Count(0 - running.log10_max(), anytime);
        Count(log10_located, located);
        Count(Log10TwiceTheSmaller(log10_p, log10_located), combined);
        if (by_proxy) {
          const KeyFile* pointer = &key;
          Layers::Create(profile, {&pointer, 1})->DrawsOf(profile, Layer::kProvider, all.windows.data(), all.ids.data(), n, draws.data());
          Count(JudgeByProxy(profile, draws, ln_q, {})->log10_p, proxy);
        }
      }
      for (int a = 0; a < kLevels; ++a) {
        const ExactSize size = SizeOf(law, n, -(a + 1));
        CAPTURE(a);
        CHECK(WithinBinomialBand(fixed[static_cast<size_t>(a)], keys, std::pow(10, size.log10_size), kFalseAlarm));
      }
      CheckAtMost("anytime", anytime, keys);
      CheckAtMost("located", located, keys);
      CheckAtMost("combined", combined, keys);
      if (by_proxy) CheckAtMost("proxy", proxy, keys);
    }
  }
}

constexpr int kFarLevels = 5;  // 1e-1 to 1e-5

// Fixed and anytime p of one text of 1,000 tuples. M grows with the statistic, so that the anytime p is at most alpha is that
// some running sum reaches the least one with M >= 1/alpha, which is found once for each n.
void CheckFarTail(const Scheme& scheme, uint32_t keys) {
  CAPTURE(scheme.name);
  constexpr size_t kTuples = 1000;
  std::mt19937_64 random(5);
  std::vector<uint32_t> ids(kTuples + 2);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(3 + random() % 49'997);
  const Profile profile = *MakeProfile(SchemeObject(scheme, 50'000));
  std::vector<PositionState> states;
  ClassifyPositions(ids, profile.window(), profile.special_ids(), Rule::kFirst, states);
  Evidence evidence(profile.window());
  evidence.AddText(ids, states, 0, nullptr);
  KeyScorer scorer = *KeyScorer::Create(profile, TuplesOf(evidence));
  REQUIRE(scorer.size() == kTuples);
  const NullLaw law = scorer.law();
  std::array<ExactSize, kFarLevels> size;
  std::array<std::array<uint64_t, kTuples>, kFarLevels> reaches;
  for (size_t a = 0; a < kFarLevels; ++a) {
    const double level = static_cast<double>(a) + 1;
    size[a] = SizeOf(law, kTuples, -level);
    for (size_t i = 0; i < kTuples; ++i) {
      // What no sum reaches stays at the top of the range.
      uint64_t low = 0, high = static_cast<uint64_t>(LargestStatistic(law, i + 1)) + 1;
      while (low < high) {
        const uint64_t middle = (low + high) / 2;
        if (Log10Martingale(law, i + 1, middle) >= level) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      reaches[a][i] = low;
    }
  }
  std::array<uint64_t, kFarLevels> fixed{}, anytime{};
  std::vector<uint64_t> scores(kTuples);
  const DecoyKeys decoys(TaggedHash("decoy-seed", {AsBytes("far tail " + std::string(scheme.name))}));
  std::array<uint8_t, kKeyBytes> key;
  for (uint32_t k = 0; k < keys; ++k) {
    decoys.Get(k, key);
    scorer.ScoreEach(key, scores.data());
    uint64_t sum = 0;
    size_t next = 0;  // first level that no running sum has reached
    for (size_t i = 0; i < kTuples; ++i) {
      sum += scores[i];
      while (next < kFarLevels && sum >= reaches[next][i]) ++anytime[next++];
    }
    for (size_t a = 0; a < kFarLevels && sum >= size[a].critical; ++a) ++fixed[a];
  }
  std::string rates;
  for (size_t a = 0; a < kFarLevels; ++a) {
    const double level = static_cast<double>(a) + 1;
    CAPTURE(level);
    CHECK(WithinBinomialBand(fixed[a], keys, std::pow(10, size[a].log10_size), kFalseAlarm));
    CHECK(AtMostBinomial(anytime[a], keys, std::pow(10, -level), kFalseAlarm));
    rates += " " + std::to_string(fixed[a]) + "/" + std::to_string(anytime[a]);
  }
  MESSAGE(std::string(scheme.name) << ": keys of " << keys << " with p <= 1e-1 .. 1e-5, fixed/anytime:" << rates);
}

}  // namespace

// 4 schemes x 9 kinds x 4 levels x 4 tests, and 2 x 9 x 4 by proxy, each of 1e-7: 648.
// False alarm: 6.5e-5.
TEST_CASE("p keeps its band over 300 keys for every scheme, test and kind of text") { CheckNull(300, 120); }
// False alarm: 6.5e-5.
TEST_CASE("slow: p keeps its band over 20,000 keys for every scheme, test and kind of text") { CheckNull(20'000, 300); }

TEST_CASE("slow: p keeps its band down to 1e-5 over 1,000,000 keys for every scheme") {
  // False alarm: 4e-6, 4 schemes x 5 levels x 2 tests of 1e-7.
  for (const Scheme* scheme : Schemes()) CheckFarTail(*scheme, 1'000'000);
}
