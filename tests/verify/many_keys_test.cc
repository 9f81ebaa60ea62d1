// The many-keys engine against plain scoring, and futility against its definition and its promises (statistics.md 8.4, P23).
#include "verify/many_keys.h"

#include <cmath>
#include <random>

#include "tests/bands.h"
#include "tests/watermark/testing.h"
#include "verify/law.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

std::vector<uint32_t> RandomIds(uint64_t seed, size_t count, uint32_t vocab) {
  std::mt19937_64 random(seed);
  std::vector<uint32_t> ids(count);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % vocab);
  return ids;
}

Evidence EvidenceOf(const Profile& profile, std::span<const uint32_t> ids) {
  std::vector<PositionState> states;
  ClassifyPositions(ids, profile.window(), profile.special_ids(), Rule::kFirst, states);
  Evidence evidence(profile.window());
  evidence.AddText(ids, states, 0, nullptr);
  return evidence;
}

Profile HalfGreen() {
  auto object = SchemeObject(*FindScheme("green"), 50000);
  object["planes"] = 1;
  object["threshold"] = 1;
  return *MakeProfile(object);
}

}  // namespace

TEST_CASE("a scorer gives each key the sum that scoring alone gives, for every scheme and width") {
  for (const Scheme* scheme : Schemes()) {
    for (const int h : {1, 2, 4, 8}) {
      CAPTURE(scheme->name);
      CAPTURE(h);
      const auto profile = *MakeProfile(SchemeObject(*scheme, 3000, kFullShare, h));
      const Evidence evidence = EvidenceOf(profile, RandomIds(1, 700, 3000));
      const Tuples tuples = TuplesOf(evidence);
      REQUIRE(tuples.size() > 600);
      KeyScorer scorer = *KeyScorer::Create(profile, tuples);
      for (uint32_t i = 0; i < 5; ++i) {
        const Key key = TestKey("many keys", i);
        const KeyFile file = LayerKeyFile(profile, KeyRole::kProvider, key.Clone());
        const KeyFile* pointer = &file;
        const Layers layers = *Layers::Create(profile, {&pointer, 1});
        std::vector<uint64_t> scores(tuples.size());
        layers.Score(profile, Layer::kProvider, tuples.windows.data(), tuples.ids.data(), tuples.size(), scores.data());
        Statistic sum = 0;
        for (const uint64_t score : scores) sum += score;
        const auto outcome = scorer.Score(key.secret());
        CHECK(outcome.statistic == sum);
        CHECK(outcome.scored == tuples.size());
        CHECK_FALSE(outcome.dropped);
        CHECK(scorer.Log10P(outcome) == Log10UpperTail(scorer.law(), tuples.size(), sum));
      }
    }
  }
}

TEST_CASE("tuples of a layer are those that the selector assigns to it") {
  const auto profile = *MakeProfile(SchemeObject(*FindScheme("green"), 3000, 64));
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("layer", 0));
  const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, TestKey("layer", 1));
  const KeyFile* keys[] = {&provider, &selector};
  const Layers layers = *Layers::Create(profile, keys);
  const Evidence evidence = EvidenceOf(profile, RandomIds(2, 2000, 3000));
  const Tuples mine = TuplesOf(evidence, profile, layers, Layer::kProvider), others = TuplesOf(evidence, profile, layers, Layer::kAccount);
  CHECK(mine.size() + others.size() == evidence.size());
  CHECK(WithinBinomialBand(mine.size(), evidence.size(), 0.25, 1e-9));  // False alarm: 1e-9.
  for (const uint32_t* window : mine.windows) {
    Layer layer;
    layers.Assign(profile, &window, 1, &layer);
    CHECK(layer == Layer::kProvider);
  }
}

TEST_CASE("a key is dropped after the first tuple at which its likelihood ratio is at most c") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto profile = *MakeProfile(SchemeObject(*scheme, 3000));
    const NullLaw law = scheme->null_law(profile);
    const double effect = scheme->reference_effect(profile);
    const Tuples tuples = [&] {
      static std::vector<Evidence> keep;
      keep.push_back(EvidenceOf(profile, RandomIds(3, 500, 3000)));
      return TuplesOf(keep.back());
    }();
    KeyScorer plain = *KeyScorer::Create(profile, tuples), futile = *KeyScorer::Create(profile, tuples, Futility{effect, 0.02});
    int dropped = 0;
    for (uint32_t i = 0; i < 100; ++i) {
      const Key key = TestKey("dropped", i);
      const KeyFile file = LayerKeyFile(profile, KeyRole::kProvider, key.Clone());
      const KeyFile* pointer = &file;
      const Layers layers = *Layers::Create(profile, {&pointer, 1});
      std::vector<uint64_t> scores(tuples.size());
      layers.Score(profile, Layer::kProvider, tuples.windows.data(), tuples.ids.data(), tuples.size(), scores.data());
      const auto outcome = futile.Score(key.secret());
      dropped += outcome.dropped;
      CHECK(outcome.statistic <= plain.Score(key.secret()).statistic);
      if (outcome.dropped) CHECK(futile.Log10P(outcome) == 0);
      if (law.kind == NullLaw::Kind::kTwoBernoulli) continue;  // the ratio of one score has no closed form
      double ln_ratio = 0;
      uint64_t last = 0;
      while (last < scores.size() && ln_ratio > std::log(0.02)) {
        const double score = static_cast<double>(scores[last++]);
        if (law.kind == NullLaw::Kind::kGamma) {
          ln_ratio += score * 0x1p-32 * (1 - 1 / effect) - std::log(effect);
        } else {
          const double g = static_cast<double>(law.numerator) / law.denominator;
          ln_ratio += score != 0 ? std::log(effect / g) : std::log((1 - effect) / (1 - g));
        }
      }
      CHECK(outcome.dropped == (ln_ratio <= std::log(0.02)));
      CHECK(outcome.scored == last);
    }
    CHECK(dropped > 90);
  }
}

TEST_CASE("futility drops the right key with chance at most c, whatever the law") {
  // 20,000 streams of scores under the planned effect; at most c = .01. Seed 84. False alarm: 3e-6, 3 laws of 1e-6.
  std::mt19937_64 random(84);
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
  constexpr size_t kTokens = 400;
  constexpr int kStreams = 20000;
  const auto dropped = [&](const NullLaw& law, double effect, auto&& draw) {
    const auto bounds = *FutilityBounds(law, kTokens, {effect, 0.01});
    int count = 0;
    for (int stream = 0; stream < kStreams; ++stream) {
      Statistic sum = 0;
      for (size_t t = 1; t <= kTokens; ++t) {
        sum += draw();
        if (sum >= bounds[t]) continue;
        ++count;
        break;
      }
    }
    return static_cast<uint64_t>(count);
  };
  const uint64_t bits = dropped(NullLaw::Bernoulli(1, 4), 0.394, [&] { return Statistic{uniform() < 0.394}; });
  const uint64_t surprises = dropped(NullLaw::Gamma(), 1.7, [&] { return static_cast<Statistic>(-1.7 * std::log(uniform()) * 0x1p32); });
  // Bits of weight 2 and 1, tilted to mean 24.5: theta solves 30/(1+e^-2t) + 15/(1+e^-t) = 24.5 (bisection).
  double low = 0, high = 1;
  for (int i = 0; i < 60; ++i) {
    const double theta = (low + high) / 2;
    (30 / (1 + std::exp(-2 * theta)) + 15 / (1 + std::exp(-theta)) < 24.5 ? low : high) = theta;
  }
  const double heavy = 1 / (1 + std::exp(-2 * low)), light = 1 / (1 + std::exp(-low));
  const uint64_t layers = dropped(NullLaw::TwoBernoulli(15, 15), 24.5, [&] {
    Statistic score = 0;
    for (int i = 0; i < 15; ++i) score += Statistic{2} * (uniform() < heavy) + Statistic{uniform() < light};
    return score;
  });
  for (const uint64_t count : {bits, surprises, layers}) {
    CHECK(AtMostBinomial(count, kStreams, 0.01, 1e-6));
    CHECK(count > 20);  // the bound is not far from reached
  }
}

TEST_CASE("plans that make no sense are refused") {
  const auto message = [](const NullLaw& law, Futility futility) { return FutilityBounds(law, 10, futility).error().message; };
  CHECK(message(NullLaw::Bernoulli(1, 4), {0.25}) == "effect must be in (0.250000,1.000000), got 0.250000");
  CHECK(message(NullLaw::Bernoulli(1, 4), {1}) == "effect must be in (0.250000,1.000000), got 1.000000");
  CHECK(message(NullLaw::Gamma(), {std::nan("")}) == "effect must be in (1.000000,inf), got nan");
  CHECK(message(NullLaw::Gamma(), {0.5, 1e-3}) == "effect must be in (1.000000,inf), got 0.500000");
  CHECK(message(NullLaw::TwoBernoulli(15, 15), {45}) == "effect must be in (22.500000,45.000000), got 45.000000");
  CHECK(message(NullLaw::Bernoulli(1, 2), {0.6, 0}) == "drop_chance must be in (0,1), got 0.000000");
}

TEST_CASE("P23: futility takes away rejections only, and 10,000 wrong keys last 338 of 1,256 tuples on average") {
  // p1 .6, g 1/2; mean length within 5 %. The exact mean is 342.912, the standard deviation 182.112, by a dynamic
  // programme over (tuples, greens); |z| < 5. Text: seed 23. False alarm: 5.7e-7.
  const Profile profile = HalfGreen();
  const Evidence evidence = EvidenceOf(profile, RandomIds(23, 1400, 50000));
  Tuples tuples = TuplesOf(evidence);
  REQUIRE(tuples.size() >= 1256);
  tuples.windows.resize(1256);
  tuples.ids.resize(1256);
  KeyScorer plain = *KeyScorer::Create(profile, tuples), futile = *KeyScorer::Create(profile, tuples, Futility{0.6});
  double length = 0;
  int with[3] = {}, without[3] = {}, not_subset = 0;
  for (uint32_t i = 0; i < 10000; ++i) {
    const Key key = TestKey("P23", i);
    const auto fast = futile.Score(key.secret());
    const double p = plain.Log10P(plain.Score(key.secret())), p_fast = futile.Log10P(fast);
    length += static_cast<double>(fast.scored);
    not_subset += p_fast < p;
    CHECK((fast.dropped || p_fast == p));
    for (int a = 0; a < 3; ++a) {
      with[a] += p_fast <= -(a + 1);
      without[a] += p <= -(a + 1);
    }
  }
  length /= 10000;
  MESSAGE("mean length " << length << "; rejections at .1, .01, .001 with " << with[0] << " " << with[1] << " " << with[2] << ", without "
                         << without[0] << " " << without[1] << " " << without[2]);
  CHECK(not_subset == 0);
  CHECK(std::fabs(length - 338) <= 0.05 * 338);
  CHECK(std::fabs(length - 342.912) < 5 * 182.112 / 100);
  for (int a = 0; a < 3; ++a) CHECK(with[a] <= without[a]);
}
