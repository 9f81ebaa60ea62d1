// Attribution: the right account among many, nobody for unmarked text, Holm over all that could have been named, futility
// that only takes away.
#include "verify/attribute.h"

#include <cmath>
#include <random>

#include "tests/bands.h"
#include "tests/watermark/testing.h"
#include "verify/law.h"
#include "verify/multiplicity.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

struct World {
  explicit World(int share)
      : profile(*MakeProfile(SchemeObject(*FindScheme("green"), 5000, share))),
        epoch(TestKey("attribute epoch", 0)),
        provider(LayerKeyFile(profile, KeyRole::kProvider, DeriveLayerKey(epoch, KeyRole::kProvider))),
        selector(LayerKeyFile(profile, KeyRole::kSelector, DeriveLayerKey(epoch, KeyRole::kSelector))) {
    for (int i = 0; i < 500; ++i) labels.push_back("acct-" + std::to_string(i));
  }

  // Random ids; each is drawn again, with chance `strength`, until it is green under its layer's key.
  std::vector<uint32_t> Text(const std::string& account, double strength, size_t tokens, uint64_t seed) const {
    const KeyFile key = LayerKeyFile(profile, KeyRole::kAccount, DeriveAccountKey(epoch, account), account);
    const KeyFile* keys[] = {&provider, &selector, &key};
    const Layers layers = *Layers::Create(profile, keys);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::vector<uint32_t> ids;
    while (ids.size() < tokens) {
      uint32_t id = static_cast<uint32_t>(3 + random() % 4997);
      if (ids.size() >= 2 && uniform(random) < strength) {
        const uint32_t* window = &ids[ids.size() - 2];
        Layer layer;
        layers.Assign(profile, &window, 1, &layer);
        for (uint64_t green = 0; green == 0;) {
          id = static_cast<uint32_t>(3 + random() % 4997);
          layers.Score(profile, layer, &window, &id, 1, &green);
        }
      }
      ids.push_back(id);
    }
    return ids;
  }

  Result<Attribution> Run(std::span<const uint32_t> ids, const AttributeOptions& options = {}) const {
    return Attribute(profile, profile.has_provider_layer() ? &provider : nullptr, profile.needs_selector() ? &selector : nullptr,
                     AccountsOf(epoch, labels), ids, options);
  }

  Profile profile;
  Key epoch;
  KeyFile provider, selector;
  std::vector<std::string> labels;
};

}  // namespace

TEST_CASE("the account that wrote is named among 500, and no other") {
  for (const int share : {0, 128}) {
    CAPTURE(share);
    const World world(share);
    const auto ids = world.Text("acct-123", 0.5, 1500, 11);
    const Attribution found = *world.Run(ids);
    REQUIRE(found.accounts_tested);
    CHECK(found.provider.has_value() == (share > 0));
    if (found.provider) CHECK(found.provider->detected);
    CHECK(found.accounts == 500);
    CHECK(found.family == 500);
    REQUIRE(found.named == 1);
    CHECK(found.least[0].label == "acct-123");
    CHECK(found.least[0].kid == KeyId(KeyRole::kAccount, DeriveAccountKey(world.epoch, "acct-123")));
    CHECK(found.least[0].log10_p == Log10UpperTail(NullLaw::Bernoulli(1, 4), found.n, found.least[0].statistic));
    CHECK(found.least[0].log10_adjusted == doctest::Approx(found.least[0].log10_p + std::log10(500.)));
    CHECK(found.dropped > 480);
    CHECK(found.mean_scored < 300);
  }
}

TEST_CASE("without futility the listed accounts are those of least p of all, with Holm over the family") {
  const World world(0);
  const auto ids = world.Text("acct-7", 0.25, 700, 12);
  AttributeOptions options;
  options.drop_chance = 0;
  options.alpha = 1e-2;
  options.family = 100000;
  options.report = 30;
  const Attribution found = *world.Run(ids, options);
  CHECK(found.dropped == 0);
  CHECK(found.mean_scored == static_cast<double>(found.n));
  std::vector<double> all;
  for (const std::string& label : world.labels) {
    const std::string only[] = {label};
    const Attribution one = *Attribute(world.profile, nullptr, nullptr, AccountsOf(world.epoch, only), ids, options);
    all.push_back(one.least[0].log10_p);
  }
  const Rejections holm = Reject(Control::kHolm, all, 100000, -2);
  REQUIRE(found.least.size() == 30);
  for (size_t i = 0; i < 30; ++i) {
    CHECK(found.least[i].label == world.labels[holm.order[i]]);
    CHECK(found.least[i].log10_p == all[holm.order[i]]);
    CHECK(found.least[i].log10_adjusted == holm.log10_adjusted[i]);
    CHECK(found.least[i].named == (i < holm.rejected));
  }
  // With futility nothing is named that is not named without.
  options.drop_chance = 1e-3;
  const Attribution fast = *world.Run(ids, options);
  CHECK(fast.named <= found.named);
}

TEST_CASE("a provider layer that shows nothing names nobody, unless the caller insists") {
  const World world(128);
  std::mt19937_64 random(13);
  std::vector<uint32_t> ids(1500);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(3 + random() % 4997);
  AttributeOptions options;
  Attribution found = *world.Run(ids, options);
  CHECK_FALSE(found.accounts_tested);
  CHECK(found.least.empty());
  options.without_provider = true;
  found = *world.Run(ids, options);
  CHECK(found.accounts_tested);
  CHECK(found.named == 0);
}

TEST_CASE("family-wise: some account is named in at most alpha of 2,000 unmarked texts") {
  // 20 accounts each, alpha .05. False alarm: 1e-6. Control: the plain p of the best account.
  const World world(0);
  AttributeOptions options;
  options.alpha = .05;
  options.drop_chance = 0;
  options.report = 1;
  uint64_t named = 0, plain = 0;
  for (uint64_t text = 0; text < 2000; ++text) {
    std::mt19937_64 random(1000 + text);
    std::vector<uint32_t> ids(150);
    for (uint32_t& id : ids) id = static_cast<uint32_t>(3 + random() % 4997);
    const std::span<const std::string> some(world.labels.data(), 20);
    const Attribution found = *Attribute(world.profile, nullptr, nullptr, AccountsOf(world.epoch, some), ids, options);
    named += found.named;
    plain += found.least[0].log10_p <= std::log10(.05);
  }
  CHECK(AtMostBinomial(named, 2000, .05, 1e-6));
  CHECK(named > 20);
  CHECK_FALSE(AtMostBinomial(plain, 2000, .05, 1e-6));
}

TEST_CASE("questions that make no sense are refused") {
  const World world(128), accounts_only(0);
  const auto ids = world.Text("acct-1", 0.5, 600, 14);
  const auto message = [](const Result<Attribution>& result) { return result ? std::string() : result.error().message; };
  AttributeOptions options;
  options.without_provider = true;
  options.alpha = 1;
  CHECK(message(world.Run(ids, options)) == "alpha must be in (0,1), got 1.000000");
  options.alpha = 1e-6;
  options.drop_chance = -1;
  CHECK(message(world.Run(ids, options)) == "drop_chance must be in [0,1), got -1.000000");
  options.drop_chance = 1e-3;
  options.family = 10;
  CHECK(message(world.Run(ids, options)) == "family must be at least the 500 accounts given, got 10");
  options.family = 0;
  options.effect = 0.2;
  CHECK(message(world.Run(ids, options)).find("effect must be in (0.25") == 0);
  options.effect.reset();
  CHECK(message(Attribute(world.profile, nullptr, &world.selector, AccountsOf(world.epoch, {}), ids, options)) == "no account key was given");
  CHECK(message(Attribute(world.profile, &world.provider, nullptr, AccountsOf(world.epoch, world.labels), ids, options)).find("the selector key is missing") == 0);
  const World provider_only(kFullShare);
  CHECK(message(provider_only.Run(ids, options)) == "the profile has no account layer");
  const std::string bad[] = {"acct-1", "not a label"};
  CHECK(message(Attribute(world.profile, nullptr, &world.selector, AccountsOf(world.epoch, bad), ids, options)) == "account 1 has no valid label");
  const std::string twice[] = {"acct-1", "acct-2", "acct-1"};
  CHECK(message(Attribute(world.profile, nullptr, &world.selector, AccountsOf(world.epoch, twice), ids, options)) == "account acct-1 is named twice");
  // One key under two labels.
  int calls = 0;
  const AccountSource same = [&](std::string& label, std::span<uint8_t, kKeyBytes> key) -> Result<bool> {
    label = "copy-" + std::to_string(calls);
    const Key account = DeriveAccountKey(world.epoch, "acct-1");
    std::copy(account.secret().begin(), account.secret().end(), key.begin());
    return calls++ < 2;
  };
  CHECK(message(Attribute(world.profile, nullptr, &world.selector, same, ids, options)).find("two accounts have the key ") == 0);
  const std::vector<uint32_t> far = {1, 2, 1u << 24};
  CHECK(message(world.Run(far, options)).find("16777216") != std::string::npos);
}
