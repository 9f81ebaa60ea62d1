// Variants of a text under the null: the reported p pays for the choice (text.md X16; statistics.md P5, P13).
#include "verify/variants.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/null_over_keys.h"
#include "tests/verify/text/tokenizer_vectors.h"
#include "tests/watermark/testing.h"
#include "verify/text/normalize.h"
#include "verify/text/sentencepiece.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr uint32_t kVocab = 32000;

struct Counts {
  uint64_t reported[2] = {}, smaller[2] = {};  // p <= .05, .01; `smaller`: of the two, and nothing paid
};

// `texts` random texts of 60 tokens; every other one has a second variant in which 7 of 10 tokens are others, as hidden edits do.
Counts CountNull(const std::string& id, uint32_t keys, uint32_t texts) {
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("gumbel"), kVocab));  // its p is continuous, so that nothing is given away
  std::vector<std::vector<uint32_t>> ids[2];
  std::mt19937_64 random(16);
  for (uint32_t t = 0; t < texts; ++t) {
    std::vector<uint32_t> text(60);
    for (uint32_t& token : text) token = 3 + static_cast<uint32_t>(random() % (kVocab - 3));
    ids[0].push_back(text);
    for (uint32_t& token : text) {
      if (random() % 10 < 7) token = 3 + static_cast<uint32_t>(random() % (kVocab - 3));
    }
    ids[1].push_back(text);
  }
  Counts counts;
  for (uint32_t k = 0; k < keys; ++k) {
    const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey(id, k));
    const KeyFile* pointer = &key;
    const auto judge = *JudgeKeys::Create(profile, {&pointer, 1}, false);
    for (uint32_t t = 0; t < texts; ++t) {
      const Variant variants[] = {{kAsIs, ids[0][t]}, {kNormalised, ids[1][t]}};
      const auto best = JudgeVariants(judge, std::span(variants).first(t % 2 == 0 ? 1 : 2), {}, false);
      const Finding& finding = best->findings.front();
      const double reported = finding.log10_p_family.value_or(finding.log10_p);
      for (int a = 0; a < 2; ++a) {
        const double level = std::log10(a == 0 ? .05 : .01);
        counts.reported[a] += reported <= level;
        counts.smaller[a] += finding.log10_p <= level;
      }
    }
  }
  return counts;
}

void CheckNull(const std::string& id, uint32_t keys, uint32_t texts) {
  const Counts counts = CountNull(id, keys, texts);
  const uint64_t all = uint64_t{keys} * texts;
  for (int a = 0; a < 2; ++a) {
    const double level = a == 0 ? .05 : .01;
    CAPTURE(level);
    CHECK(AtMostBinomial(counts.reported[a], all, level, 1e-6));
    MESSAGE("p <= " << level << ": " << static_cast<double>(counts.reported[a]) / static_cast<double>(all) << ", the smaller of two "
                    << static_cast<double>(counts.smaller[a]) / static_cast<double>(all));
  }
  // The wrong method: half of the texts have two chances.
  CHECK(static_cast<double>(counts.smaller[0]) > 1.2 * .05 * static_cast<double>(all));
  if (all >= 100'000) CHECK(static_cast<double>(counts.smaller[1]) > 1.3 * .01 * static_cast<double>(all));
}

// False alarm: 3e-6, of the two levels and of the control.
TEST_CASE("variants of unrelated texts are not detected more often than stated") { CheckNull("variants", 20, 500); }

// False alarm: 3e-6
TEST_CASE("slow: variants of unrelated texts, 100 keys x 1,000 texts") { CheckNull("variants-slow", 100, 1000); }

TEST_CASE("the variant of the smallest p is the finding, with every number of it") {
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), kVocab, 128));
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("variants-best", 0));
  const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, TestKey("variants-best", 1));
  const KeyFile first = LayerKeyFile(profile, KeyRole::kAccount, TestKey("variants-best", 2), "acct-1");
  const KeyFile second = LayerKeyFile(profile, KeyRole::kAccount, TestKey("variants-best", 3), "acct-2");
  std::mt19937_64 random(4);
  const auto text = [&] {
    std::vector<uint32_t> ids(200);
    for (uint32_t& id : ids) id = 3 + static_cast<uint32_t>(random() % (kVocab - 3));
    return ids;
  };
  const std::vector<const KeyFile*> key_sets[] = {{&provider, &selector}, {&provider, &selector, &first, &second}};
  for (const auto& keys : key_sets) {
    const auto judge = *JudgeKeys::Create(profile, keys, false);
    const size_t tests = judge.tests().size();
    CHECK(tests == (keys.size() == 2 ? 1 : 3));
    bool seen[2] = {};
    for (int i = 0; i < 12; ++i) {
      const auto as_is = text(), normalised = text();
      for (const auto test : {JudgeOptions::Test::kFixed, JudgeOptions::Test::kLocalized}) {
        JudgeOptions options;
        options.test = test;
        const Variant variants[] = {{kAsIs, as_is}, {kNormalised, normalised}};
        const auto one = *JudgeText(judge, as_is, options, nullptr), other = *JudgeText(judge, normalised, options, nullptr);
        const auto best = *JudgeVariants(judge, variants, options, true);
        for (size_t t = 0; t < tests; ++t) {
          const double p[2] = {DecidingLog10P(one[t], test), DecidingLog10P(other[t], test)};
          const size_t wanted = p[1] < p[0] ? 1 : 0;
          seen[wanted] = true;
          CHECK(best.variant[t] == wanted);
          CHECK(best.findings[t].variant == variants[wanted].name);
          CHECK(best.findings[t].statistic == (wanted == 0 ? one : other)[t].statistic);
          CHECK(best.findings[t].verdict_by == "log10_p_family");
          CHECK(*best.findings[t].log10_p_family == doctest::Approx(std::min(0.0, p[wanted] + std::log10(2.0 * static_cast<double>(tests)))));
          CHECK(best.traces[t].size() == as_is.size());
        }
        const auto single = *JudgeVariants(judge, std::span(variants).first(1), options, false);
        CHECK(single.traces.empty());
        CHECK(single.findings[0].log10_p == one[0].log10_p);
        CHECK(single.findings[0].log10_p_family.has_value() == (tests > 1));
      }
    }
    CHECK((seen[0] && seen[1]));
  }
}

// False alarm: 2.4e-5, 8e-7 a language.
TEST_CASE("slow: thirty languages, normalised, under 10,000 keys") {
  std::vector<std::string> paths;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(VERDIGRIS_SHARED_DIR "/data/text/udhr", absent)) paths.push_back(entry.path().string());
  if (paths.empty()) {
    MESSAGE("skipped: no folder shared/ beside the repository");
    return;
  }
  std::sort(paths.begin(), paths.end());
  CHECK(paths.size() == 30);
  const auto tokenizer = *LoadSentencePiece(Get(VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm/tokenizer.model"));
  const Normaliser normaliser = *Normaliser::Create(kTextNormaliser);
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), tokenizer->vocab()));
  for (const std::string& path : paths) {
    CAPTURE(path);
    std::string text;
    ByteMap map;
    REQUIRE(normaliser.Apply(Get(path), text, map).has_value());
    std::vector<uint32_t> ids = IdsOf(Encode(*tokenizer, text));
    ids.resize(std::min<size_t>(ids.size(), 2000));
    CheckNullOverKeys(profile, ids, "languages " + path.substr(path.rfind('/') + 1), 10'000);
  }
}

}  // namespace
