// The main job on a real language model: the pocket model writes marked text, the detector finds it; on unmarked text p
// is uniform over keys.
//
// Power is counted over 100 seeds of 200 tokens (400 for the account's layer alone) at temperature 1 with the default
// profile, from the text as a reader gets it, so what the tokenizer reads differently is part of it. Which texts come
// out depends on the build's floating point; the counts have room for that.
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>

#include "tests/null_over_keys.h"
#include "tools/pocket_lm/pocket_lm.h"
#include "verify/text/sentencepiece.h"
#include "watermark/sampler.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

const std::string kFolder = VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm";

struct World {
  std::unique_ptr<Tokenizer> tokenizer;
  pocket::PocketLm model;
};

World LoadWorld() {
  std::ifstream in(kFolder + "/tokenizer.model", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto tokenizer = LoadSentencePiece(bytes);
  auto model = pocket::PocketLm::Load(kFolder);
  REQUIRE(tokenizer.has_value());
  REQUIRE(model.has_value());
  return {std::move(*tokenizer), std::move(*model)};
}

nlohmann::json PocketScheme(const World& world, int share) {
  auto object = SchemeObject(*FindScheme("green"), world.tokenizer->vocab(), share);
  object["unmarked_ids"] = nlohmann::json::array();
  for (const IdRange& range : world.tokenizer->special_ids()) object["unmarked_ids"].push_back({range.first, range.last});
  return object;
}

struct Written {
  std::vector<uint32_t> ids;
  double nats = 0;  // price
};

// `tokens` ids at temperature 1; special ids, the end among them, are left out so that every text has its length.
Written Write(const World& world, const Marker* marker, size_t tokens, uint64_t seed) {
  std::mt19937_64 random(seed);
  pocket::Session session(world.model);
  const uint32_t start[] = {world.model.bos_id()};
  REQUIRE(session.Feed(start).has_value());
  Written written;
  SamplerBuffers buffers;
  std::vector<float> logits;
  while (written.ids.size() < tokens) {
    logits.assign(session.logits().begin(), session.logits().end());
    for (const IdRange& range : world.tokenizer->special_ids()) {
      for (uint32_t id = range.first; id <= range.last; ++id) logits[id] = -std::numeric_limits<float>::infinity();
    }
    const auto drawn = DrawToken(logits, {}, marker, written.ids, Repeat::kFind, static_cast<double>(random() >> 11) * 0x1p-53, buffers);
    REQUIRE(drawn.has_value());
    if (drawn->price.masses) written.nats += drawn->price.masses->kl_qp;
    written.ids.push_back(drawn->id);
    REQUIRE(session.Feed({&drawn->id, 1}).has_value());
  }
  return written;
}

// As a reader has it: the answer's text, tokenized again.
std::vector<uint32_t> ReadAgain(const World& world, const std::vector<uint32_t>& ids) {
  std::string text;
  REQUIRE(world.tokenizer->Decode(ids, text).has_value());
  Scratch scratch;
  std::vector<Token> tokens;
  REQUIRE(world.tokenizer->Encode(text, scratch, tokens).has_value());
  std::vector<uint32_t> again;
  for (const Token& token : tokens) again.push_back(token.id);
  return again;
}

}  // namespace

TEST_CASE("slow: at least 95 of 100 marked answers are detected at 1e-6: provider alone and both layers at 200 tokens, account alone at 400") {
  const World world = LoadWorld();
  const struct { std::string name; int share; size_t tokens; bool provider, account; } cases[] = {
      {"provider layer alone, 200 tokens", kFullShare, 200, true, false},
      {"both layers, share 1/2, 200 tokens", 128, 200, true, true},
      {"account layer alone, share 1/2, 400 tokens", 128, 400, false, true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto profile = *MakeProfile(PocketScheme(world, c.share));
    const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("pocket power", 0));
    const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, TestKey("pocket power", 1));
    const KeyFile account = LayerKeyFile(profile, KeyRole::kAccount, TestKey("pocket power", 2), "acct-7");
    const KeyFile* all[] = {&provider, &selector, &account};
    const auto marker = *Marker::Create(profile, all);
    std::vector<const KeyFile*> opened{&selector};
    if (c.provider) opened.push_back(&provider);
    if (c.account) opened.push_back(&account);
    const auto keys = *JudgeKeys::Create(profile, opened, false);
    int detected = 0, unmarked_detected = 0, from_ids = 0;
    double nats = 0, tokens = 0;
    std::vector<double> log10_p;
    for (uint64_t seed = 0; seed < 100; ++seed) {
      const Written written = Write(world, &marker, c.tokens, seed);
      nats += written.nats;
      tokens += static_cast<double>(written.ids.size());
      const auto finding = JudgeText(keys, ReadAgain(world, written.ids), {}, nullptr)->front();
      log10_p.push_back(finding.log10_p);
      detected += finding.log10_p <= -6;
      from_ids += JudgeText(keys, written.ids, {}, nullptr)->front().log10_p <= -6;
      if (c.tokens == 200) {
        const Written plain = Write(world, nullptr, c.tokens, seed);
        unmarked_detected += JudgeText(keys, ReadAgain(world, plain.ids), {}, nullptr)->front().log10_p <= -6;
      }
    }
    std::sort(log10_p.begin(), log10_p.end());
    MESSAGE(c.name << ": " << detected << " of 100 from text, " << from_ids << " from ids; median log10 p " << log10_p[50] << ", worst " << log10_p[99]
                   << "; delta 2, price " << nats / tokens << " nats a token");
    CHECK(detected >= 95);
    CHECK(unmarked_detected <= 1);  // 100 texts at 1e-6: two or more by chance 5e-9
  }
}

TEST_CASE("slow: p over 100,000 keys keeps its band on unmarked text of the pocket model") {
  const World world = LoadWorld();
  const auto profile = *MakeProfile(PocketScheme(world, kFullShare));
  CheckNullOverKeys(profile, ReadAgain(world, Write(world, nullptr, 400, 1).ids), "null pocket", 100000);
}

TEST_CASE("a marked answer of 200 tokens is found and an unmarked one is not") {
  const World world = LoadWorld();
  const auto profile = *MakeProfile(PocketScheme(world, kFullShare));
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("pocket found", 0));
  const KeyFile* pointer = &provider;
  const auto marker = *Marker::Create(profile, {&pointer, 1});
  const auto keys = *JudgeKeys::Create(profile, {&pointer, 1}, false);
  CHECK(JudgeText(keys, ReadAgain(world, Write(world, &marker, 200, 7).ids), {}, nullptr)->front().verdict == Verdict::kDetected);
  CHECK(JudgeText(keys, ReadAgain(world, Write(world, nullptr, 200, 7).ids), {}, nullptr)->front().verdict != Verdict::kDetected);
}
