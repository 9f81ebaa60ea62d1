// Numbers: native.json `scored` (exact tails of the second implementation) and statistics.md P1 and P20 with their bands.
#include "verify/judge.h"

#include <cmath>

#include "tests/bands.h"
#include "tests/watermark/testing.h"
#include "verify/law.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

Profile GreenProfile(uint32_t vocab, int share = kFullShare, int planes = 2) {
  auto object = SchemeObject(*FindScheme("green"), vocab, share);
  object["planes"] = planes;
  return *MakeProfile(object);
}

std::vector<Finding> Judge(const Profile& profile, const std::vector<const KeyFile*>& keys, const std::vector<uint32_t>& ids,
                           const JudgeOptions& options = {}, bool without_selector = false) {
  const auto judge = JudgeKeys::Create(profile, keys, without_selector);
  REQUIRE(judge.has_value());
  auto findings = JudgeText(*judge, ids, options, nullptr);
  REQUIRE(findings.has_value());
  for (const Finding& f : *findings) {
    const Counts& c = f.counts;
    CHECK(c.short_ + c.special + c.repeated + c.duplicate + c.scored + c.other_layer == c.tokens);
    CHECK(c.tokens == ids.size());
  }
  return *findings;
}

std::vector<uint32_t> Distinct(uint32_t n) {
  std::vector<uint32_t> ids;
  for (uint32_t i = 0; i < n; ++i) ids.push_back(100 + i);
  return ids;
}

}  // namespace

TEST_CASE("whole corpora of the vectors of every scheme: n, statistic and log10 p of each layer, rule and key") {
  // The vectors pool several records under one rule; Evidence pools them as part of the same interface.
  for (const Scheme* scheme : Schemes()) {
    const auto file = ReadJsonFile("scheme_" + std::string(scheme->name) + ".json");
    REQUIRE(!file["scored"].empty());
    for (const auto& c : file["scored"]) {
      const auto profile = *MakeProfile(c["scheme"]);
      for (const auto& t : c["tests"]) {
        const std::string name = t["key"];
        const Layer layer = t["layer"] == "provider" ? Layer::kProvider : Layer::kAccount;
        std::vector<KeyFile> keys;
        keys.push_back(LayerKeyFile(profile, KeyRole::kSelector, KeyFromHex(c["keys"]["selector"])));
        keys.push_back(LayerKeyFile(profile, layer == Layer::kProvider ? KeyRole::kProvider : KeyRole::kAccount,
                                    KeyFromHex(c["keys"][name]), layer == Layer::kAccount ? "a" : ""));
        const KeyFile* pointers[] = {&keys[0], &keys[1]};
        const auto layers = *Layers::Create(profile, pointers);
        Evidence evidence(profile.window());
        uint64_t record = 0;
        for (const std::vector<uint32_t> ids : c["records"]) {
          std::vector<PositionState> states;
          ClassifyPositions(ids, profile.window(), profile.special_ids(), t["rule"] == "first" ? Rule::kFirst : Rule::kTuple, states);
          evidence.AddText(ids, states, record++, nullptr);
        }
        uint64_t n = 0;
        Statistic s = 0;
        for (size_t row = 0; row < evidence.size(); ++row) {
          const uint32_t* window = evidence.window_of(row);
          const uint32_t id = evidence.id_of(row);
          Layer of{};
          layers.Assign(profile, &window, 1, &of);
          if (of != layer) continue;
          uint64_t score = 0;
          layers.Score(profile, layer, &window, &id, 1, &score);
          ++n;
          s += score;
        }
        CAPTURE(scheme->name);
        CAPTURE(t.dump());
        CHECK(n == t["n"]);
        CHECK(s == static_cast<Statistic>(t["statistic"].get<uint64_t>()));
        CHECK(FourPlacesUp(Log10UpperTail(profile.scheme().null_law(profile), n, s)) == t["log10_p"]);
      }
    }
  }
}

TEST_CASE("P1: a text that repeats is counted once; p over 100,000 keys keeps its band") {
  // False alarm: 4e-7, 4 bands of 1e-7.
  const Profile profile = GreenProfile(32000);
  std::vector<uint32_t> ids;
  for (int i = 0; i < 50; ++i) {
    for (uint32_t v = 0; v < 20; ++v) ids.push_back(1000 + v);
  }
  const NullLaw law = profile.scheme().null_law(profile);
  constexpr uint64_t kKeys = 100000;
  // size(a) and the bands of statistics.md section 11.
  const struct { double log10_a; double size; uint64_t low, high; } levels[] = {
      {-1, 0.04092516770651855, 3763, 4430}, {-2, 0.003942141664083465, 293, 504}, {-3, 0.000935391579332645, 47, 149}, {-4, 2.9511746106436476e-05, 0, 16}};
  uint64_t hits[4] = {}, naive_hits = 0;
  // n is 20 for every key, so the tail is a table.
  double p_of[21], naive_p[1000];
  for (uint64_t k = 0; k <= 20; ++k) p_of[k] = Log10UpperTail(law, 20, k);
  for (uint64_t k = 0; k < 999; ++k) naive_p[k] = Log10UpperTail(law, 998, k);
  for (const Rule rule : {Rule::kTuple, Rule::kFirst}) {
    JudgeOptions options;
    options.rule = rule;
    const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("P1", 0));
    const auto finding = Judge(profile, {&key}, ids, options).front();
    CHECK(finding.counts.scored == 20);
    CHECK(finding.n == 20);
    CHECK(std::fabs(finding.log10_p - p_of[finding.statistic]) < 1e-12);
  }
  std::vector<const uint32_t*> windows;
  std::vector<uint32_t> tokens;
  for (size_t t = 2; t < 22; ++t) {
    windows.push_back(&ids[t - 2]);
    tokens.push_back(ids[t]);
  }
  for (uint32_t i = 0; i < kKeys; ++i) {
    const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("P1", i));
    const KeyFile* pointer = &key;
    const auto layers = *Layers::Create(profile, {&pointer, 1});
    uint64_t scores[20], k = 0, naive = 0;
    layers.Score(profile, Layer::kProvider, windows.data(), tokens.data(), 20, scores);
    for (size_t j = 0; j < 20; ++j) {
      k += scores[j];
      // The wrong method scores all 998 positions: the first 18 tuples 50 times, the two over the seam 49 times.
      naive += scores[j] * (j < 18 ? 50 : 49);
    }
    for (size_t a = 0; a < 4; ++a) hits[a] += p_of[k] <= levels[a].log10_a;
    naive_hits += naive_p[naive] <= -2;
  }
  for (size_t a = 0; a < 4; ++a) {
    CAPTURE(levels[a].log10_a);
    CHECK(WithinBinomialBand(hits[a], kKeys, levels[a].size, 1e-7));
    CHECK(hits[a] >= levels[a].low);
    CHECK(hits[a] <= levels[a].high);
  }
  // Control: counting all positions errs in more than a third of the keys at a nominal 1 %.
  CHECK(naive_hits > kKeys / 3);
}

TEST_CASE("P20: all green, n = 0 to 25: detected from n = 10 (gamma 1/4) and 20 (1/2) on, inconclusive below") {
  for (const auto& [planes, least] : {std::pair{2, 10u}, std::pair{1, 20u}}) {
    const Profile profile = GreenProfile(32000, kFullShare, planes);
    const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("P20", 0));
    const KeyFile* pointer = &key;
    const auto layers = *Layers::Create(profile, {&pointer, 1});
    // A text whose every scored token is green, built one green token after another.
    std::vector<uint32_t> ids{50, 51};
    uint32_t candidate = 100;
    while (ids.size() < 27) {
      const uint32_t* window = &ids[ids.size() - 2];
      uint64_t score = 0;
      ++candidate;
      layers.Score(profile, Layer::kProvider, &window, &candidate, 1, &score);
      if (score == 1) ids.push_back(candidate);
    }
    for (uint32_t n = 0; n <= 25; ++n) {
      CAPTURE(n);
      const auto finding = Judge(profile, {&key}, std::vector<uint32_t>(ids.begin(), ids.begin() + 2 + n)).front();
      CHECK(finding.n == n);
      CHECK(finding.statistic == n);
      CHECK((finding.verdict == Verdict::kDetected) == (n >= least));
      if (n < least) {
        CHECK(finding.verdict == Verdict::kInconclusive);
        CHECK(std::fabs(finding.smallest_attainable_log10_p - n * std::log10(std::ldexp(1.0, -planes))) < 1e-12);
        REQUIRE(!finding.warnings.empty());
        CHECK(finding.warnings.back().code == "short_text");
      }
    }
  }
}

TEST_CASE("both layers are one test: n and statistic add up, and each layer is listed") {
  const Profile profile = GreenProfile(32000, 128);
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("layers", 0));
  const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, TestKey("layers", 1));
  const KeyFile account = LayerKeyFile(profile, KeyRole::kAccount, TestKey("layers", 2), "acct-7");
  const auto ids = Distinct(400);
  const auto both = Judge(profile, {&provider, &selector, &account}, ids).front();
  const auto one = Judge(profile, {&provider, &selector}, ids).front();
  const auto other = Judge(profile, {&account, &selector}, ids).front();
  REQUIRE(both.layers.size() == 2);
  CHECK(both.n == 398);
  CHECK(one.n + other.n == both.n);
  CHECK(one.statistic + other.statistic == both.statistic);
  CHECK(one.counts.other_layer == other.n);
  CHECK(both.layers[0].n == one.n);
  CHECK(both.layers[1].account == "acct-7");
  // Without the selector each layer's key scores every position.
  const auto blind = Judge(profile, {&provider}, ids, {}, /*without_selector=*/true).front();
  CHECK(blind.n == 398);
  CHECK(blind.warnings.front().code == "without_selector");
}

TEST_CASE("several accounts are several findings, and the family decides") {
  const Profile profile = GreenProfile(32000, 128);
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("family", 0));
  const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, TestKey("family", 1));
  std::vector<KeyFile> accounts;
  for (uint32_t i = 0; i < 3; ++i) accounts.push_back(LayerKeyFile(profile, KeyRole::kAccount, TestKey("family", 2 + i), "acct-" + std::to_string(i)));
  const auto findings = Judge(profile, {&provider, &selector, &accounts[0], &accounts[1], &accounts[2]}, Distinct(300));
  REQUIRE(findings.size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(findings[i].verdict_by == "log10_p_family");
    REQUIRE(findings[i].log10_p_family.has_value());
    CHECK(std::fabs(*findings[i].log10_p_family - std::min(0.0, findings[i].log10_p + std::log10(4.0))) < 1e-12);
    REQUIRE(findings[i].layers.size() == 1);
    CHECK(findings[i].layers[0].layer == (i < 3 ? Layer::kAccount : Layer::kProvider));
  }
}

TEST_CASE("keys that do not belong are refused with their class") {
  const Profile profile = GreenProfile(32000, 128), full = GreenProfile(32000), other = GreenProfile(1000, 128);
  const auto key = [](const Profile& p, KeyRole role, uint32_t i, const char* account = "") { return LayerKeyFile(p, role, TestKey("refused", i), account); };
  const KeyFile provider = key(profile, KeyRole::kProvider, 0), selector = key(profile, KeyRole::kSelector, 1), account = key(profile, KeyRole::kAccount, 2, "a"),
                again = key(profile, KeyRole::kAccount, 3, "a"), master = key(profile, KeyRole::kMaster, 4), foreign = key(other, KeyRole::kProvider, 5),
                full_provider = key(full, KeyRole::kProvider, 6), full_account = key(full, KeyRole::kAccount, 7, "a");
  KeyFile late = key(profile, KeyRole::kAccount, 8, "b");
  late.epoch = 4;
  const struct { const char* name; const Profile* profile; std::vector<const KeyFile*> keys; ErrorKind kind; } cases[] = {
      {"no key", &profile, {}, ErrorKind::kMismatch},
      {"selector alone", &profile, {&selector}, ErrorKind::kMismatch},
      {"no selector", &profile, {&provider}, ErrorKind::kFailedPrecondition},
      {"master", &profile, {&master, &selector}, ErrorKind::kMismatch},
      {"another scheme", &profile, {&foreign, &selector}, ErrorKind::kMismatch},
      {"another epoch", &profile, {&provider, &selector, &late}, ErrorKind::kMismatch},
      {"another epoch among accounts", &profile, {&selector, &account, &late}, ErrorKind::kMismatch},
      {"an account twice", &profile, {&selector, &account, &again}, ErrorKind::kMismatch},
      {"provider twice", &profile, {&selector, &provider, &provider}, ErrorKind::kMismatch},
      {"only an ignored account", &full, {&full_account}, ErrorKind::kMismatch},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto judge = JudgeKeys::Create(*c.profile, c.keys, false);
    REQUIRE(!judge.has_value());
    CHECK(judge.error().kind == c.kind);
  }
  const auto ignored = Judge(full, {&full_provider, &full_account}, Distinct(30)).front();
  CHECK(ignored.warnings.front().code == "key_ignored");
}

TEST_CASE("an empty text is inconclusive with p = 1, and its JSON is whole") {
  const Profile profile = GreenProfile(32000);
  const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("empty", 0));
  auto finding = Judge(profile, {&key}, {}).front();
  CHECK(finding.verdict == Verdict::kInconclusive);
  CHECK(finding.log10_p == 0);
  finding.input = "odd \xFF name.txt";
  const auto json = nlohmann::json::parse(verify::ToJson(finding));
  CHECK(json["schema"] == "verdigris.finding/1");
  CHECK(verify::ToJson(finding).substr(0, 33) == "{\"schema\":\"verdigris.finding/1\",\"");
  CHECK(json["statistic"]["s"] == "0");
  CHECK(json["statistic"]["gamma"] == "1/4");
  CHECK(json["layers"][0]["kid"] == key.kid());
  CHECK(json["log10_p"] == 0.0);
}

TEST_CASE("alpha outside (0,1) and ids from 2^24 on are refused; ids above the vocabulary are counted") {
  const Profile profile = GreenProfile(1000);
  const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("bad", 0));
  const KeyFile* pointer = &key;
  const auto judge = *JudgeKeys::Create(profile, {&pointer, 1}, false);
  for (const double alpha : {0.0, 1.0, -1.0, double(NAN)}) {
    JudgeOptions options;
    options.alpha = alpha;
    CHECK(JudgeText(judge, std::vector<uint32_t>{5, 6, 7}, options, nullptr).error().kind == ErrorKind::kInvalidArgument);
  }
  CHECK(JudgeText(judge, std::vector<uint32_t>{5, kIdLimit}, {}, nullptr).error().kind == ErrorKind::kInvalidArgument);
  const auto findings = *JudgeText(judge, std::vector<uint32_t>{5, 6, 1000, 7, 8, 9}, {}, nullptr);
  CHECK(findings[0].warnings[0].code == "ids_above_vocab");
  CHECK(findings[0].counts.special == 3);
  CHECK(findings[0].counts.scored == 1);
}

TEST_CASE("the trace has one state a token and agrees with the counts") {
  const Profile profile = GreenProfile(1000, 128);
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("trace", 0));
  const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, TestKey("trace", 1));
  const KeyFile* keys[] = {&provider, &selector};
  const auto judge = *JudgeKeys::Create(profile, keys, false);
  std::vector<uint32_t> ids = Distinct(60);
  ids[10] = 1;
  ids.insert(ids.end(), ids.begin() + 20, ids.begin() + 40);
  for (const Rule rule : {Rule::kFirst, Rule::kTuple}) {
    JudgeOptions options;
    options.rule = rule;
    std::vector<std::vector<TokenState>> traces;
    const auto finding = JudgeText(judge, ids, options, &traces)->front();
    REQUIRE(traces.size() == 1);
    uint64_t by_kind[6] = {}, score = 0;
    for (const TokenState& state : traces[0]) {
      ++by_kind[static_cast<size_t>(state.kind)];
      score += state.score;
    }
    CHECK(by_kind[0] == finding.counts.scored);
    CHECK(by_kind[1] == finding.counts.short_);
    CHECK(by_kind[2] == finding.counts.special);
    CHECK(by_kind[3] == finding.counts.repeated);
    CHECK(by_kind[4] == finding.counts.duplicate);
    CHECK(by_kind[5] == finding.counts.other_layer);
    CHECK(score == finding.statistic);
    CHECK((rule == Rule::kFirst ? finding.counts.repeated : finding.counts.duplicate) > 0);
  }
}
