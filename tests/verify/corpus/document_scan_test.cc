// The scanner of documents against JudgeText, which judges single texts: same classes, n, statistic, p and segments, for every
// scheme and both rules; and its tuples in a group against SampleText over the same positions.
#include "verify/corpus/document_scan.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/watermark/testing.h"
#include "verify/judge.h"
#include "verify/sample.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr uint32_t kVocab = 60;

// Documents of every length, with repeats, special ids and ids above the vocabulary.
std::vector<std::vector<uint32_t>> Documents() {
  std::mt19937_64 random(1);
  std::vector<std::vector<uint32_t>> documents;
  for (const size_t length : {0, 1, 2, 3, 7, 50, 255, 256, 257, 900, 5000, 40}) {
    std::vector<uint32_t> ids(length);
    for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % (length % 2 == 0 ? kVocab : 8));
    if (length == 900) ids[450] = kVocab + 5;
    documents.push_back(std::move(ids));
  }
  return documents;
}

std::vector<KeyFile> Keys(const Profile& profile, size_t accounts) {
  std::vector<KeyFile> keys;
  keys.push_back(LayerKeyFile(profile, KeyRole::kProvider, TestKey("document scan", 0)));
  keys.push_back(LayerKeyFile(profile, KeyRole::kSelector, TestKey("document scan", 1)));
  for (uint32_t a = 0; a < accounts; ++a) {
    keys.push_back(LayerKeyFile(profile, KeyRole::kAccount, TestKey("document scan", 2 + a), "acct-" + std::to_string(a)));
  }
  return keys;
}

std::vector<const KeyFile*> Pointers(const std::vector<KeyFile>& keys, bool without_selector) {
  std::vector<const KeyFile*> pointers;
  for (const KeyFile& key : keys) {
    if (!without_selector || key.role != KeyRole::kSelector) pointers.push_back(&key);
  }
  return pointers;
}

// A text with the mark in its middle: of eight ids the one that scores best.
std::vector<uint32_t> Marked(const Profile& profile, const JudgeKeys& keys) {
  std::mt19937_64 random(2);
  const JudgeKeys::Test& test = keys.tests().front();
  const Layer layer = test.provider ? Layer::kProvider : Layer::kAccount;
  std::vector<uint32_t> ids;
  while (ids.size() < 900) {
    uint32_t best = 0;
    uint64_t best_score = 0;
    for (int i = 0; i < 8; ++i) {
      const uint32_t id = 3 + static_cast<uint32_t>(random() % (kVocab - 3));
      uint64_t score = 0;
      if (ids.size() >= 300 && ids.size() < 600) {
        const uint32_t* window = &ids[ids.size() - 2];
        test.layers.Score(profile, layer, &window, &id, 1, &score);
      }
      if (i == 0 || score > best_score) {
        best = id;
        best_score = score;
      }
    }
    ids.push_back(best);
  }
  return ids;
}

}  // namespace

TEST_CASE("documents one after another: the numbers of a judgement of each alone, every scheme, rule and set of keys") {
  size_t spans_seen = 0;
  for (const Scheme* scheme : Schemes()) {
    for (const int share : {256, 100, 0}) {
      const Profile profile = *MakeProfile(SchemeObject(*scheme, kVocab, share));
      for (const size_t accounts : {1, 3}) {
        const std::vector<KeyFile> key_files = Keys(profile, accounts);
        for (const bool without_selector : {false, true}) {
          const auto keys = *JudgeKeys::Create(profile, Pointers(key_files, without_selector), without_selector);
          for (const Rule rule : {Rule::kFirst, Rule::kTuple}) {
            DocumentScanner scanner(keys, rule, nullptr);
            auto documents = Documents();
            documents.insert(documents.begin() + 3, Marked(profile, keys));
            for (const auto& ids : documents) {
              const std::string_view name = scheme->name;
              CAPTURE(name);
              CAPTURE(share);
              CAPTURE(accounts);
              CAPTURE(without_selector);
              CAPTURE(ids.size());
              JudgeOptions options;
              options.rule = rule;
              options.alpha = 0.5;
              const auto findings = *JudgeText(keys, ids, options, nullptr);
              const auto scores = scanner.Scan(ids);
              REQUIRE(scores.has_value());
              REQUIRE(scores->size() == findings.size());
              for (size_t i = 0; i < findings.size(); ++i) {
                const Counts& a = findings[i].counts;
                const Counts& b = (*scores)[i].counts;
                CHECK(a.tokens == b.tokens);
                CHECK(a.short_ == b.short_);
                CHECK(a.special == b.special);
                CHECK(a.repeated == b.repeated);
                CHECK(a.duplicate == b.duplicate);
                CHECK(a.scored == b.scored);
                CHECK(a.other_layer == b.other_layer);
                CHECK(findings[i].n == (*scores)[i].n);
                CHECK((findings[i].statistic == (*scores)[i].statistic));
                CHECK(findings[i].log10_p == (*scores)[i].log10_p);
                // JudgeText looks for segments at alpha over the number of tests.
                const double level = std::log10(options.alpha) - std::log10(static_cast<double>(findings.size()));
                const auto spans = scanner.FindSpans(i, level);
                REQUIRE(spans.size() == findings[i].localized->segments.size());
                for (const auto& span : spans) {
                  ++spans_seen;
                  CHECK(std::any_of(findings[i].localized->segments.begin(), findings[i].localized->segments.end(),
                                    [&](const MarkedSegment& segment) { return segment.first == span[0] && segment.last == span[1]; }));
                }
              }
              CHECK(scanner.ids_above_vocab() == static_cast<uint64_t>(std::count(ids.begin(), ids.end(), kVocab + 5)));
            }
          }
        }
      }
    }
  }
  CHECK(spans_seen > 20);
}

TEST_CASE("a document with an id that no tokenizer gives is refused, and the next one is not touched") {
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), kVocab));
  const std::vector<KeyFile> key_files = Keys(profile, 0);
  const auto keys = *JudgeKeys::Create(profile, Pointers(key_files, true), false);
  DocumentScanner scanner(keys, Rule::kFirst, nullptr);
  CHECK(scanner.Scan(std::vector<uint32_t>{1, 2, kIdLimit}).error().kind == ErrorKind::kInvalidArgument);
  const std::vector<uint32_t> ids = {3, 4, 5, 6, 7};
  CHECK(scanner.Scan(ids)->front().n == 3);
}

TEST_CASE("tuples of a group: each once, with the number of its eligible occurrences, scores that add up to the statistic") {
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("gumbel"), kVocab, 100));
  const std::vector<KeyFile> key_files = Keys(profile, 1);
  for (const bool without_selector : {false, true}) {
    const auto keys = *JudgeKeys::Create(profile, Pointers(key_files, without_selector), without_selector);
    const auto provider = *Fingerprinter::Create(key_files[0].key);
    const auto account = *Fingerprinter::Create(key_files[2].key);
    for (const Rule rule : {Rule::kFirst, Rule::kTuple}) {
      DocumentScanner scanner(keys, rule, nullptr);
      for (const auto& ids : Documents()) {
        const auto score = scanner.Scan(ids)->front();
        Sample sample(0, 0);
        std::vector<SampledTuple> tuples;
        scanner.GroupTuples(0, {&provider, &account}, 0, tuples);
        for (const SampledTuple& tuple : tuples) sample.Add(tuple.fingerprint, tuple.score);
        const auto below = std::count_if(tuples.begin(), tuples.end(), [](const SampledTuple& tuple) { return tuple.fingerprint[0] < 32; });
        std::vector<SampledTuple> sampled;
        scanner.GroupTuples(0, {&provider, &account}, 3, sampled);
        CHECK(static_cast<std::ptrdiff_t>(sampled.size()) == below);
        CHECK(sample.rows().size() == score.n);
        CHECK((sample.statistic() == score.statistic));
        uint64_t occurrences = 0;
        for (const Sample::Row& row : sample.rows()) occurrences += row.occurrences;
        CHECK(occurrences == score.n + (without_selector ? 2 : 1) * score.counts.duplicate);
      }
    }
  }
}
