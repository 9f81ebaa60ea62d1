// The null of every coefficient, over keys, on what a student that saw nothing marked really answered and predicted
// (datasets/distilled; suspect-models.md M15, S2).
#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/experiments/distillation/suspect_world.h"
#include "verify/law.h"
#include "verify/suspect/trial.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr double kFalseAlarm = 1e-6;  // of each level of each coefficient
constexpr char kFolder[] = VERDIGRIS_SOURCE_DIR "/datasets/distilled";

struct Student {
  PocketWorld pocket = LoadPocketWorld();
  SpecialIds special{pocket.tokenizer->special_ids(), pocket.tokenizer->vocab()};
  ReferenceModel teacher = ReferenceModelOf(pocket, VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm"), base = ReferenceModelOf(pocket, std::string(kFolder) + "/base");
  Profile profile = DistillationProfile(pocket, 2, false);
  std::vector<KeyFile> keys = DistillationKeys(profile, 1, {});
  const KeyFile* pointer = &keys[0];
  Layers layers = Must(Layers::Create(profile, {&pointer, 1}));

  SuspectEvidence Evidence(const char* name, Showing showing, size_t tokens, size_t lists) const {
    const auto records = ReadDump(std::string(kFolder) + "/" + name + ".zst");
    const auto t = ReferencesOf(teacher, records, tokens), b = ReferencesOf(base, records, tokens);
    return EvidenceOf(special, records, 2, showing, tokens, lists, {&t, &b});
  }
};

const Student& Stored() {
  static const Student student;
  return student;
}

void CheckNull(const SuspectEvidence& evidence, CoefficientRule rule, uint32_t keys) {
  CAPTURE(RuleName(rule));
  TrialOptions options;
  options.rule = rule;
  auto trial = Trial::Create(Stored().profile, Stored().layers, evidence, options);
  REQUIRE(trial);
  REQUIRE(trial->scored() > 100);
  std::array<uint64_t, 4> counts{};
  std::array<FixedCritical, 4> critical;
  for (size_t level = 0; level < 4; ++level) critical[level] = CriticalOf(trial->law(), trial->levels(), -1.0 - static_cast<double>(level));
  for (uint32_t i = 0; i < keys; ++i) {
    const auto scored = trial->Score(TestKey("distilled-null", i).secret());
    for (size_t level = 0; level < 4; ++level) {
      counts[level] += trial->sequential() ? -scored.process.ln_max / std::log(10.0) <= -1.0 - static_cast<double>(level)
                                           : critical[level].attainable && scored.statistic >= critical[level].statistic;
    }
  }
  for (size_t level = 0; level < 4; ++level) {
    const double alpha = std::pow(10, -1.0 - static_cast<double>(level));
    CAPTURE(alpha);
    if (trial->sequential()) {
      CHECK(AtMostBinomial(counts[level], keys, alpha, kFalseAlarm));
    } else {
      CHECK(WithinBinomialBand(counts[level], keys, std::pow(10, critical[level].log10_size), kFalseAlarm));
    }
  }
}

void CheckAll(size_t tokens, uint32_t fixed_keys, uint32_t sequential_keys) {
  const auto answers = Stored().Evidence("h2_0_s1.answers", Showing::kClosed, tokens, 0);
  const auto lists = Stored().Evidence("h2_0_s1.answers", Showing::kClosed, tokens, 20);
  const auto reading = Stored().Evidence("h2_0_s1.reading", Showing::kReading, tokens, 20);
  using R = CoefficientRule;
  for (const R rule : {R::kDistinct, R::kRoot, R::kResidual}) CheckNull(answers, rule, fixed_keys);
  for (const R rule : {R::kSoft, R::kResidual, R::kDifference}) CheckNull(lists, rule, fixed_keys);
  for (const R rule : {R::kFirst, R::kFirstSoft, R::kFirstDifference, R::kFirstScaled}) CheckNull(reading, rule, sequential_keys);
}

}  // namespace

// False alarm: 4e-5, 40 levels of 1e-6.
TEST_CASE("every coefficient keeps its null on a student's answers") { CheckAll(400, 10'000, 2'000); }

// False alarm: 4e-5, 40 levels of 1e-6.
TEST_CASE("slow: every coefficient keeps its null on a student's answers, 100,000 keys") { CheckAll(1'000, 100'000, 10'000); }

// Control of S2: repeats are no further evidence.
TEST_CASE("repeats counted as scores of their own cry wolf") {
  const auto records = ReadDump(std::string(kFolder) + "/h2_0_s1.answers.zst");
  const auto evidence = EvidenceOf(Stored().special, records, 2, Showing::kClosed, 200'000, 0, {});
  Tuples tuples;
  std::vector<uint64_t> counts;
  uint64_t n = 0;
  for (size_t r = 0; r < evidence.rows(); ++r) {
    if (evidence.count(r) == 0) continue;
    tuples.windows.push_back(evidence.window(evidence.window_of(r)));
    tuples.ids.push_back(evidence.id(r));
    counts.push_back(evidence.count(r));
    n += counts.back();
  }
  KeyScorer scorer = Must(KeyScorer::Create(Stored().profile, tuples));
  const NullLaw law = scorer.law();
  const auto critical = CriticalValue(law, n, -2);
  REQUIRE(critical);
  constexpr uint32_t kKeys = 1000;
  uint64_t hits = 0;
  for (uint32_t i = 0; i < kKeys; ++i) {
    Statistic green = 0;
    scorer.ScoreInPieces(TestKey("distilled-null", i).secret(), [&](size_t start, std::span<const uint64_t> scores) {
      for (size_t j = 0; j < scores.size(); ++j) green += counts[start + j] * scores[j];
    });
    hits += green >= *critical;
  }
  MESSAGE("naive counting at a nominal 1 %: ", 100.0 * static_cast<double>(hits) / kKeys, " %");
  CHECK(hits > kKeys / 5);
}
