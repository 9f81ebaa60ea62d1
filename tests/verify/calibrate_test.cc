// Calibration measured: random keys on one text, one key on documents of nine kinds (statistics.md P9), documents that share
// tuples (P10), the corpus digest, and the spread over keys that overlap predicts.
#include "verify/calibrate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "tests/bands.h"
#include "tests/verify/real_texts.h"
#include "tests/verify/text_kinds.h"
#include "tests/watermark/testing.h"
#include "verify/judge.h"
#include "verify/law.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

Profile GreenProfile(uint32_t vocab = 50000) { return *MakeProfile(SchemeObject(*FindScheme("green"), vocab)); }

JudgeKeys OneKey(const Profile& profile, const KeyFile& key) {
  const KeyFile* pointer = &key;
  return *JudgeKeys::Create(profile, {&pointer, 1}, false);
}

std::vector<uint8_t> BytesOf(std::string_view text) { return {text.begin(), text.end()}; }

struct Corpus {
  std::vector<std::string> texts;
  std::vector<std::vector<uint32_t>> ids;
  uint32_t vocab;
};

Corpus EncodeCorpus(std::vector<std::string> texts) {
  Corpus corpus{std::move(texts), {}, 0};
  PieceIds pieces;
  for (const std::string& text : corpus.texts) corpus.ids.push_back(pieces.Encode(text));
  corpus.vocab = pieces.vocab();
  return corpus;
}

Corpus MakeCorpus(std::string_view kind, size_t documents, size_t bytes, uint64_t seed) {
  std::vector<std::string> texts;
  for (size_t d = 0; d < documents; ++d) texts.push_back(TextMaker(seed * 1000 + d).Make(kind, bytes));
  return EncodeCorpus(std::move(texts));
}

std::vector<PositionState> StatesOf(const Profile& profile, std::span<const uint32_t> ids, Rule rule = Rule::kFirst) {
  std::vector<PositionState> states;
  ClassifyPositions(ids, profile.window(), profile.special_ids(), rule, states);
  return states;
}

// P9: 200 keys on documents of at least 200 tuples: |mean of their rates at .01 - mean size| <= 5 s / sqrt(200), s over keys.
void CheckMeanOverKeys(const std::string& domain, const Corpus& corpus) {
  CAPTURE(domain);
  const double documents = static_cast<double>(corpus.ids.size());
  const Profile profile = GreenProfile(corpus.vocab);
  const NullLaw law = profile.scheme().null_law(profile);
  Evidence evidence(2);  // its occurrences are numbers of documents
  std::vector<std::vector<size_t>> rows_of;
  double mean_size = 0;
  for (size_t d = 0; d < corpus.ids.size(); ++d) {
    const auto& ids = corpus.ids[d];
    auto states = StatesOf(profile, ids);
    Evidence own(2);
    std::vector<size_t> founded;
    own.AddText(ids, states, 0, &founded);
    REQUIRE(own.size() >= 200);
    for (size_t t = 0; t < ids.size(); ++t) {
      if (founded[t] == Evidence::kNone) states[t] = PositionState::kRepeated;
    }
    evidence.AddText(ids, states, d, nullptr);
    auto& rows = rows_of.emplace_back();
    for (size_t row = 0; row < own.size(); ++row) rows.push_back(evidence.FindRow(own.window_of(row)));
    mean_size += std::pow(10, SizeOf(law, own.size(), -2).log10_size);
  }
  mean_size /= documents;
  Tuples tuples;
  for (size_t row = 0; row < evidence.size(); ++row) {
    tuples.windows.push_back(evidence.window_of(row));
    tuples.ids.push_back(evidence.id_of(row));
  }
  KeyScorer scorer = *KeyScorer::Create(profile, tuples);
  std::vector<uint64_t> scores(tuples.size());
  std::vector<double> rates;
  for (uint32_t i = 0; i < 200; ++i) {
    scorer.ScoreEach(TestKey("P9 " + domain, i).secret(), scores.data());
    int rejected = 0;
    for (const auto& rows : rows_of) {
      uint64_t k = 0;
      for (const size_t row : rows) k += scores[row];
      rejected += Log10BinomialUpperTail(rows.size(), k, 1, 4) <= -2;
    }
    rates.push_back(rejected / documents);
  }
  double mean = 0, variance = 0;
  for (const double rate : rates) mean += rate / 200;
  for (const double rate : rates) variance += (rate - mean) * (rate - mean) / 199;
  Spectrum spectrum;
  for (size_t row = 0; row < evidence.size(); ++row) ++spectrum[evidence.occurrences(row)];
  const Overlap overlap = OverlapOf(spectrum, corpus.ids.size());
  std::sort(rates.begin(), rates.end());
  MESSAGE(domain << ": rate at .01 " << mean << " (size " << mean_size << "), 5 to 95 % of keys " << rates[10] << " to " << rates[189]
               << "; rho " << overlap.rho() << " predicts " << RateOfKey(overlap.rho(), .01, -kKeyQuantile) << " to "
               << RateOfKey(overlap.rho(), .01, kKeyQuantile));
  CHECK(std::fabs(mean - mean_size) <= 5 * std::sqrt(variance / 200));
}

}  // namespace

TEST_CASE("content is SHA-256 over lengths and bytes, in order; a failed record has its own mark") {
  ContentDigest content;
  CHECK(Hex(content.Value()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");  // of nothing
  content.Add(BytesOf("ab"));
  content.AddFailed();
  const uint32_t ids[] = {1, 0x01020304};
  content.AddIds(ids);
  std::string bytes("\0\0\0\0\0\0\0\2ab\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0\0\0\0\x08\1\0\0\0\4\3\2\1", 34);
  CHECK(content.Value() == Sha256(AsBytes(bytes)));
  CHECK(content.Value() == Sha256(AsBytes(bytes)));  // reading it ends nothing
}

TEST_CASE("random keys on one text: counts in their bands for every scheme, and the library's counts are those of each key") {
  // False alarm: 1.2e-5, 3 levels of the self-check at 1e-6 for 4 schemes.
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const auto profile = *MakeProfile(SchemeObject(*scheme, 5000));
    std::mt19937_64 random(41);
    std::vector<uint32_t> ids(260);
    for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % 5000);
    Evidence evidence(2);
    evidence.AddText(ids, StatesOf(profile, ids), 0, nullptr);
    KeyScorer scorer = *KeyScorer::Create(profile, TuplesOf(evidence));
    const DecoyKeys keys(TaggedHash("decoy-seed", {AsBytes("random keys on one text")}));
    const KeysOnText out = *CalibrateOnText(scorer, keys, 2000);
    CHECK(out.n == evidence.size());
    CHECK(out.law.passed);
    std::array<uint64_t, 4> counts{};
    for (uint32_t i = 0; i < 2000; ++i) {
      const double p = scorer.Log10P(scorer.Score(TestKey("random keys on one text", i).secret()));
      for (size_t a = 0; a < 4; ++a) counts[a] += p <= kCalibrationLevels[a];
    }
    for (size_t a = 0; a < 4; ++a) {
      CHECK(out.levels[a].count == counts[a]);
      CHECK(out.levels[a].band.lower <= static_cast<double>(counts[a]) / 2000);
      CHECK(out.levels[a].log10_size <= kCalibrationLevels[a]);
    }
    CHECK(CalibrateOnText(scorer, keys, 0).error().message == "keys must be in [1,1000000], got 0");
  }
}

TEST_CASE("a corpus calibration counts what judging each document counts, and shares what documents share") {
  // False alarm: 6e-6, 3 levels of the self-check at 1e-6 under 2 rules.
  for (const Rule rule : {Rule::kFirst, Rule::kTuple}) {
    CAPTURE(rule);
    const Corpus corpus = MakeCorpus("prose", 60, 1500, 1);
    const Profile profile = GreenProfile(corpus.vocab);
    const KeyFile first = LayerKeyFile(profile, KeyRole::kProvider, TestKey("corpus", 0));
    CalibrateOptions options;
    options.random_keys = 50;
    options.rule = rule;
    auto calibrator = *CorpusCalibrator::Create(OneKey(profile, first), options);
    JudgeOptions judge_options;
    judge_options.rule = rule;
    ContentDigest content;
    uint64_t counts[4] = {}, tokens = 0;
    std::map<std::vector<uint32_t>, uint64_t> documents_of;
    uint64_t sizes = 0;
    for (size_t d = 0; d < corpus.ids.size(); ++d) {
      const auto& ids = corpus.ids[d];
      REQUIRE(calibrator.Add(BytesOf(corpus.texts[d]), ids).has_value());
      content.Add(BytesOf(corpus.texts[d]));
      tokens += ids.size();
      const Finding finding = JudgeText(OneKey(profile, first), ids, judge_options, nullptr)->front();
      for (int a = 0; a < 4; ++a) counts[a] += finding.log10_p <= -(a + 1);
      const auto states = StatesOf(profile, ids, rule);
      std::set<std::vector<uint32_t>> tuples;
      for (size_t t = 2; t < ids.size(); ++t) {
        if (states[t] == PositionState::kEligible) tuples.insert({ids[t - 2], ids[t - 1], ids[t]});
      }
      for (const auto& tuple : tuples) ++documents_of[tuple];
      sizes += tuples.size();
    }
    uint64_t pairs = 0;
    for (const auto& [tuple, c] : documents_of) pairs += c * (c - 1);
    const Calibration out = *calibrator.Finish();
    CHECK(out.content == content.Value());
    CHECK(out.documents == 60);
    CHECK(out.tokens == tokens);
    CHECK(out.tests[0].tested == 60);
    CHECK(out.tests[0].kids[0] == first.kid());
    for (size_t a = 0; a < 4; ++a) CHECK(out.tests[0].rates[a].count == counts[a]);
    CHECK(out.overlap.pairs == pairs);
    CHECK(out.overlap.sizes == sizes);
    CHECK(out.random_keys->pooled_n == documents_of.size());
    CHECK(out.random_keys->passed);
    CHECK(out.texts.size() == 60);
    const auto again = ParseCalibration(WriteCalibration(out));
    REQUIRE(again.has_value());
    CHECK(WriteCalibration(*again) == WriteCalibration(out));
  }
}

TEST_CASE("under first-seen each tuple is scored once in the whole corpus") {
  const Corpus corpus = MakeCorpus("json", 30, 1500, 2);
  const Profile profile = GreenProfile(corpus.vocab);
  const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("first seen", 0));
  CalibrateOptions options;
  options.assign = Assign::kFirstSeen;
  options.min_scored = 1;
  options.random_keys = 1;
  auto calibrator = *CorpusCalibrator::Create(OneKey(profile, key), options);
  uint64_t counts[4] = {}, tested = 0;
  Evidence seen(2);
  const JudgeKeys judge = OneKey(profile, key);
  const Layers& layers = judge.tests()[0].layers;
  for (size_t d = 0; d < corpus.ids.size(); ++d) {
    const auto& ids = corpus.ids[d];
    REQUIRE(calibrator.Add(BytesOf(corpus.texts[d]), ids).has_value());
    std::vector<size_t> founded;
    seen.AddText(ids, StatesOf(profile, ids), d, &founded);
    uint64_t n = 0, k = 0;
    for (size_t t = 2; t < ids.size(); ++t) {
      if (founded[t] == Evidence::kNone) continue;
      const uint32_t* window = &ids[t - 2];
      uint64_t score = 0;
      layers.Score(profile, Layer::kProvider, &window, &ids[t], 1, &score);
      ++n;
      k += score;
    }
    if (n == 0) continue;
    ++tested;
    for (int a = 0; a < 4; ++a) counts[a] += Log10BinomialUpperTail(n, k, 1, 4) <= -(a + 1);
  }
  const Calibration out = *calibrator.Finish();
  CHECK(out.tests[0].tested == tested);
  for (size_t a = 0; a < 4; ++a) CHECK(out.tests[0].rates[a].count == counts[a]);
}

TEST_CASE("calibrations that make no sense are refused") {
  const Profile profile = GreenProfile();
  const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("refused", 0));
  CalibrateOptions options;
  options.min_scored = 0;
  CHECK(CorpusCalibrator::Create(OneKey(profile, key), options).error().message == "min_scored must be at least 1, got 0");
  options.min_scored = 50;
  options.random_keys = 10001;
  CHECK(CorpusCalibrator::Create(OneKey(profile, key), options).error().message == "random keys must be at most 10000, got 10001");
  options.random_keys = 0;
  options.max_tokens = 100;
  auto calibrator = *CorpusCalibrator::Create(OneKey(profile, key), options);
  CHECK(calibrator.Finish().error().message == "at least 2 documents with 50 scored tuples are needed, got 0");
  CHECK(calibrator.WantsMore());
  std::vector<uint32_t> ids(200, 5);
  CHECK(calibrator.Add({}, ids).has_value());
  CHECK_FALSE(calibrator.WantsMore());
  ids[3] = 1 << 24;
  CHECK_FALSE(calibrator.Add({}, ids).has_value());
}

TEST_CASE("slow: P9: on nine kinds of text the rate over 200 keys is the exact size on average, whatever the boilerplate") {
  // False alarm: 1.2e-5, 9 domains of 1.3e-6.
  for (const std::string_view kind : kTextKinds) {
    CheckMeanOverKeys(std::string(kind), MakeCorpus(kind, 60, kind == "licences" ? 30000 : 4000, 9));
  }
}

TEST_CASE("slow: P9: the same on licences, and on prose, code and thirty languages where they are at hand") {
  // False alarm: 5.2e-6, 4 domains of 1.3e-6.
  std::vector<std::string> licences;
  for (const char* name : {"Apache-2.0", "Artistic", "BSD", "CC0-1.0", "GFDL-1.2", "GFDL-1.3", "GPL-1", "GPL-2", "GPL-3", "LGPL-2", "LGPL-2.1", "LGPL-3", "MPL-1.1", "MPL-2.0"}) {
    const std::string text = ReadFileOrNothing("/usr/share/common-licenses/" + std::string(name));
    if (text.size() >= 4000) licences.push_back(text.substr(0, 12000));
  }
  if (licences.size() >= 10) {
    CheckMeanOverKeys("licences of Debian", EncodeCorpus(licences));
  } else {
    MESSAGE("skipped: no licences in /usr/share/common-licenses");
  }
  const std::vector<UdhrText> languages = UdhrTexts();
  if (languages.empty()) {
    MESSAGE("skipped: no folder shared/ beside the repository");
    return;
  }
  std::vector<std::string> declarations;
  for (const UdhrText& language : languages) declarations.push_back(language.text);
  CheckMeanOverKeys("thirty languages", EncodeCorpus(declarations));
  for (const char* name : {"wikitext2_test.txt", "human_eval.jsonl"}) {
    const std::string text = ReadFileOrNothing(VERDIGRIS_SHARED_DIR "/data/text/" + std::string(name));
    REQUIRE(text.size() >= 200'000);
    std::vector<std::string> parts;
    for (size_t d = 0; d < 50; ++d) parts.push_back(text.substr(d * 4000, 4000));
    CheckMeanOverKeys(name, EncodeCorpus(parts));
  }
}

TEST_CASE("P10: copies with edits, pooled and by first-seen assignment, keep their level; added per document they do not") {
  // 200 copies of 300 random ids (seed 10), 6 substitutions each, 5,000 keys: pooled in its band at .1 and .01, 1e-7 each;
  // Fisher over first-seen documents at most .1 and .01, 1e-6 each. False alarm: 2.2e-6.
  const Profile profile = GreenProfile();
  std::mt19937_64 random(10);
  std::vector<uint32_t> original(300);
  for (uint32_t& id : original) id = static_cast<uint32_t>(random() % 50000);
  Evidence evidence(2);
  std::vector<size_t> document_of;            // of each row: the document that has it first
  std::vector<std::vector<size_t>> rows_of(200);  // of each document: all its tuples
  for (size_t d = 0; d < 200; ++d) {
    std::vector<uint32_t> ids = original;
    for (int edit = 0; edit < 6; ++edit) ids[random() % 300] = static_cast<uint32_t>(random() % 50000);
    std::vector<size_t> founded;
    const auto states = StatesOf(profile, ids);
    evidence.AddText(ids, states, d, &founded);
    document_of.resize(evidence.size(), d);
    for (size_t t = 2; t < ids.size(); ++t) {
      if (states[t] == PositionState::kEligible) rows_of[d].push_back(evidence.FindRow(&ids[t - 2]));
    }
  }
  Tuples tuples;
  for (size_t row = 0; row < evidence.size(); ++row) {
    tuples.windows.push_back(evidence.window_of(row));
    tuples.ids.push_back(evidence.id_of(row));
  }
  const uint64_t n = tuples.size();
  REQUIRE(n > 2500);
  std::array<uint64_t, 200> size_of{};
  for (const size_t d : document_of) ++size_of[d];
  uint64_t added_n = 0;
  for (const auto& rows : rows_of) added_n += rows.size();
  KeyScorer scorer = *KeyScorer::Create(profile, tuples);
  std::vector<uint64_t> scores(n);
  uint64_t pooled[2] = {}, fisher[2] = {}, added[2] = {};
  for (uint32_t i = 0; i < 5000; ++i) {
    scorer.ScoreEach(TestKey("P10", i).secret(), scores.data());
    std::array<uint64_t, 200> k_of{};
    uint64_t k = 0, added_k = 0;
    for (size_t row = 0; row < n; ++row) {
      k += scores[row];
      k_of[document_of[row]] += scores[row];
      added_k += scores[row] * evidence.occurrences(row);
    }
    std::vector<double> p;
    for (size_t d = 0; d < 200; ++d) p.push_back(Log10BinomialUpperTail(size_of[d], k_of[d], 1, 4));
    const double log10_fisher = Log10Fisher(p), log10_pooled = Log10BinomialUpperTail(n, k, 1, 4), log10_added = Log10BinomialUpperTail(added_n, added_k, 1, 4);
    for (int a = 0; a < 2; ++a) {
      pooled[a] += log10_pooled <= -(a + 1);
      fisher[a] += log10_fisher <= -(a + 1);
      added[a] += log10_added <= -(a + 1);
    }
  }
  for (int a = 0; a < 2; ++a) {
    const double alpha = std::pow(10, -(a + 1));
    CHECK(WithinBinomialBand(pooled[a], 5000, std::pow(10, SizeOf(NullLaw::Bernoulli(1, 4), n, -(a + 1)).log10_size), 1e-7));
    CHECK(AtMostBinomial(fisher[a], 5000, alpha, 1e-6));
    CHECK_FALSE(AtMostBinomial(added[a], 5000, alpha, 1e-6));
  }
  MESSAGE("at .01: pooled " << pooled[1] << ", Fisher " << fisher[1] << ", added per document " << added[1] << " of 5000");
}

// A document of distinct tuples for windows of one id: tuple t is token 400003 + t after window 3 + t. A special id ends each.
std::vector<uint32_t> DocumentOf(std::span<const uint32_t> tuples) {
  std::vector<uint32_t> ids;
  for (const uint32_t t : tuples) ids.insert(ids.end(), {3 + t, 400003 + t, 1});
  return ids;
}

TEST_CASE("K14: built overlaps are measured, on all tuples and on 1 in 64; a stop list brings .13 below .01; keys spread as predicted") {
  // 800 documents of 400 tuples, `drawn` of them from a pool, the rest their own: two documents share Hypergeometric(pool, drawn,
  // drawn) tuples, pairs of documents uncorrelated. 1 in 64: a ratio of sums over tuples, each taken with 1/64. Four times 5 se,
  // and a Binomial band of 1e-6 for the keys inside the predicted 90 %. False alarm: 3.4e-6.
  constexpr size_t kDocuments = 800, kTuples = 400;
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("gumbel"), 900000, kFullShare, 1));
  const NullLaw law = profile.scheme().null_law(profile);
  const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("K14", 0));
  struct Row {
    double rho;
    size_t drawn, pool;
  };
  for (const auto& [built, drawn, pool] : {Row{0, 0, 0}, Row{.02, 100, 1250}, Row{.13, 200, 769}}) {
    CAPTURE(built);
    std::mt19937_64 random(14);
    std::vector<uint32_t> of_pool(pool);
    for (uint32_t i = 0; i < pool; ++i) of_pool[i] = i;
    std::vector<std::vector<uint32_t>> documents;
    uint32_t next = static_cast<uint32_t>(pool);
    for (size_t d = 0; d < kDocuments; ++d) {
      std::shuffle(of_pool.begin(), of_pool.end(), random);
      auto& tuples = documents.emplace_back(of_pool.begin(), of_pool.begin() + static_cast<std::ptrdiff_t>(drawn));
      while (tuples.size() < kTuples) tuples.push_back(next++);
    }
    std::vector<uint64_t> documents_of(next);
    for (const auto& tuples : documents) {
      for (const uint32_t t : tuples) ++documents_of[t];
    }

    for (const int sample_log2 : {0, 6}) {
      CAPTURE(sample_log2);
      CalibrateOptions options;
      options.sample_log2 = sample_log2;
      auto calibrator = *CorpusCalibrator::Create(OneKey(profile, key), options);
      for (const auto& tuples : documents) {
        const auto ids = DocumentOf(tuples);
        REQUIRE(calibrator.Add(BytesOfIds(ids), ids).has_value());
      }
      const Calibration out = *calibrator.Finish();
      const double rho = out.overlap.rho();
      CHECK(out.sample_log2 == sample_log2);
      CHECK(out.overlap.documents == kDocuments);
      MESSAGE("built " << built << ", 1 in 2^" << sample_log2 << ": rho " << rho);
      if (drawn == 0) {
        CHECK(rho == 0);
        CHECK_FALSE(out.stop_bound.has_value());
        continue;
      }
      const double m = static_cast<double>(drawn), p = static_cast<double>(pool), pairs = kDocuments * (kDocuments - 1) / 2.;
      const double expected = m * m / p / kTuples;
      if (sample_log2 == 0) {
        CHECK(std::fabs(rho - expected) <= 5 * std::sqrt(m * m / p * (1 - m / p) * (p - m) / (p - 1) / pairs) / kTuples);
      } else {
        // sum y / sum x over the sample, y = c(c-1) / (D-1), x = c.
        double sum_x = 0, sum_y = 0, squares = 0;
        for (const uint64_t c : documents_of) {
          sum_x += static_cast<double>(c);
          sum_y += static_cast<double>(c * (c - 1)) / (kDocuments - 1);
        }
        const double exact = sum_y / sum_x;
        for (const uint64_t c : documents_of) {
          const double residual = static_cast<double>(c * (c - 1)) / (kDocuments - 1) - exact * static_cast<double>(c);
          squares += residual * residual;
        }
        CHECK(std::fabs(rho - exact) <= 5 * std::sqrt(squares * (1 / 64.) * (63 / 64.)) / (sum_x / 64));
        CHECK_FALSE(out.stop_bound.has_value());
        CHECK(calibrator.MakeStopList(out).error().message == "a stop list needs all tuples, and only 1 in 2^6 were counted");
        continue;
      }
      // The stop list, against its definition.
      REQUIRE(out.stop_bound.has_value());
      const StopList list = *calibrator.MakeStopList(out);
      CHECK(list.size() == static_cast<size_t>(std::count_if(documents_of.begin(), documents_of.end(), [&](uint64_t c) { return c > *out.stop_bound; })));
      std::vector<uint64_t> left(next);
      for (const auto& tuples : documents) {
        const auto ids = DocumentOf(tuples);
        auto states = StatesOf(profile, ids);
        list.Drop(ids, states);
        for (size_t t = 1; t < ids.size(); ++t) {
          if (states[t] == PositionState::kEligible) ++left[ids[t] - 400003];
        }
      }
      Spectrum spectrum;
      for (const uint64_t c : left) {
        if (c > 0) ++spectrum[c];
      }
      CHECK(OverlapOf(spectrum, kDocuments).rho() <= .01);
      if (built != .13) continue;
      // Where two overlap by .13 the noise of 800 documents is small against what the keys do: inside lie .894 of them, not .9.
      Tuples tuples;
      std::vector<std::vector<uint32_t>> all;
      for (const auto& document : documents) all.push_back(DocumentOf(document));
      std::vector<const uint32_t*> window_of(next);
      for (const auto& ids : all) {
        for (size_t t = 1; t < ids.size(); t += 3) window_of[ids[t] - 400003] = &ids[t - 1];
      }
      for (uint32_t t = 0; t < next; ++t) {
        REQUIRE(window_of[t] != nullptr);
        tuples.windows.push_back(window_of[t]);
        tuples.ids.push_back(400003 + t);
      }
      KeyScorer scorer = *KeyScorer::Create(profile, tuples);
      const Statistic critical = SizeOf(law, kTuples, -1).critical;
      std::vector<uint64_t> scores(next);
      uint64_t inside = 0;
      for (uint32_t i = 0; i < 200; ++i) {
        scorer.ScoreEach(TestKey("K14 keys", i).secret(), scores.data());
        double rejected = 0;
        for (const auto& document : documents) {
          Statistic statistic = 0;
          for (const uint32_t t : document) statistic += scores[t];
          rejected += statistic >= critical;
        }
        const double rate = rejected / kDocuments;
        inside += rate >= out.predicted[0].lower && rate <= out.predicted[0].upper;
      }
      MESSAGE("at .1 predicted " << out.predicted[0].lower << " to " << out.predicted[0].upper << ": " << inside << " of 200 keys inside");
      CHECK(WithinBinomialBand(inside, 200, .9, 1e-6));
    }
  }
}

TEST_CASE("groups are calibrated like corpora of their own, and memory bounds the tuples that are counted") {
  // False alarm: 3e-6, 3 levels of the self-check at 1e-6.
  const Corpus corpus = MakeCorpus("json", 60, 1500, 3);
  const Profile profile = GreenProfile(corpus.vocab);
  const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("groups", 0));
  CalibrateOptions options;
  options.groups = true;
  options.random_keys = 20;
  auto calibrator = *CorpusCalibrator::Create(OneKey(profile, key), options);
  options.groups = false;
  options.random_keys = 0;
  auto whole = *CorpusCalibrator::Create(OneKey(profile, key), options);
  const std::string names[] = {"b.example", "a.example", ""};
  std::vector<CorpusCalibrator> alone;
  for (int group = 0; group < 3; ++group) alone.push_back(*CorpusCalibrator::Create(OneKey(profile, key), options));
  options.memory_bytes = 2000 * DocumentCounts::kRowBytes;
  auto small = *CorpusCalibrator::Create(OneKey(profile, key), options);
  options.groups = true;
  options.random_keys = 20;
  options.memory_bytes = 2 * 20 * 16;  // counts of 20 keys at four levels for two groups
  auto two = *CorpusCalibrator::Create(OneKey(profile, key), options);
  for (size_t d = 0; d < corpus.ids.size(); ++d) {
    const auto content = BytesOf(corpus.texts[d]);
    REQUIRE(calibrator.Add(content, corpus.ids[d], names[d % 3]).has_value());
    REQUIRE(alone[d % 3].Add(content, corpus.ids[d]).has_value());
    REQUIRE(whole.Add(content, corpus.ids[d]).has_value());
    REQUIRE(small.Add(content, corpus.ids[d]).has_value());
    REQUIRE(two.Add(content, corpus.ids[d], names[d % 3]).has_value());
  }
  const Calibration out = *calibrator.Finish();
  const auto check_equal = [](const CalibrationPart& a, const CalibrationPart& b) {
    CHECK(a.documents == b.documents);
    CHECK(a.overlap.documents == b.overlap.documents);
    CHECK(a.overlap.pairs == b.overlap.pairs);
    CHECK(a.overlap.sizes == b.overlap.sizes);
    CHECK(a.stop_bound == b.stop_bound);
    CHECK(a.predicted[1].upper == b.predicted[1].upper);
    CHECK(a.tests[0].tested == b.tests[0].tested);
    for (size_t level = 0; level < 4; ++level) CHECK(a.tests[0].rates[level].count == b.tests[0].rates[level].count);
  };
  check_equal(out, *whole.Finish());
  REQUIRE(out.groups.size() == 3);
  CHECK(out.groups[0].name == "");
  CHECK(out.groups[1].name == "a.example");
  check_equal(out.groups[0], *alone[2].Finish());
  check_equal(out.groups[1], *alone[1].Finish());
  check_equal(out.groups[2], *alone[0].Finish());
  CHECK(out.groups[0].random_rates->at(0).upper > 0);
  CHECK(out.random_keys->passed);
  const std::string bytes = WriteCalibration(out);
  REQUIRE(ParseCalibration(bytes).has_value());
  CHECK(WriteCalibration(*ParseCalibration(bytes)) == bytes);

  const Calibration sampled = *small.Finish();
  CHECK(sampled.sample_log2 > 0);
  CHECK(sampled.overlap.sizes < out.overlap.sizes >> (sampled.sample_log2 - 1));
  CHECK(sampled.tests[0].rates[0].count == out.tests[0].rates[0].count);
  CHECK(ParseCalibration(WriteCalibration(sampled))->sample_log2 == sampled.sample_log2);

  const Calibration others = *two.Finish();
  REQUIRE(others.groups.size() == 3);
  CHECK(others.groups[0].name == "(other)");
  CHECK(others.groups[0].documents == out.groups[0].documents);
  CHECK(others.groups[0].random_rates->at(0).upper == out.groups[0].random_rates->at(0).upper);
  CHECK(others.groups[2].name == "b.example");
}

TEST_CASE("slow: the spread over keys is what the overlap predicts") {
  // Zipf-like documents over 20,000 tuples in the manner of statistics.md 9.2, given as windows of one id: rho about .1.
  // 200 random keys: the share of keys inside the predicted 5 to 95 % range is 90 % by the normal law, here within .8 and 1.
  // False alarm: 3e-6, of the self-check; the tolerances of the spread are many times its error.
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), 60000, kFullShare, 1));
  std::mt19937_64 random(12);
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + .5) * 0x1p-53; };
  std::vector<double> cdf(20000);
  double sum = 0;
  for (size_t i = 0; i < cdf.size(); ++i) cdf[i] = sum += 1 / std::pow(static_cast<double>(i + 1), 0.9);
  CalibrateOptions options;
  options.random_keys = 200;
  const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("spread", 0));
  auto calibrator = *CorpusCalibrator::Create(OneKey(profile, key), options);
  for (int d = 0; d < 400; ++d) {
    std::vector<uint32_t> ids;
    for (int i = 0; i < 600; ++i) {
      const auto tuple = static_cast<uint32_t>(std::lower_bound(cdf.begin(), cdf.end(), uniform() * sum) - cdf.begin());
      ids.push_back(3 + tuple);           // the window decides the tuple: its successor is a function of it
      ids.push_back(20003 + tuple);
      ids.push_back(1);                   // a special id ends the stretch
    }
    REQUIRE(calibrator.Add(BytesOfIds(ids), ids).has_value());
  }
  const Calibration out = *calibrator.Finish();
  const double rho = out.overlap.rho();
  MESSAGE("rho " << rho << "; at .01 predicted " << out.predicted[1].lower << " to " << out.predicted[1].upper << ", seen 5 to 95 % of 200 keys "
                 << out.random_keys->rates[1].lower << " to " << out.random_keys->rates[1].upper);
  CHECK(rho > .05);
  CHECK(out.random_keys->passed);
  CHECK(std::fabs(out.random_keys->rates[0].upper - out.predicted[0].upper) < .05);
  CHECK(std::fabs(out.random_keys->rates[0].lower - out.predicted[0].lower) < .05);
  CHECK(std::fabs(out.random_keys->rates[1].upper - out.predicted[1].upper) < .015);
  CHECK(out.stop_bound.has_value());
}

TEST_CASE("P19: the key that did best of 20 on one text needs the factor 20 there, and none of it on another") {
  // 2,000 lots of 20 keys; at most .05, twice. False alarm: 2e-6. Control: the chosen key's plain p on the text it was chosen on.
  const Profile profile = GreenProfile();
  std::vector<KeyScorer> scorers;
  std::vector<std::vector<uint32_t>> texts(2);
  std::mt19937_64 random(19);
  std::vector<Evidence> evidence(2, Evidence(2));
  for (size_t i = 0; i < 2; ++i) {
    for (int t = 0; t < 202; ++t) texts[i].push_back(static_cast<uint32_t>(3 + random() % 49000));
    evidence[i].AddText(texts[i], StatesOf(profile, texts[i]), 0, nullptr);
    scorers.push_back(*KeyScorer::Create(profile, TuplesOf(evidence[i])));
  }
  uint64_t plain = 0, with_factor = 0, elsewhere = 0;
  for (uint32_t lot = 0; lot < 2000; ++lot) {
    uint32_t best = 0;
    double best_p = 1;
    for (uint32_t i = 20 * lot; i < 20 * lot + 20; ++i) {
      const double p = scorers[0].Log10P(scorers[0].Score(TestKey("P19", i).secret()));
      if (p < best_p) {
        best_p = p;
        best = i;
      }
    }
    plain += best_p <= std::log10(.05);
    with_factor += Log10Bonferroni(best_p, 20) <= std::log10(.05);
    elsewhere += scorers[1].Log10P(scorers[1].Score(TestKey("P19", best).secret())) <= std::log10(.05);
  }
  CHECK(AtMostBinomial(with_factor, 2000, .05, 1e-6));
  CHECK(with_factor > 20);
  CHECK(AtMostBinomial(elsewhere, 2000, .05, 1e-6));
  CHECK_FALSE(AtMostBinomial(plain, 2000, .05, 1e-6));
}

TEST_CASE("slow: 100,000 random keys on a text of 1,000 tuples") {
  // False alarm: 4e-6, 3 levels of the self-check and one more.
  const Profile profile = GreenProfile();
  std::mt19937_64 random(43);
  std::vector<uint32_t> ids(1002);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(3 + random() % 49000);
  Evidence evidence(2);
  evidence.AddText(ids, StatesOf(profile, ids), 0, nullptr);
  KeyScorer scorer = *KeyScorer::Create(profile, TuplesOf(evidence));
  const auto start = std::chrono::steady_clock::now();
  const KeysOnText out = *CalibrateOnText(scorer, DecoyKeys(TaggedHash("decoy-seed", {AsBytes("100,000 keys")})), 100000);
  MESSAGE("seconds: " << std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  CHECK(out.law.passed);
  CHECK(WithinBinomialBand(out.levels[3].count, 100000, std::pow(10, out.levels[3].log10_size), 1e-6));
}
