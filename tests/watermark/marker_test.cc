// The marking call over whole markers: states, layers, row types and shapes. Numbers of single rows are green_test.cc's;
// N13's example is the document's own.
#include "watermark/marker.h"

#include <cmath>
#include <cstring>
#include <random>

#include <Eigen/Core>

#include "tests/watermark/testing.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

struct Fixture {
  Profile profile;
  std::vector<KeyFile> keys;
  Marker marker;
};

Fixture MakeMarker(uint32_t vocab, int share, SamplerSettings sampler = {}, const std::string& id = "marker_test") {
  auto profile = *MakeProfile(SchemeObject(*FindScheme("green"), vocab, share), sampler);
  std::vector<KeyFile> keys;
  keys.push_back(LayerKeyFile(profile, KeyRole::kProvider, TestKey(id, 0)));
  keys.push_back(LayerKeyFile(profile, KeyRole::kSelector, TestKey(id, 1)));
  keys.push_back(LayerKeyFile(profile, KeyRole::kAccount, TestKey(id, 2), "acct-7"));
  const KeyFile* pointers[] = {&keys[0], &keys[1], &keys[2]};
  auto marker = Marker::Create(profile, pointers);
  REQUIRE(marker.has_value());
  return {profile, std::move(keys), std::move(*marker)};
}

SamplerSettings Plain() {
  SamplerSettings sampler;
  sampler.specials = SamplerSettings::Specials::kPlain;
  return sampler;
}

std::vector<float> RandomLogits(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(count);
  for (float& x : logits) x = normal(random);
  return logits;
}

}  // namespace

TEST_CASE("the example of native-schemes.md N13: key tree, mask and layers") {
  nlohmann::json object = {{"normaliser", "none/1"}, {"planes", 2}, {"prf", "verdigris/1/aes256"}, {"provider_share", 128}, {"scheme", "green"}, {"threshold", 1},
                           {"tokenizer_sha256", "5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d"},
                           {"unmarked_ids", {{0, 2}}}, {"vocab", 32000}, {"window", 2}};
  const auto profile = MakeProfile(object);
  REQUIRE(profile.has_value());
  CHECK(Hex(profile->scheme_id()) == "ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a");
  const Key master = KeyFromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const Key epoch = DeriveEpochKey(DeriveSchemeKey(master, profile->scheme_id()), 3);
  std::vector<KeyFile> keys;
  keys.push_back(LayerKeyFile(*profile, KeyRole::kProvider, DeriveLayerKey(epoch, KeyRole::kProvider)));
  keys.push_back(LayerKeyFile(*profile, KeyRole::kSelector, DeriveLayerKey(epoch, KeyRole::kSelector)));
  keys.push_back(LayerKeyFile(*profile, KeyRole::kAccount, DeriveAccountKey(epoch, "acct-7"), "acct-7"));
  CHECK(keys[0].kid() == "090ebcf4285fc5fc");
  CHECK(keys[2].kid() == "16b1e2a739223456");
  const KeyFile* pointers[] = {&keys[0], &keys[1], &keys[2]};
  const auto marker = Marker::Create(*profile, pointers);
  REQUIRE(marker.has_value());
  std::vector<uint8_t> mask(marker->mask_bytes());
  const std::vector<uint32_t> first{3186, 31999}, second{263, 3186};
  auto price = marker->Mask(first, Repeat::kNew, mask);
  REQUIRE(price.has_value());
  CHECK(price->layer == Layer::kProvider);
  CHECK((mask[0] & 7) == 0);  // green by their draws, but special
  size_t count = 2;           // ids 0 and 2 are green in the raw mask
  for (const uint8_t byte : mask) count += static_cast<size_t>(__builtin_popcount(byte));
  CHECK(count == 8081);
  CHECK(marker->ScoreToken(first, 3186)->score == 1);
  price = marker->Mask(second, Repeat::kNew, mask);
  CHECK(price->layer == Layer::kAccount);
  CHECK(marker->ScoreToken(second, 3186)->score == 0);
}

TEST_CASE("short, special and repeated windows leave the row untouched to the bit, and say so") {
  const Fixture f = MakeMarker(1000, kFullShare);
  const struct { std::vector<uint32_t> output; Repeat repeat; MarkState state; } cases[] = {
      {{}, Repeat::kFind, MarkState::kShort},
      {{5}, Repeat::kNew, MarkState::kShort},
      {{5, 1}, Repeat::kNew, MarkState::kSpecial},
      {{2, 5}, Repeat::kRepeated, MarkState::kSpecial},
      {{5, 1000}, Repeat::kFind, MarkState::kSpecial},
      {{5, kIdLimit - 1}, Repeat::kFind, MarkState::kSpecial},
      {{5, 6}, Repeat::kRepeated, MarkState::kRepeated},
      {{5, 6, 5, 6}, Repeat::kFind, MarkState::kRepeated},
      {{5, 6, 7, 6}, Repeat::kFind, MarkState::kMarked},
      {{5, 6, 5, 6}, Repeat::kNew, MarkState::kMarked},
  };
  for (const auto& c : cases) {
    std::vector<float> logits = RandomLogits(1000, 1), before = logits;
    const auto price = f.marker.Mark(c.output, c.repeat, Mode::kDistribution, {LogitType::kF32, logits.data(), logits.size()});
    REQUIRE(price.has_value());
    CHECK(price->state == c.state);
    const bool same = std::memcmp(logits.data(), before.data(), 4 * logits.size()) == 0;
    CHECK(same == (c.state != MarkState::kMarked));
    CHECK(price->masses.has_value() == (c.state == MarkState::kMarked));
    std::vector<uint8_t> mask(f.marker.mask_bytes(), 0xFF);
    REQUIRE(f.marker.Mask(c.output, c.repeat, mask).has_value());
    CHECK((std::count(mask.begin(), mask.end(), 0) == static_cast<ptrdiff_t>(mask.size())) == (c.state != MarkState::kMarked));
  }
}

TEST_CASE("special ids keep their probability under preserve, for widths above and below V") {
  const Fixture f = MakeMarker(1000, kFullShare);
  const std::vector<uint32_t> output{50, 60};
  for (const size_t width : {7, 900, 1000, 1024, 1003}) {
    CAPTURE(width);
    const std::vector<float> logits = RandomLogits(width, width);
    std::vector<float> marked = logits;
    const auto price = f.marker.Mark(output, Repeat::kNew, Mode::kDistribution, {LogitType::kF32, marked.data(), width});
    REQUIRE(price.has_value());
    double total_p = 0, total_q = 0;
    for (size_t i = 0; i < width; ++i) total_p += std::exp(static_cast<double>(logits[i]));
    for (size_t i = 0; i < width; ++i) {
      const double p = std::exp(static_cast<double>(logits[i])) / total_p, q = std::exp(static_cast<double>(marked[i]));
      total_q += q;
      if (i <= 2 || i >= 1000) CHECK(std::fabs(q - p) <= 1e-6 * p);
    }
    CHECK(std::fabs(total_q - 1) <= 1e-6);
  }
}

TEST_CASE("strided rows, candidate lists in any order and narrow types give the same mark") {
  const Fixture f = MakeMarker(5000, kFullShare);
  const std::vector<uint32_t> output{50, 60};
  const std::vector<float> logits = RandomLogits(5000, 9);
  std::vector<float> whole = logits;
  REQUIRE(f.marker.Mark(output, Repeat::kNew, Mode::kDistribution, {LogitType::kF32, whole.data(), whole.size()}).has_value());

  struct Candidate { uint32_t id; float logit; float p; };
  std::vector<Candidate> list;
  for (uint32_t v = 0; v < 5000; ++v) list.push_back({v, logits[v], -1});
  std::shuffle(list.begin(), list.end(), std::mt19937_64(3));
  REQUIRE(f.marker.Mark(output, Repeat::kNew, Mode::kDistribution, {LogitType::kF32, &list[0].logit, list.size(), sizeof(Candidate), &list[0].id, sizeof(Candidate)}).has_value());
  for (const Candidate& c : list) {
    CHECK(std::fabs(c.logit - whole[c.id]) <= 4e-6f);
    CHECK(c.p == -1);
  }

  std::vector<float> strided(3 * 5000, 7.0f);
  for (size_t i = 0; i < 5000; ++i) strided[3 * i] = logits[i];
  REQUIRE(f.marker.Mark(output, Repeat::kNew, Mode::kDistribution, {LogitType::kF32, strided.data(), 5000, 12}).has_value());
  for (size_t i = 0; i < 5000; ++i) {
    CHECK(strided[3 * i] == whole[i]);
    CHECK(strided[3 * i + 1] == 7.0f);
  }

  std::vector<Eigen::bfloat16> narrow;
  std::vector<float> widened;
  for (const float x : logits) narrow.emplace_back(x);
  for (const auto x : narrow) widened.push_back(static_cast<float>(x));
  REQUIRE(f.marker.Mark(output, Repeat::kNew, Mode::kDistribution, {LogitType::kBf16, narrow.data(), narrow.size()}).has_value());
  REQUIRE(f.marker.Mark(output, Repeat::kNew, Mode::kDistribution, {LogitType::kF32, widened.data(), widened.size()}).has_value());
  for (size_t i = 0; i < 5000; ++i) CHECK(narrow[i] == Eigen::bfloat16(widened[i]));
}

TEST_CASE("absent candidates stay absent, and a row without a choice is left alone") {
  const Fixture f = MakeMarker(1000, kFullShare);
  const std::vector<uint32_t> output{50, 60};
  std::vector<float> logits = RandomLogits(1000, 4);
  for (size_t i = 0; i < 1000; i += 3) logits[i] = -INFINITY;
  auto price = f.marker.Mark(output, Repeat::kNew, Mode::kDistribution, {LogitType::kF32, logits.data(), 1000});
  REQUIRE(price.has_value());
  double total = 0;
  for (size_t i = 0; i < 1000; ++i) {
    if (i % 3 == 0) CHECK(logits[i] == -INFINITY);
    total += std::exp(static_cast<double>(logits[i]));
  }
  CHECK(std::fabs(total - 1) <= 1e-6);
  // One candidate; and special candidates alone.
  for (const std::vector<size_t>& finite : {std::vector<size_t>{400}, std::vector<size_t>{0, 1, 2}}) {
    std::vector<float> row(1000, -INFINITY);
    for (const size_t i : finite) row[i] = 1.5f;
    const std::vector<float> before = row;
    price = f.marker.Mark(output, Repeat::kNew, Mode::kDistribution, {LogitType::kF32, row.data(), 1000});
    REQUIRE(price.has_value());
    CHECK(price->state == MarkState::kNoChoice);
    CHECK(row == before);
  }
}

TEST_CASE("bias adds delta times scale on the applied mask and nothing else") {
  const Fixture f = MakeMarker(1000, kFullShare, Plain());
  const std::vector<uint32_t> output{50, 60};
  std::vector<uint8_t> mask(f.marker.mask_bytes());
  REQUIRE(f.marker.Mask(output, Repeat::kNew, mask).has_value());
  std::vector<float> logits = RandomLogits(1024, 5), before = logits;
  logits[7] = before[7] = -0.0f;
  logits[9] = before[9] = NAN;  // bias mode does not look
  const auto price = f.marker.Mark(output, Repeat::kNew, Mode::kBias, {LogitType::kF32, logits.data(), 1024}, 0.7);
  REQUIRE(price.has_value());
  CHECK(!price->masses.has_value());
  for (size_t i = 0; i < 1024; ++i) {
    const bool green = i < 1000 && (mask[i >> 3] >> (i & 7) & 1);
    const float expected = green ? before[i] + static_cast<float>(2.0 * 0.7) : before[i];
    CHECK(std::memcmp(&logits[i], &expected, 4) == 0);
  }
}

TEST_CASE("refused rows and arguments have their class and leave the logits untouched") {
  const Fixture f = MakeMarker(1000, kFullShare), plain = MakeMarker(1000, kFullShare, Plain());
  const std::vector<uint32_t> output{50, 60}, bad_output{50, 0xFFFFFFFF};
  std::vector<float> logits = RandomLogits(1000, 6);
  const std::vector<uint32_t> twice{5, 6, 5};
  auto with = [&](size_t at, float value) {
    std::vector<float> row = logits;
    row[at] = value;
    return row;
  };
  std::vector<float> nan = with(17, NAN), inf = with(17, INFINITY), absent(1000, -INFINITY);
  const struct { const char* name; const Marker* marker; const std::vector<uint32_t>* output; Mode mode; Row row; double scale; ErrorKind kind; } cases[] = {
      {"placeholder", &f.marker, &bad_output, Mode::kDistribution, {LogitType::kF32, logits.data(), 1000}, 1, ErrorKind::kInvalidArgument},
      {"NaN", &f.marker, &output, Mode::kDistribution, {LogitType::kF32, nan.data(), 1000}, 1, ErrorKind::kInvalidArgument},
      {"+inf", &f.marker, &output, Mode::kDistribution, {LogitType::kF32, inf.data(), 1000}, 1, ErrorKind::kInvalidArgument},
      {"none finite", &f.marker, &output, Mode::kDistribution, {LogitType::kF32, absent.data(), 1000}, 1, ErrorKind::kInvalidArgument},
      {"count 0", &f.marker, &output, Mode::kDistribution, {LogitType::kF32, logits.data(), 0}, 1, ErrorKind::kInvalidArgument},
      {"null", &f.marker, &output, Mode::kDistribution, {LogitType::kF32, nullptr, 10}, 1, ErrorKind::kInvalidArgument},
      {"stride below the type", &f.marker, &output, Mode::kDistribution, {LogitType::kF32, logits.data(), 10, 3}, 1, ErrorKind::kInvalidArgument},
      {"id twice", &f.marker, &output, Mode::kDistribution, {LogitType::kF32, logits.data(), 3, 0, twice.data()}, 1, ErrorKind::kInvalidArgument},
      {"bias under preserve", &f.marker, &output, Mode::kBias, {LogitType::kF32, logits.data(), 1000}, 1, ErrorKind::kNotSupported},
      {"scale 0", &plain.marker, &output, Mode::kBias, {LogitType::kF32, logits.data(), 1000}, 0, ErrorKind::kInvalidArgument},
      {"scale NaN", &plain.marker, &output, Mode::kBias, {LogitType::kF32, logits.data(), 1000}, NAN, ErrorKind::kInvalidArgument},
      {"scale above 100", &plain.marker, &output, Mode::kBias, {LogitType::kF32, logits.data(), 1000}, 100.5, ErrorKind::kInvalidArgument},
      {"mode 3", &plain.marker, &output, static_cast<Mode>(3), {LogitType::kF32, logits.data(), 1000}, 1, ErrorKind::kInvalidArgument},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const std::vector<float> before = logits;
    const auto price = c.marker->Mark(*c.output, Repeat::kNew, c.mode, c.row, c.scale);
    REQUIRE(!price.has_value());
    CHECK(price.error().kind == c.kind);
    CHECK(logits == before);
  }
}

TEST_CASE("a marker wants the keys its share asks for, and nothing that does not belong") {
  const auto green = *FindScheme("green");
  const auto profile = *MakeProfile(SchemeObject(green, 1000, 128));
  const auto other = *MakeProfile(SchemeObject(green, 1001, 128));
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("marker keys", 0));
  const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, TestKey("marker keys", 1));
  const KeyFile account = LayerKeyFile(profile, KeyRole::kAccount, TestKey("marker keys", 2), "a");
  const KeyFile master = LayerKeyFile(profile, KeyRole::kMaster, TestKey("marker keys", 3));
  const KeyFile foreign = LayerKeyFile(other, KeyRole::kAccount, TestKey("marker keys", 4), "a");
  KeyFile late = LayerKeyFile(profile, KeyRole::kAccount, TestKey("marker keys", 5), "a");
  late.epoch = 1;
  const struct { const char* name; std::vector<const KeyFile*> keys; ErrorKind kind; } cases[] = {
      {"no key", {}, ErrorKind::kFailedPrecondition},
      {"no account", {&provider, &selector}, ErrorKind::kFailedPrecondition},
      {"no selector", {&provider, &account}, ErrorKind::kFailedPrecondition},
      {"no provider", {&selector, &account}, ErrorKind::kFailedPrecondition},
      {"master", {&master, &provider, &selector, &account}, ErrorKind::kMismatch},
      {"other scheme", {&provider, &selector, &foreign}, ErrorKind::kMismatch},
      {"other epoch", {&provider, &selector, &late}, ErrorKind::kMismatch},
      {"provider twice", {&provider, &provider, &selector, &account}, ErrorKind::kMismatch},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto marker = Marker::Create(profile, c.keys);
    REQUIRE(!marker.has_value());
    CHECK(marker.error().kind == c.kind);
  }
  const KeyFile* good[] = {&provider, &selector, &account};
  CHECK(Marker::Create(profile, good).has_value());
  Expectations expected;
  expected.vocab = 999;
  CHECK(Marker::Create(profile, good, expected).error().kind == ErrorKind::kMismatch);
  expected = {};
  expected.epoch = 7;
  CHECK(Marker::Create(profile, good, expected).error().kind == ErrorKind::kMismatch);
  CHECK(Marker::Create(profile, good)->WithAccount(provider).error().kind == ErrorKind::kMismatch);
}

TEST_CASE("whole corpora score as in the vectors, one record at a time where tuples do not cross") {
  const auto file = ReadJsonFile("scheme_green.json");
  REQUIRE(file["scored"].size() == 2);
  for (const auto& c : file["scored"]) {
    const auto profile = *MakeProfile(c["scheme"]);
    std::vector<KeyFile> keys;
    keys.push_back(LayerKeyFile(profile, KeyRole::kProvider, KeyFromHex(c["keys"]["provider"])));
    keys.push_back(LayerKeyFile(profile, KeyRole::kSelector, KeyFromHex(c["keys"]["selector"])));
    keys.push_back(LayerKeyFile(profile, KeyRole::kAccount, KeyFromHex(c["keys"]["account:acct-7"]), "acct-7"));
    const KeyFile* pointers[] = {&keys[0], &keys[1], &keys[2]};
    const auto marker = Marker::Create(profile, pointers);
    REQUIRE(marker.has_value());
    for (const std::vector<uint32_t> ids : c["records"]) {
      for (const Rule rule : {Rule::kTuple, Rule::kFirst}) {
        std::vector<PositionScore> each(ids.size());
        const auto totals = marker->ScoreSequence(ids, rule, each.data());
        REQUIRE(totals.has_value());
        LayerTotal sum[2];
        for (size_t t = 0; t < ids.size(); ++t) {
          if (each[t].state != PositionState::kEligible || each[t].duplicate) continue;
          const auto one = marker->ScoreToken({ids.data() + t - profile.window(), profile.window()}, ids[t]);
          REQUIRE(one.has_value());
          CHECK(one->layer == each[t].layer);
          CHECK(one->score == each[t].score);
          auto& total = sum[one->layer == Layer::kProvider ? 0 : 1];
          ++total.n;
          total.statistic += one->score;
        }
        for (int i = 0; i < 2; ++i) {
          CHECK(sum[i].n == (*totals)[i].n);
          CHECK(sum[i].statistic == (*totals)[i].statistic);
        }
      }
    }
  }
}

TEST_CASE("a repeated loop is scored once under either rule") {
  const Fixture f = MakeMarker(1000, kFullShare);
  std::vector<uint32_t> ids;
  for (int i = 0; i < 50; ++i) {
    for (uint32_t v = 100; v < 120; ++v) ids.push_back(v);
  }
  for (const Rule rule : {Rule::kTuple, Rule::kFirst}) {
    const auto totals = f.marker.ScoreSequence(ids, rule, nullptr);
    REQUIRE(totals.has_value());
    CHECK((*totals)[0].n == 20);
  }
}
