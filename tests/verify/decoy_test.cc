// Decoy keys against evidence.json, ranks as ratios of integers, the line-up and its self-check (statistics.md 9.1, P17).
#include "verify/decoy.h"

#include <cmath>
#include <random>

#include "tests/bands.h"
#include "tests/verify/vectors.h"
#include "tests/watermark/testing.h"
#include "verify/law.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

struct World {
  Profile profile;
  Evidence evidence;
  Tuples tuples;

  explicit World(const Scheme& scheme, size_t tokens, uint64_t seed)
      : profile(*MakeProfile(SchemeObject(scheme, 5000))), evidence(profile.window()) {
    std::mt19937_64 random(seed);
    std::vector<uint32_t> ids(tokens);
    for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % 5000);
    std::vector<PositionState> states;
    ClassifyPositions(ids, profile.window(), profile.special_ids(), Rule::kFirst, states);
    evidence.AddText(ids, states, 0, nullptr);
    tuples = TuplesOf(evidence);
  }
};

Digest DigestFromHex(const std::string& text) {
  Digest digest;
  REQUIRE(ParseHex(text, digest));
  return digest;
}

}  // namespace

TEST_CASE("decoy keys are those of the second implementation") {
  const auto vectors = ReadVectors("decoys.json", {"source", "decoys"});
  for (const auto& row : vectors["decoys"]) {
    const DecoyKeys decoys(DigestFromHex(row["root"]), DigestFromHex(row["corpus_sha256"]));
    uint8_t key[kKeyBytes];
    decoys.Get(row["index"].get<uint32_t>(), key);
    CHECK(Hex(key) == row["key"].get<std::string>());
  }
  const Digest seed = TaggedHash("decoy-seed", {AsBytes("some test")});
  uint8_t key[kKeyBytes];
  DecoyKeys(seed).Get(7, key);
  CHECK(Hex(key) == Hex(TestKey("some test", 7).secret()));
}

TEST_CASE("rank p are the vectors' ratios") {
  const auto vectors = ReadVectors("multiple.json", {"source", "clopper_pearson", "sidak_log10", "harmonic", "bh_by_holm", "ebh",
                                                     "bh_from_histogram", "rank_p", "p_to_e_log10", "fisher_log10"});
  for (const auto& row : vectors["rank_p"]) {
    CAPTURE(row.dump());
    const DecoyRank rank{row[0].get<uint64_t>(), row[1].get<uint64_t>()};
    CHECK(std::pow(10, rank.Log10P()) == doctest::Approx(row[2].get<double>()).epsilon(1e-15));
  }
}

TEST_CASE("P17: a rank names its floor and never passes it, and is compared with alpha as a ratio") {
  for (const uint64_t n : {uint64_t{0}, uint64_t{99}, uint64_t{999}, uint64_t{999999}}) {
    CAPTURE(n);
    CHECK(DecoyRank{n, 0}.Log10Floor() == doctest::Approx(-std::log10(1.0 + static_cast<double>(n))));
    for (const uint64_t r : {uint64_t{0}, n / 2, n}) CHECK(DecoyRank{n, r}.Log10P() >= DecoyRank{n, 0}.Log10Floor());
    CHECK(DecoyRank{n, n}.Log10P() == 0);
  }
  // 1/1000000 <= 1e-6 although the binary number that stands for 1e-6 is smaller.
  CHECK(DecoyRank{999999, 0}.AtMost(1e-6));
  CHECK_FALSE(DecoyRank{999999, 1}.AtMost(1e-6));
  CHECK(DecoyRank{99, 0}.AtMost(.01));
  CHECK_FALSE(DecoyRank{99, 1}.AtMost(.01));
  CHECK(DecoyRank{99, 2}.AtMost(.03));
  CHECK_FALSE(DecoyRank{99, 3}.AtMost(.03999999));
  CHECK(DecoyRank{0, 0}.AtMost(.9999999999999999) == false);
  CHECK_FALSE(DecoyRank{999999, 0}.AtMost(1e-300));
  CHECK(DecoyRank{6, 0}.AtMost(.14285714285714288));        // the double above 1/7
  CHECK_FALSE(DecoyRank{6, 0}.AtMost(.14285714285714282));  // and the one below
  CHECK(DecoyRank{99, 0}.Passes(1e-6));  // the best that 99 decoys can say
  CHECK_FALSE(DecoyRank{99, 1}.Passes(1e-6));
}

TEST_CASE("exact size: the largest attainable p at or below alpha, for every law") {
  // g 1/4, n 20 from power.json `bands`.
  CHECK(std::pow(10, SizeOf(NullLaw::Bernoulli(1, 4), 20, -1).log10_size) == doctest::Approx(0.04092516770651855).epsilon(1e-12));
  CHECK(std::pow(10, SizeOf(NullLaw::Bernoulli(1, 4), 20, -4).log10_size) == doctest::Approx(2.9511746106436476e-05).epsilon(1e-12));
  for (const NullLaw& law : {NullLaw::Bernoulli(1, 4), NullLaw::Gamma(), NullLaw::TwoBernoulli(15, 15)}) {
    for (const uint64_t n : {uint64_t{5}, uint64_t{300}}) {
      for (const double alpha : {-1., -3., -5.}) {
        const ExactSize size = SizeOf(law, n, alpha);
        if (!size.attainable) {
          CHECK(Log10SmallestP(law, n) > alpha);
          continue;
        }
        CHECK(Log10UpperTail(law, n, size.critical) <= alpha);
        CHECK(Log10UpperTail(law, n, size.critical - 1) > alpha);
        CHECK(size.log10_size == Log10UpperTail(law, n, size.critical));
      }
    }
  }
  CHECK_FALSE(SizeOf(NullLaw::Bernoulli(1, 4), 0, -1).attainable);
}

TEST_CASE("a line-up ranks the real key by counting decoys at least as high, in every scheme, and its self-check passes") {
  // False alarm: 1.2e-5, 3 levels of the self-check at 1e-6 for 4 schemes.
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    World world(*scheme, 300, 91);
    KeyScorer scorer = *KeyScorer::Create(world.profile, world.tuples);
    const DecoyKeys decoys(Digest{}, TaggedHash("input", {}));
    const Key real = TestKey("line-up", 0);
    const LineUp line_up = *RunLineUp(scorer, real, decoys, 999);
    const Statistic statistic = scorer.Score(real.secret()).statistic;
    CHECK(line_up.real.statistic == statistic);
    CHECK(line_up.log10_p == Log10UpperTail(scorer.law(), scorer.size(), statistic));
    uint64_t at_least = 0, at_01 = 0;
    for (uint32_t i = 0; i < 999; ++i) {
      uint8_t key[kKeyBytes];
      decoys.Get(i, key);
      const auto outcome = scorer.Score(key);
      at_least += outcome.statistic >= statistic;
      at_01 += scorer.Log10P(outcome) <= -2;
    }
    CHECK(line_up.rank.decoys == 999);
    CHECK(line_up.rank.at_least == at_least);
    CHECK(line_up.law.levels[1].count == at_01);
    CHECK(line_up.law.passed);
  }
}

TEST_CASE("rank p of random keys is uniform, ties counted against the key") {
  // 2,000 lots of a key and 19 decoys on one short text: P(p <= j/20) <= j/20. False alarm: 3e-6, 3 levels of 1e-6.
  World world(*FindScheme("green"), 40, 92);
  KeyScorer scorer = *KeyScorer::Create(world.profile, world.tuples);
  uint64_t at[3] = {};
  for (uint32_t lot = 0; lot < 2000; ++lot) {
    const DecoyKeys decoys(TaggedHash("lot", {AsBytes(std::to_string(lot))}));
    const DecoyRank rank = RunLineUp(scorer, TestKey("rank", lot), decoys, 19)->rank;
    at[0] += rank.AtMost(.05);
    at[1] += rank.AtMost(.1);
    at[2] += rank.AtMost(.5);
  }
  CHECK(AtMostBinomial(at[0], 2000, .05, 1e-6));
  CHECK(AtMostBinomial(at[1], 2000, .1, 1e-6));
  CHECK(AtMostBinomial(at[2], 2000, .5, 1e-6));
  CHECK(at[2] > 600);
}

TEST_CASE("the self-check stops a law that does not hold") {
  // Scores at 1/4, judged by the law of 1/5, on 400 tuples: what a wrong profile would do.
  World world(*FindScheme("green"), 402, 93);
  KeyScorer scorer = *KeyScorer::Create(world.profile, world.tuples);
  const DecoyKeys decoys(TaggedHash("wrong law", {}));
  const NullLaw wrong = NullLaw::Bernoulli(1, 5);
  std::array<uint64_t, 3> counts{}, right_counts{};
  for (uint32_t i = 0; i < 999; ++i) {
    uint8_t key[kKeyBytes];
    decoys.Get(i, key);
    const Statistic statistic = scorer.Score(key).statistic;
    for (size_t a = 0; a < 3; ++a) {
      counts[a] += Log10UpperTail(wrong, scorer.size(), statistic) <= -1. - static_cast<double>(a);
      right_counts[a] += Log10UpperTail(scorer.law(), scorer.size(), statistic) <= -1. - static_cast<double>(a);
    }
  }
  CHECK_FALSE(CheckLaw(wrong, scorer.size(), 999, counts).passed);
  CHECK(CheckLaw(scorer.law(), scorer.size(), 999, right_counts).passed);
  CHECK(kLawDoesNotHold == "the law does not hold on this text");
  // Too few rejections are as wrong as too many.
  CHECK_FALSE(CheckLaw(scorer.law(), scorer.size(), 999, {0, 0, 0}).passed);
}

TEST_CASE("a key that is its own decoy and too many decoys are refused; no decoys say nothing") {
  World world(*FindScheme("green"), 100, 94);
  KeyScorer scorer = *KeyScorer::Create(world.profile, world.tuples);
  const DecoyKeys decoys(TaggedHash("own", {}));
  uint8_t key[kKeyBytes];
  decoys.Get(17, key);
  const auto own = RunLineUp(scorer, Key(key), decoys, 100);
  REQUIRE_FALSE(own);
  CHECK(own.error().message == "decoy 17 is the tested key itself");
  CHECK(RunLineUp(scorer, Key(key), decoys, 17).has_value());  // 0..16 alone
  CHECK(RunLineUp(scorer, Key(key), decoys, 1000001).error().message == "decoys must be at most 1000000, got 1000001");
  const LineUp none = *RunLineUp(scorer, Key(key), decoys, 0);
  CHECK(none.rank.Log10P() == 0);
  CHECK(none.law.passed);
}
