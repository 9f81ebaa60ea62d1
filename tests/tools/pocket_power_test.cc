// The main job on a real language model: the pocket model writes marked text, the detector finds it; on unmarked text p
// is uniform over keys.
//
// Power is counted over 100 seeds of 200 tokens (400 for the account's layer alone) at temperature 1 with the default
// profile, from the text as a reader gets it, so what the tokenizer reads differently is part of it. Which texts come
// out depends on the build's floating point; the counts have room for that.
#include <algorithm>

#include "tests/null_over_keys.h"
#include "tests/pocket_texts.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

// As a reader has it: the answer's text, tokenized again.
std::vector<uint32_t> ReadAgain(const PocketWorld& world, const std::vector<uint32_t>& ids) { return IdsOf(world, TextOf(world, ids)); }

}  // namespace


TEST_CASE("slow: at least 95 of 100 marked answers are detected at 1e-6: provider alone and both layers at 200 tokens, account alone at 400") {
  const PocketWorld world = LoadPocketWorld();
  const struct { std::string name; int share; size_t tokens; bool provider, account; } cases[] = {
      {"provider layer alone, 200 tokens", kFullShare, 200, true, false},
      {"both layers, share 1/2, 200 tokens", 128, 200, true, true},
      {"account layer alone, share 1/2, 400 tokens", 128, 400, false, true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto profile = PocketProfile(world, *FindScheme("green"), c.share);
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
      const PocketText written = WritePocketText(world, &marker, c.tokens, seed);
      nats += written.nats;
      tokens += static_cast<double>(written.ids.size());
      const auto finding = JudgeText(keys, ReadAgain(world, written.ids), {}, nullptr)->front();
      log10_p.push_back(finding.log10_p);
      detected += finding.log10_p <= -6;
      from_ids += JudgeText(keys, written.ids, {}, nullptr)->front().log10_p <= -6;
      if (c.tokens == 200) {
        const PocketText plain = WritePocketText(world, nullptr, c.tokens, seed);
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
  // False alarm: 8e-7.
  const PocketWorld world = LoadPocketWorld();
  const auto profile = PocketProfile(world, *FindScheme("green"));
  CheckNullOverKeys(profile, ReadAgain(world, WritePocketText(world, nullptr, 400, 1).ids), "null pocket", 100000);
}

TEST_CASE("a marked answer of 200 tokens is found and an unmarked one is not") {
  const PocketWorld world = LoadPocketWorld();
  const auto profile = PocketProfile(world, *FindScheme("green"));
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("pocket found", 0));
  const KeyFile* pointer = &provider;
  const auto marker = *Marker::Create(profile, {&pointer, 1});
  const auto keys = *JudgeKeys::Create(profile, {&pointer, 1}, false);
  CHECK(JudgeText(keys, ReadAgain(world, WritePocketText(world, &marker, 200, 7).ids), {}, nullptr)->front().verdict == Verdict::kDetected);
  CHECK(JudgeText(keys, ReadAgain(world, WritePocketText(world, nullptr, 200, 7).ids), {}, nullptr)->front().verdict != Verdict::kDetected);
}
