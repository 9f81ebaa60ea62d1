// Truncation is compared with its definition, written out here over all subsets of a small vocabulary.
#include "watermark/sampler.h"

#include <cmath>
#include <map>
#include <random>

#include "tests/watermark/testing.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

// Probability of each id under the sampler: a fine grid of uniform numbers.
std::map<uint32_t, double> Frequencies(std::span<const float> logits, const SamplingOptions& options, const Marker* marker,
                                       std::span<const uint32_t> output) {
  std::map<uint32_t, double> out;
  SamplerBuffers buffers;
  constexpr int kGrid = 20000;
  for (int i = 0; i < kGrid; ++i) {
    const auto drawn = DrawToken(logits, options, marker, output, Repeat::kNew, (i + 0.5) / kGrid, buffers);
    REQUIRE(drawn.has_value());
    out[drawn->id] += 1.0 / kGrid;
  }
  return out;
}

}  // namespace

TEST_CASE("temperature, top-k, top-p and min-p keep what their definitions keep") {
  const std::vector<float> logits{std::log(0.4f), std::log(0.3f), -INFINITY, std::log(0.15f), std::log(0.1f), std::log(0.05f)};
  const struct { const char* name; SamplingOptions options; std::map<uint32_t, double> expected; } cases[] = {
      {"all", {1, 0, 1, 0}, {{0, .4}, {1, .3}, {3, .15}, {4, .1}, {5, .05}}},
      {"top-k 2", {1, 2, 1, 0}, {{0, 4. / 7}, {1, 3. / 7}}},
      {"top-k above", {1, 60, 1, 0}, {{0, .4}, {1, .3}, {3, .15}, {4, .1}, {5, .05}}},
      {"top-p .7", {1, 0, .69, 0}, {{0, 4. / 7}, {1, 3. / 7}}},
      {"top-p .71", {1, 0, .71, 0}, {{0, .4 / .85}, {1, .3 / .85}, {3, .15 / .85}}},
      {"min-p .3", {1, 0, 1, .3}, {{0, .4 / .85}, {1, .3 / .85}, {3, .15 / .85}}},
      {"temperature 1/2", {.5, 0, 1, 0}, {{0, .16 / .285}, {1, .09 / .285}, {3, .0225 / .285}, {4, .01 / .285}, {5, .0025 / .285}}},
      {"top-k 3 then top-p .6", {1, 3, .6, 0}, {{0, 4. / 7}, {1, 3. / 7}}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto got = Frequencies(logits, c.options, nullptr, {});
    REQUIRE(got.size() == c.expected.size());
    for (const auto& [id, p] : c.expected) CHECK(std::fabs(got.at(id) - p) <= 2e-4);
  }
}

TEST_CASE("the mark comes after truncation: its price is that of the truncated distribution, and what was cut stays cut") {
  const auto profile = *MakeProfile(SchemeObject(*FindScheme("green"), 64));
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("sampler mark", 0));
  const KeyFile* keys[] = {&provider};
  const auto marker = Marker::Create(profile, keys);
  std::vector<float> logits(64);
  std::mt19937_64 random(5);
  for (float& x : logits) x = static_cast<float>(random() % 1000) / 200;
  const std::vector<uint32_t> output{10, 11};
  SamplingOptions options{0.8, 10, 1, 0};
  const auto p = Frequencies(logits, options, nullptr, output), q = Frequencies(logits, options, &*marker, output);
  REQUIRE(p.size() == 10);
  std::vector<uint8_t> mask(8);
  REQUIRE(marker->Mask(output, Repeat::kNew, mask).has_value());
  double green = 0;
  for (const auto& [id, mass] : p) green += (mask[id >> 3] >> (id & 7) & 1) ? mass : 0;
  SamplerBuffers buffers;
  const auto drawn = DrawToken(logits, options, &*marker, output, Repeat::kNew, 0.5, buffers);
  REQUIRE(drawn->price.masses.has_value());
  CHECK(std::fabs(drawn->price.masses->green - green) <= 2e-3);
  for (const auto& [id, mass] : q) {
    REQUIRE(p.count(id) == 1);
    const double a = (mask[id >> 3] >> (id & 7) & 1) ? std::exp(2.0) : 1;
    CHECK(std::fabs(mass - p.at(id) * a / (1 + std::expm1(2.0) * green)) <= 2e-3);
  }
  CHECK(std::fabs(std::exp(drawn->log_p) - p.at(drawn->id)) <= 2e-4);
}

TEST_CASE("temperature 0 takes the argmax unmarked, or under zero_temperature argmax the likeliest after delta, with its gap") {
  SamplerSettings argmax;
  argmax.argmax_at_zero_temperature = true;
  const std::vector<uint32_t> output{10, 11};
  for (const bool marked : {false, true}) {
    const auto profile = *MakeProfile(SchemeObject(*FindScheme("green"), 64), marked ? argmax : SamplerSettings{});
    const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("sampler greedy", 0));
    const KeyFile* keys[] = {&provider};
    const auto marker = Marker::Create(profile, keys);
    std::vector<uint8_t> mask(8);
    REQUIRE(marker->Mask(output, Repeat::kNew, mask).has_value());
    uint32_t green = 3, red = 3;
    while (!(mask[green >> 3] >> (green & 7) & 1)) ++green;
    while (mask[red >> 3] >> (red & 7) & 1) ++red;
    std::vector<float> logits(64, 0);
    logits[red] = 5;
    logits[green] = 4;
    SamplingOptions greedy{0, 0, 1, 0};
    SamplerBuffers buffers;
    const auto drawn = DrawToken(logits, greedy, &*marker, output, Repeat::kNew, 0.5, buffers);
    REQUIRE(drawn.has_value());
    CHECK(drawn->id == (marked ? green : red));
    CHECK(drawn->price.state == (marked ? MarkState::kMarked : MarkState::kNoChoice));
    CHECK(drawn->greedy_gap_nats == (marked ? 1.0 : 0.0));
  }
}

TEST_CASE("options out of range and rows without a finite logit are refused") {
  const std::vector<float> logits{0, 1};
  SamplerBuffers buffers;
  for (const SamplingOptions options : {SamplingOptions{-1, 0, 1, 0}, SamplingOptions{NAN, 0, 1, 0}, SamplingOptions{101, 0, 1, 0}, SamplingOptions{1, 0, 0, 0},
                                        SamplingOptions{1, 0, 1.5, 0}, SamplingOptions{1, 0, NAN, 0}, SamplingOptions{1, 0, 1, -0.1}, SamplingOptions{1, 0, 1, 2}}) {
    const auto drawn = DrawToken(logits, options, nullptr, {}, Repeat::kNew, 0.5, buffers);
    REQUIRE(!drawn.has_value());
    CHECK(drawn.error().kind == ErrorKind::kInvalidArgument);
  }
  CHECK(!DrawToken({}, {}, nullptr, {}, Repeat::kNew, 0.5, buffers).has_value());
  CHECK(!DrawToken(std::vector<float>{-INFINITY}, {}, nullptr, {}, Repeat::kNew, 0.5, buffers).has_value());
  CHECK(!DrawToken(logits, {}, nullptr, {}, Repeat::kNew, 1.0, buffers).has_value());
}
