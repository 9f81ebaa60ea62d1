// Walks the table, so that a new scheme is tested before its author writes a line (docs/adding_a_scheme.md).
//
// False alarms: the two statements on random keys are exact counts against the scheme's own law with |z| < 5, 5.7e-7
// each for each scheme and size.
#include <cmath>
#include <filesystem>
#include <random>

#include "tests/watermark/testing.h"
#include "watermark/sampler.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

struct Fixture {
  Profile profile;
  Marker marker;
};

Fixture Make(const Scheme& scheme, uint32_t vocab, const std::string& id, uint32_t i = 0) {
  const auto profile = *MakeProfile(SchemeObject(scheme, vocab));
  const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey(id, i));
  const KeyFile* pointer = &key;
  return {profile, *Marker::Create(profile, {&pointer, 1})};
}

// A text drawn by the sampler from random logits that change with the position.
std::vector<uint32_t> Generate(const Marker* marker, uint32_t vocab, size_t tokens, uint64_t seed) {
  std::mt19937_64 random(seed);
  SamplerBuffers buffers;
  std::vector<uint32_t> output;
  std::vector<float> logits(vocab);
  while (output.size() < tokens) {
    for (float& x : logits) x = static_cast<float>(random() % 4096) / 1024;
    const double uniform = static_cast<double>(random() >> 11) / 9007199254740992.0;
    const auto drawn = DrawToken(logits, {}, marker, output, Repeat::kFind, uniform, buffers);
    REQUIRE(drawn.has_value());
    output.push_back(drawn->id);
  }
  return output;
}

// Mean and variance of one score under the null hypothesis.
std::pair<double, double> Moments(const NullLaw& law) {
  REQUIRE(law.kind == NullLaw::Kind::kBernoulli);
  const double g = static_cast<double>(law.numerator) / law.denominator;
  return {g, g * (1 - g)};
}

}  // namespace

TEST_CASE("every scheme has a vector file and says what it is") {
  REQUIRE(!Schemes().empty());
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    CHECK(std::filesystem::exists(VERDIGRIS_SOURCE_DIR "/tests/vectors/scheme_" + std::string(scheme->name) + ".json"));
    CHECK(!scheme->paper.empty());
    CHECK(!scheme->summary.empty());
    CHECK(FindScheme(scheme->name) == scheme);
  }
}

TEST_CASE("registered bounds are enforced, and defaults are within them") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    CHECK(MakeProfile(SchemeObject(*scheme, 100)).has_value());
    for (const ParamSpec& param : scheme->params) {
      CAPTURE(param.name);
      for (const int64_t bad : {param.min - 1, param.max + 1}) {
        auto object = SchemeObject(*scheme, 100);
        object[std::string(param.name)] = bad;
        const auto profile = MakeProfile(object);
        REQUIRE(!profile.has_value());
        CHECK(profile.error().message.find(std::string(param.name)) == 0);
      }
    }
  }
}

TEST_CASE("the same key gives the same mark and scores, another key does not") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto a = Make(*scheme, 400, "all same", 0), b = Make(*scheme, 400, "all same", 0), c = Make(*scheme, 400, "all same", 1);
    const auto text = Generate(&a.marker, 400, 60, 1);
    CHECK(Generate(&b.marker, 400, 60, 1) == text);
    CHECK(Generate(&c.marker, 400, 60, 1) != text);
  }
}

TEST_CASE("marked text scores above its null mean by far, unmarked text and another key do not") {
  constexpr size_t kTokens = 1500;
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto f = Make(*scheme, 400, "all found", 0), other = Make(*scheme, 400, "all found", 1);
    const auto [mean, variance] = Moments(scheme->null_law(f.profile));
    const auto z_of = [&, mean = mean, variance = variance](const Marker& marker, const std::vector<uint32_t>& text) {
      const auto total = marker.ScoreSequence(text, Rule::kFirst, nullptr)->front();
      return (static_cast<double>(total.statistic) - mean * static_cast<double>(total.n)) / std::sqrt(variance * static_cast<double>(total.n));
    };
    const auto marked = Generate(&f.marker, 400, kTokens, 2), plain = Generate(nullptr, 400, kTokens, 2);
    CHECK(z_of(f.marker, marked) > 8);
    CHECK(std::fabs(z_of(f.marker, plain)) < 5);
    CHECK(std::fabs(z_of(other.marker, marked)) < 5);
  }
}

TEST_CASE("scores of one text over random keys have the mean and variance of the law") {
  constexpr uint32_t kKeys = 4000, kTokens = 102;
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto text = Generate(nullptr, 400, kTokens, 3);
    double sum = 0, n = 0;
    Moments(scheme->null_law(Make(*scheme, 400, "all null").profile));
    for (uint32_t i = 0; i < kKeys; ++i) {
      const auto total = Make(*scheme, 400, "all null", i).marker.ScoreSequence(text, Rule::kTuple, nullptr)->front();
      sum += static_cast<double>(total.statistic);
      n += static_cast<double>(total.n);
    }
    const auto [mean, variance] = Moments(scheme->null_law(Make(*scheme, 400, "all null").profile));
    CHECK(std::fabs((sum - mean * n) / std::sqrt(variance * n)) < 5);
  }
}

TEST_CASE("a marked draw is scored as it was coloured: the mask, where there is one, is the score") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    if (scheme->mask == nullptr) continue;
    const auto f = Make(*scheme, 400, "all agree");
    std::vector<uint8_t> mask(f.marker.mask_bytes());
    for (uint32_t i = 0; i < 200; ++i) {
      const std::vector<uint32_t> window{3 + i, 397 - i};
      REQUIRE(f.marker.Mask(window, Repeat::kNew, mask).has_value());
      for (uint32_t v = 3; v < 400; v += 7) CHECK(f.marker.ScoreToken(window, v)->score == (mask[v >> 3] >> (v & 7) & 1u));
    }
  }
}

TEST_CASE("empty, one-token and out-of-range input is refused or counts nothing") {
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto f = Make(*scheme, 400, "all edges");
    CHECK((*f.marker.ScoreSequence({}, Rule::kFirst, nullptr))[0].n == 0);
    CHECK((*f.marker.ScoreSequence(std::vector<uint32_t>{7}, Rule::kFirst, nullptr))[0].n == 0);
    CHECK(f.marker.ScoreSequence(std::vector<uint32_t>{7, kIdLimit}, Rule::kFirst, nullptr).error().kind == ErrorKind::kInvalidArgument);
    CHECK(f.marker.ScoreToken(std::vector<uint32_t>{7}, 8).error().kind == ErrorKind::kInvalidArgument);
    CHECK(f.marker.ScoreToken(std::vector<uint32_t>{7, 1}, 8)->state == PositionState::kSpecial);
    CHECK(f.marker.ScoreToken(std::vector<uint32_t>{7, 9}, 400)->state == PositionState::kSpecial);
  }
}
