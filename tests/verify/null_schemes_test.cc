// The p of every test over random keys, for every scheme, on nine kinds of text that know nothing of a key: statistics.md
// section 2 says that P(p <= a) is at most a, whatever the text.
//
// Fixed p: the count of keys with p <= a in its two-sided band around the exact size; anytime, located, combined and, for
// green, proxy: at most a. False alarm 1e-7 a band; 36 x 16 + 9 x 4 bands a case: 6.2e-5.
#include <algorithm>
#include <array>
#include <cmath>
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
      const bool by_colour = scheme->draws != nullptr && law.kind == NullLaw::Kind::kBernoulli;

      Counts fixed{}, anytime{}, located{}, combined{}, proxy{};
      std::vector<uint64_t> scores(n);
      std::vector<uint32_t> draws(n);
      for (uint32_t i = 0; i < keys; ++i) {
        const Key key = TestKey("null schemes", i);
        scorer.ScoreEach(key.secret(), scores.data());
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
        if (by_colour) {
          for (size_t t = 0; t < n; ++t) draws[t] = static_cast<uint32_t>(scores[t]);
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
      if (by_colour) CheckAtMost("proxy", proxy, keys);
    }
  }
}

}  // namespace

TEST_CASE("p keeps its band over 300 keys for every scheme, test and kind of text") { CheckNull(300, 120); }
TEST_CASE("slow: p keeps its band over 20,000 keys for every scheme, test and kind of text") { CheckNull(20'000, 300); }
