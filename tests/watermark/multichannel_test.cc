// Expected numbers: native.json `marks`, `words`, `scored` in scheme_multichannel.json.
#include <random>

#include "tests/watermark/scheme_vectors.h"
#include "watermark/words.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

// A tag with the same nonce, so with the same segments, and another channel.
Tag WithChannel(Tag tag, uint32_t channel, uint32_t segments) {
  const auto word = static_cast<uint32_t>(((uint64_t{channel} << 32) + segments - 1) / segments);  // the first word of the channel
  for (size_t i = 0; i < 4; ++i) tag.bytes[Tag::kNonceBytes + i] = static_cast<uint8_t>(word >> (8 * i));
  return tag;
}

}  // namespace

TEST_CASE("multichannel: P becomes the Q of the vectors") {
  const auto file = ReadJsonFile("scheme_multichannel.json");
  REQUIRE(file["marks"].size() == 6);
  CheckMarks(file["marks"]);
}

TEST_CASE("multichannel: hits of single tuples and whole corpora are those of the vectors") {
  const auto file = ReadJsonFile("scheme_multichannel.json");
  REQUIRE(file["words"].size() == 32);
  for (const auto& row : file["words"]) {
    for (const auto& item : row["segments_and_channel"].items()) {
      const auto segments = static_cast<uint32_t>(std::stoul(item.key()));
      CAPTURE(segments);
      const std::vector<uint64_t> segment_of = item.value();  // one for each token, then the channel
      REQUIRE(segment_of.size() == row["tokens"].size() + 1);
      std::vector<uint64_t> hits;
      for (size_t i = 0; i + 1 < segment_of.size(); ++i) hits.push_back(segment_of[i] == segment_of.back());
      const Profile profile = ProfileWith("multichannel", "segments", segments, row["window"].size());
      CHECK(ScoresOf(profile, row) == hits);
      // The segments themselves: under the tag of channel j the tokens of segment j are the hits.
      const auto prf = *Prf::Create(KeyFromHex(row["layer_key"]));
      const std::vector<uint32_t> window = row["window"], ids = row["tokens"];
      const Tag tag = prf.mac().TagOf(window.data(), window.size());
      for (size_t i = 0; i < ids.size(); ++i) {
        const Tag other = WithChannel(tag, static_cast<uint32_t>(segment_of[i]), segments);
        uint64_t hit = 0;
        profile.scheme().score(profile, prf, {&other, 1}, {&ids[i], 1}, &hit);
        CHECK(hit == 1);
      }
    }
  }
  REQUIRE(file["scored"].size() == 2);
  CheckScored(file["scored"]);
}

TEST_CASE("for every fixed set of segments the mean of q over the channels is p to 1e-14, and hits are as often as they can be") {
  const Prf prf = *Prf::Create(TestKey("multichannel identity", 0));
  std::mt19937_64 random(32);
  std::normal_distribution<double> normal;
  double worst = 0, worst_hit = 0;
  for (uint32_t trial = 0; trial < 600; ++trial) {
    CAPTURE(trial);
    const uint32_t segments = trial % 3 == 0 ? 2 + trial % 9 : trial % 3 == 1 ? 20 : 2 + trial * 31 % 255;
    const Profile profile = ProfileWith("multichannel", "segments", segments, 2);
    const uint32_t window[2] = {trial + 3, 9};
    const Tag tag = prf.mac().TagOf(window, 2);
    const size_t count = 2 + trial * 13 % 90;
    std::vector<uint32_t> ids(count), words(count);
    for (size_t i = 0; i < count; ++i) ids[i] = static_cast<uint32_t>(3 + 101 * i);
    if (trial % 2) ids[0] = 1;  // a special id
    WordsOfIds(prf, tag, ids, words.data());
    std::vector<double> p(count), mean(count), ln(count);
    double total = 0;
    for (double& x : p) total += x = std::exp((trial % 5) * normal(random));
    for (double& x : p) x /= total;
    double hit = 0;
    for (uint32_t c = 0; c < segments; ++c) {
      for (size_t i = 0; i < count; ++i) ln[i] = std::log(p[i]);
      MarkValues(profile, prf, WithChannel(tag, c, segments), ln, ids);
      for (size_t i = 0; i < count; ++i) {
        const double q = std::exp(ln[i]);
        mean[i] += q / segments;
        if (ids[i] != 1 && uint64_t{words[i]} * segments >> 32 == c) hit += q / segments;
      }
    }
    std::vector<double> share(segments);
    double special = 0, best = 0;
    for (size_t i = 0; i < count; ++i) {
      worst = std::max(worst, std::fabs(mean[i] - p[i]));
      (ids[i] == 1 ? special : share[uint64_t{words[i]} * segments >> 32]) += p[i];
    }
    for (const double a : share) best += std::min((1 - special) / segments, a);
    worst_hit = std::max(worst_hit, std::fabs(hit - best));
  }
  CAPTURE(worst);
  CAPTURE(worst_hit);
  CHECK(worst <= 1e-14);
  CHECK(worst_hit <= 1e-13);
}

TEST_CASE("multichannel: reference effect and law") {
  const Profile profile = ProfileWith("multichannel", "segments", 20, 2);
  const NullLaw law = profile.scheme().null_law(profile);
  CHECK(law.kind == NullLaw::Kind::kBernoulli);
  CHECK(law.numerator == 1);
  CHECK(law.denominator == 20);
  // By hand: .05 + .576 * sqrt(.0475) = .05 + .576 * .21794495 = .17553629.
  CHECK(std::fabs(profile.scheme().reference_effect(profile) - 0.17553629) < 1e-8);
}
