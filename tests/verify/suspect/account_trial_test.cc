// Accounts of a suspect model: the one whose answers it copied has a small p inside its own filter, no other has.
#include "verify/suspect/account_trial.h"

#include <random>

#include "tests/watermark/testing.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr uint32_t kVocab = 400;

struct World {
  explicit World(int share)
      : profile(*MakeProfile(SchemeObject(*FindScheme("green"), kVocab, share))),
        epoch(TestKey("account trial epoch", 0)),
        selector(LayerKeyFile(profile, KeyRole::kSelector, DeriveLayerKey(epoch, KeyRole::kSelector))) {
    const KeyFile* shared[] = {&selector};
    layers = *Layers::Create(profile, shared);
  }

  KeyFile AccountKey(const std::string& label) const { return LayerKeyFile(profile, KeyRole::kAccount, DeriveAccountKey(epoch, label), label); }

  // An answer served to `label`: ids of its layer are drawn again until green, with chance 3/4.
  std::vector<uint32_t> Served(const std::string& label, std::mt19937_64& random) const {
    const Layers own = *layers.WithAccount(profile, AccountKey(label));
    std::vector<uint32_t> ids;
    while (ids.size() < 200) {
      uint32_t id = static_cast<uint32_t>(3 + random() % (kVocab - 3));
      if (ids.size() >= 2) {
        const uint32_t* window = &ids[ids.size() - 2];
        Layer layer;
        own.Assign(profile, &window, 1, &layer);
        for (uint64_t green = 0; layer == Layer::kAccount && green == 0 && random() % 4 != 0;) {
          own.Score(profile, layer, &window, &id, 1, &green);
          if (green == 0) id = static_cast<uint32_t>(3 + random() % (kVocab - 3));
        }
      }
      ids.push_back(id);
    }
    return ids;
  }

  Filter FilterOf(const std::string& label, const std::vector<std::vector<uint32_t>>& log) const {
    FilterFacts facts;
    facts.window = static_cast<uint8_t>(profile.window());
    facts.scheme_id = profile.scheme_id();
    facts.label = label;
    FilterBuilder builder = *FilterBuilder::Create(facts, profile.special_ids());
    for (const auto& answer : log) REQUIRE(builder.Add({}, answer));
    return *builder.Finish();
  }

  Profile profile;
  Key epoch;
  KeyFile selector;
  Layers layers;
};

}  // namespace

TEST_CASE("the account whose answers a suspect copied has a small p inside its filter, and no other") {
  for (const int share : {0, 128}) {
    CAPTURE(share);
    const World world(share);
    std::mt19937_64 random(51);
    std::vector<std::vector<std::vector<uint32_t>>> logs;
    std::vector<std::string> labels;
    for (int i = 0; i < 5; ++i) {
      labels.push_back("acct-" + std::to_string(i));
      auto& log = logs.emplace_back();
      for (int k = 0; k < 30; ++k) log.push_back(world.Served(labels.back(), random));
    }
    // The suspect answers what account 2 was served, and some of account 3's windows with ids of its own.
    SuspectEvidence::Options options;
    options.window = world.profile.window();
    SuspectEvidence evidence(options, world.profile.special_ids());
    std::vector<std::vector<uint32_t>> answers = logs[2];
    for (const auto& answer : logs[3]) {
      for (size_t t = 2; t < 60; ++t) answers.push_back({answer[t - 2], answer[t - 1], static_cast<uint32_t>(3 + random() % (kVocab - 3))});
    }
    for (size_t i = 0; i < answers.size(); ++i) {
      SuspectRecord record;
      record.output = answers[i];
      REQUIRE(evidence.AddUnit(i, {&record, 1}));
    }
    const AccountTrials trials{world.profile, world.layers, evidence, {}, 50};
    std::vector<AccountTest> tests;
    for (size_t i = 0; i < labels.size(); ++i) {
      const Filter filter = world.FilterOf(labels[i], logs[i]);
      const KeyFile key = world.AccountKey(labels[i]);
      tests.push_back(*TestAccount(trials, labels[i], key.key.secret(), &filter));
      CHECK(tests.back().kid == key.kid());
      CHECK(tests.back().windows == filter.size());
    }
    CHECK(tests[2].scored > 1000);
    CHECK(tests[2].log10_p < -20);
    CHECK(tests[2].ln_e > 40);
    // 58 windows of each of 30 answers, a share of them in the layer; p below .001 by chance in 1 of 1,000.
    CHECK(tests[3].scored > 500);
    CHECK(tests[3].log10_p > -3);
    const AccountsFinding finding = *JudgeAccounts(-20, tests, {}, {});
    REQUIRE(finding.named == 1);
    CHECK(finding.rows[0].index == 2);

    const KeyFile key = world.AccountKey("acct-2");
    const AccountTest none = *TestAccount(trials, "acct-2", key.key.secret(), nullptr);
    CHECK(!none.has_filter);
    CHECK(none.log10_p == 0);
    const Filter small = world.FilterOf("acct-2", {{logs[2][0].begin(), logs[2][0].begin() + 20}});
    const AccountTest little = *TestAccount(trials, "acct-2", key.key.secret(), &small);
    CHECK(little.scored < 50);
    CHECK(little.scored > 0);
    CHECK(little.log10_p == 0);
    const Filter other = world.FilterOf("acct-3", logs[3]);
    CHECK(TestAccount(trials, "acct-2", key.key.secret(), &other).error().message == "the filter of acct-2 is that of acct-3");
  }
}
