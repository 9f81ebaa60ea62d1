// What a test of a suspect reports when nothing is there, and when something is: toy models, thousands of keys
// (suspect-models.md M15, S5 to S9 and S15). Each control is a mistake that somebody could make, and must be seen to fail.
#include "verify/suspect/trial.h"

#include <algorithm>
#include <map>

#include "tests/bands.h"
#include "tests/verify/suspect/suspect_vectors.h"
#include "tests/verify/suspect/toy_world.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr double kFalseAlarm = 1e-6;  // of each check below

struct ToyKeys {
  KeyFile file;
  const KeyFile* pointer = &file;
  Marker marker;
  Layers layers;

  ToyKeys(const Profile& profile, const std::string& id, uint32_t i)
      : file(LayerKeyFile(profile, KeyRole::kProvider, TestKey(id, i))), marker(*Marker::Create(profile, {&pointer, 1})),
        layers(*Layers::Create(profile, {&pointer, 1})) {}
  ToyKeys(const ToyKeys&) = delete;
  std::span<const uint8_t, kKeyBytes> secret() const { return file.key.secret(); }
};

SpecialIds ToySpecial() {
  const IdRange special[] = {{0, ToyModel::kFirstId - 1}};
  return SpecialIds(special, ToyModel::kVocab);
}

using ToyText = std::vector<uint32_t>;

// Each text a record. Lists of the suspect where `suspect` is given: all ids, or `top` of them; the id that stands there is
// kept beyond those only if `keep_actual`. `reference` lists all ids.
SuspectEvidence ToyEvidence(const std::vector<ToyText>& texts, const std::vector<ToyText>& prompts, Showing showing, const ToyModel* suspect,
                            const ToyModel& reference, size_t top = ToyModel::kVocab, bool keep_actual = false) {
  SuspectEvidence evidence({2, 1, showing, uint64_t{1} << 30, {}}, ToySpecial());
  for (size_t i = 0; i < texts.size(); ++i) {
    Lists lists, references;
    for (size_t t = 0; t < texts[i].size(); ++t) {
      const bool inside = t >= 2;
      std::vector<std::pair<uint32_t, double>> all;
      if (inside && suspect != nullptr) {
        const auto ln_p = suspect->After(texts[i][t - 2], texts[i][t - 1]);
        for (uint32_t id = ToyModel::kFirstId; id < ToyModel::kVocab; ++id) all.emplace_back(id, ln_p[id]);
      }
      lists.Add(KeepTopK(all, top, keep_actual ? std::optional(texts[i][t]) : std::nullopt));
      references.Add(inside ? reference.ListAfter(texts[i][t - 2], texts[i][t - 1]) : std::vector<ListEntry>());
    }
    static const ToyText kNone;
    const SuspectRecord record{prompts.empty() ? kNone : prompts[i], texts[i], suspect != nullptr ? &lists : nullptr, {&references}};
    REQUIRE(evidence.AddUnit(i, {&record, 1}));
  }
  return evidence;
}

Trial MakeTrial(const Profile& profile, const Layers& layers, const SuspectEvidence& evidence, CoefficientRule rule, bool strict = false,
                LogRank log_rank = nullptr) {
  TrialOptions options;
  options.rule = rule;
  options.coefficients.strict = strict;
  options.log_rank = std::move(log_rank);
  auto trial = Trial::Create(profile, layers, evidence, options);
  REQUIRE(trial);
  return std::move(*trial);
}

// How many of the p-values lie at or below .1, .05 and .01.
struct Tally {
  uint64_t keys = 0, at_10 = 0, at_5 = 0, at_1 = 0;
  void Add(double log10_p) {
    ++keys;
    at_10 += log10_p <= -1;
    at_5 += log10_p <= std::log10(0.05);
    at_1 += log10_p <= -2;
  }
  bool AtMost() const {
    return AtMostBinomial(at_10, keys, .1, kFalseAlarm) && AtMostBinomial(at_5, keys, .05, kFalseAlarm) && AtMostBinomial(at_1, keys, .01, kFalseAlarm);
  }
  double Share5() const { return static_cast<double>(at_5) / static_cast<double>(keys); }
};

const Profile& GreenToy() {
  static const Profile profile = ToyProfile(*FindScheme("green"));
  return profile;
}

}  // namespace

// S5. False alarm: 1.2e-5, 12 checks of 1e-6.
TEST_CASE("an innocent suspect reads marked text: the anytime p holds") {
  const ToyModel teacher(1), innocent = ToyModel::Relative(teacher, 2);
  const uint32_t keys = 2000;
  Tally difference, scaled, soft, first, actual_kept, every_position;
  for (uint32_t i = 0; i < keys; ++i) {
    const ToyKeys key(GreenToy(), "toy-reading", i);
    std::mt19937_64 random(i);
    std::vector<ToyText> texts;
    for (int n = 0; n < 10; ++n) texts.push_back(WriteToy(teacher, &key.marker, 62, random));
    const SuspectEvidence evidence = ToyEvidence(texts, {}, Showing::kReading, &innocent, teacher);
    const auto p = [&](CoefficientRule rule, const SuspectEvidence& rows) { return MakeTrial(GreenToy(), key.layers, rows, rule).Run(key.secret()).log10_p; };
    difference.Add(p(CoefficientRule::kFirstDifference, evidence));
    scaled.Add(p(CoefficientRule::kFirstScaled, evidence));
    soft.Add(p(CoefficientRule::kFirstSoft, evidence));
    first.Add(p(CoefficientRule::kFirst, evidence));
    // Control: the actual id kept beside the best one. The text's ids are green, and so it enters the test.
    actual_kept.Add(p(CoefficientRule::kFirstSoft, ToyEvidence(texts, {}, Showing::kReading, &innocent, teacher, 1, true)));
    // Control: every position counts as new evidence, as if no window had been met before.
    std::vector<size_t> ends;
    std::vector<int32_t> a;
    std::vector<uint64_t> scores;
    for (const ToyText& text : texts) {
      for (size_t t = 2; t < text.size(); ++t) {
        const auto list = innocent.After(text[t - 2], text[t - 1]);
        const auto best = static_cast<uint32_t>(std::max_element(list.begin(), list.end()) - list.begin());
        const uint32_t* window = text.data() + t - 2;
        uint64_t score = 0;
        key.layers.Score(GreenToy(), Layer::kProvider, &window, &best, 1, &score);
        a.push_back(kMostCoefficient);
        scores.push_back(score);
        ends.push_back(a.size());
      }
    }
    const NullLaw law = GreenToy().scheme().null_law(GreenToy());
    every_position.Add(-EProcess(law, Grid::Steps(ScoreLaw(law)), ends, {a}).Run(scores).ln_max / std::log(10.0));
  }
  CHECK(difference.AtMost());
  CHECK(scaled.AtMost());
  CHECK(soft.AtMost());
  CHECK(first.AtMost());
  CHECK_FALSE(actual_kept.AtMost());
  CHECK_FALSE(every_position.AtMost());
}

// S6. False alarm: 3e-6, 3 checks of 1e-6.
TEST_CASE("a filter made from marked answers over innocent answers: the anytime p in log order holds") {
  const ToyModel teacher(5), innocent = ToyModel::Relative(teacher, 6);
  std::mt19937_64 answers(4);
  std::vector<ToyText> texts;
  for (int i = 0; i < 100; ++i) texts.push_back(WriteToy(innocent, nullptr, 102, answers));
  const SuspectEvidence evidence = ToyEvidence(texts, {}, Showing::kClosed, nullptr, teacher);
  Tally in_order, by_colour;
  for (uint32_t i = 0; i < 2000; ++i) {
    const ToyKeys key(GreenToy(), "toy-filter", i);
    std::mt19937_64 random(i);
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> log, chosen;
    for (int n = 0; n < 10; ++n) {
      const ToyText served = WriteToy(teacher, &key.marker, 62, random);
      for (size_t t = 2; t < served.size(); ++t) {
        const std::pair<uint32_t, uint32_t> window{served[t - 2], served[t - 1]};
        log.emplace(window, static_cast<uint32_t>(log.size()));
        // Control: a window is taken only where what is most probable after it came out green.
        const auto list = innocent.After(window.first, window.second);
        const auto best = static_cast<uint32_t>(std::max_element(list.begin(), list.end()) - list.begin());
        const uint32_t* at = served.data() + t - 2;
        uint64_t score = 0;
        key.layers.Score(GreenToy(), Layer::kProvider, &at, &best, 1, &score);
        if (score != 0) chosen.emplace(window, static_cast<uint32_t>(chosen.size()));
      }
    }
    const auto rank_in = [](const auto& served) {
      return [&served](const uint32_t* window) -> std::optional<uint32_t> {
        const auto found = served.find({window[0], window[1]});
        return found == served.end() ? std::nullopt : std::optional(found->second);
      };
    };
    in_order.Add(MakeTrial(GreenToy(), key.layers, evidence, CoefficientRule::kResidual, false, rank_in(log)).Run(key.secret()).log10_p);
    by_colour.Add(MakeTrial(GreenToy(), key.layers, evidence, CoefficientRule::kRoot, false, rank_in(chosen)).Run(key.secret()).log10_p);
  }
  CHECK(in_order.AtMost());
  CHECK_FALSE(by_colour.AtMost());
}

// S7. False alarm: 2e-6, 2 checks of 1e-6.
TEST_CASE("marked prompts and a suspect that copies: windows of prompts are left out, or innocence is not seen") {
  const ToyModel teacher(7), innocent = ToyModel::Relative(teacher, 8);
  Tally strict, naive;
  for (uint32_t i = 0; i < 2000; ++i) {
    const ToyKeys key(GreenToy(), "toy-copy", i);
    std::mt19937_64 random(i);
    std::vector<ToyText> prompts, texts;
    ToyText all;
    for (int n = 0; n < 8; ++n) {
      prompts.push_back(WriteToy(teacher, &key.marker, 60, random));
      all.insert(all.end(), prompts.back().begin(), prompts.back().end());
      // It copies from every prompt of the run, not only from its own: as a suspect that keeps a cache would.
      texts.push_back(WriteToy(innocent, nullptr, 80, random, &all));
    }
    const SuspectEvidence evidence = ToyEvidence(texts, prompts, Showing::kClosed, nullptr, innocent);
    strict.Add(MakeTrial(GreenToy(), key.layers, evidence, CoefficientRule::kResidual, true).Run(key.secret()).log10_p);
    naive.Add(MakeTrial(GreenToy(), key.layers, evidence, CoefficientRule::kResidual, false).Run(key.secret()).log10_p);
  }
  CHECK(WithinBinomialBand(strict.at_5, strict.keys, .05, kFalseAlarm));
  CHECK(WithinBinomialBand(strict.at_1, strict.keys, .01, kFalseAlarm));
  CHECK(naive.Share5() > .2);
}

// S8. False alarm: 2e-6, 2 checks of 1e-6.
TEST_CASE("twelve looks at growing answers") {
  constexpr size_t kRows = 300, kLooks = 12, kKeys = 100'000;
  std::mt19937_64 random(9);
  std::vector<uint64_t> counts(kRows, 0);
  const NullLaw law = NullLaw::Bernoulli(1, 4);
  std::vector<std::vector<int32_t>> a(kLooks);
  std::array<std::array<Int128, kLooks>, 2> paid{}, unpaid{};
  size_t drawn = 0;
  for (size_t j = 0; j < kLooks; ++j) {
    for (const size_t size = size_t{30} << j; drawn < size; ++drawn) {
      ++counts[std::min<size_t>(kRows - 1, static_cast<size_t>(std::exp(static_cast<double>(random() >> 11) * 0x1p-53 * std::log(kRows))))];
    }
    for (const uint64_t count : counts) a[j].push_back(Quantise(static_cast<Int128>(std::floor(std::sqrt(static_cast<double>(count)) * 1024)), 1 << 20));
    Int128 largest = 0;
    for (const uint64_t count : counts) largest = std::max<Int128>(largest, static_cast<Int128>(std::sqrt(static_cast<double>(count)) * 1024));
    for (size_t r = 0; r < kRows; ++r) a[j][r] = Quantise(static_cast<Int128>(std::sqrt(static_cast<double>(counts[r])) * 1024), largest);
    const auto levels = LevelsOf(a[j]);
    for (size_t level = 0; level < 2; ++level) {
      const double log10_alpha = level == 0 ? std::log10(.05) : -2;
      const double factor = std::log10(static_cast<double>((j + 1) * (j + 2)));
      const FixedCritical with = CriticalOf(law, levels, log10_alpha - factor), without = CriticalOf(law, levels, log10_alpha);
      paid[level][j] = with.attainable ? with.statistic : Int128{1} << 100;
      unpaid[level][j] = without.attainable ? without.statistic : Int128{1} << 100;
    }
  }
  std::array<uint64_t, 2> hits{}, naive{};
  for (size_t key = 0; key < kKeys; ++key) {
    std::array<int64_t, kLooks> T{};
    for (size_t r = 0; r < kRows; r += 32) {
      const uint64_t bits = random();
      for (size_t i = 0; i < 32 && r + i < kRows; ++i) {
        if ((bits >> (2 * i) & 3) != 0) continue;
        for (size_t j = 0; j < kLooks; ++j) T[j] += a[j][r + i];
      }
    }
    for (size_t level = 0; level < 2; ++level) {
      bool any = false, any_naive = false;
      for (size_t j = 0; j < kLooks; ++j) {
        any = any || T[j] >= paid[level][j];
        any_naive = any_naive || T[j] >= unpaid[level][j];
      }
      hits[level] += any;
      naive[level] += any_naive;
    }
  }
  CHECK(AtMostBinomial(hits[0], kKeys, .05, kFalseAlarm));
  CHECK(AtMostBinomial(hits[1], kKeys, .01, kFalseAlarm));
  CHECK(hits[0] > kKeys / 200);  // and it is no empty test
  CHECK_FALSE(AtMostBinomial(naive[0], kKeys, .05, kFalseAlarm));
  CHECK_FALSE(AtMostBinomial(naive[1], kKeys, .01, kFalseAlarm));
}

// S9.
TEST_CASE("a reference equal to the suspect leaves nothing to test") {
  const ToyModel model(11);
  std::mt19937_64 random(1);
  std::vector<ToyText> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(WriteToy(model, nullptr, 80, random));
  const SuspectEvidence evidence = ToyEvidence(texts, {}, Showing::kClosed, &model, model);
  const ToyKeys key(GreenToy(), "toy-equal", 0);
  Trial trial = MakeTrial(GreenToy(), key.layers, evidence, CoefficientRule::kDifference);
  CHECK(trial.weights().size() == 1);
  CHECK(trial.weights()[0] == 256);
  CHECK(trial.scored() == 0);
  CHECK(trial.Run(key.secret()).log10_p == 0);
}

// S15. False alarm: 3.6e-5, 3 levels, 4 schemes, 3 rules of 1e-6.
TEST_CASE("suspects of all four schemes: null over keys, and marked answers are found") {
  const ToyModel teacher(13), innocent = ToyModel::Relative(teacher, 14);
  for (const Scheme* scheme : Schemes()) {
    CAPTURE(scheme->name);
    const Profile profile = ToyProfile(*scheme);
    std::mt19937_64 random(15);
    std::vector<ToyText> texts;
    for (int i = 0; i < 40; ++i) texts.push_back(WriteToy(innocent, nullptr, 80, random));
    const SuspectEvidence evidence = ToyEvidence(texts, {}, Showing::kClosed, &innocent, teacher);
    const ToyKeys any(profile, "toy-any", 0);
    for (const CoefficientRule rule : {CoefficientRule::kRoot, CoefficientRule::kResidual, CoefficientRule::kDifference}) {
      CAPTURE(RuleName(rule));
      Trial trial = MakeTrial(profile, any.layers, evidence, rule);
      std::array<FixedCritical, 3> critical;
      std::array<uint64_t, 3> counts{};
      for (size_t i = 0; i < 3; ++i) critical[i] = CriticalOf(trial.law(), trial.levels(), -1.0 - static_cast<double>(i));
      constexpr uint32_t kKeys = 4000;
      for (uint32_t i = 0; i < kKeys; ++i) {
        const Int128 statistic = trial.Score(TestKey("toy-null", i).secret()).statistic;
        for (size_t level = 0; level < 3; ++level) counts[level] += critical[level].attainable && statistic >= critical[level].statistic;
      }
      for (size_t level = 0; level < 3; ++level) {
        // Scores of gumbel are rounded down and so fall short of the law by less than any test could see.
        CHECK_MESSAGE(WithinBinomialBand(counts[level], kKeys, std::pow(10, critical[level].log10_size), kFalseAlarm), counts[level] << " at level " << level);
      }
    }
    // A suspect that answers as the marked teacher does in half of its tokens.
    std::vector<ToyText> guilty;
    const ToyKeys key(profile, "toy-guilty", 1);
    for (int i = 0; i < 40; ++i) guilty.push_back(WriteToy(teacher, i % 2 == 0 ? &key.marker : nullptr, 80, random));
    const SuspectEvidence trace = ToyEvidence(guilty, {}, Showing::kClosed, nullptr, teacher);
    for (const CoefficientRule rule : {CoefficientRule::kRoot, CoefficientRule::kResidual}) {
      CHECK(MakeTrial(profile, key.layers, trace, rule).Run(key.secret()).log10_p < -6);
    }
  }
}

TEST_CASE("a line-up of a fixed and of a sequential test") {
  const ToyModel teacher(17), innocent = ToyModel::Relative(teacher, 18);
  const ToyKeys key(GreenToy(), "toy-line-up", 3);
  std::mt19937_64 random(19);
  std::vector<ToyText> marked, unmarked;
  for (int i = 0; i < 40; ++i) marked.push_back(WriteToy(teacher, &key.marker, 80, random)), unmarked.push_back(WriteToy(innocent, nullptr, 80, random));
  const DecoyKeys decoys(Digest{1}, Digest{2});
  for (const bool guilty : {true, false}) {
    const SuspectEvidence closed = ToyEvidence(guilty ? marked : unmarked, {}, Showing::kClosed, nullptr, teacher);
    Trial fixed = MakeTrial(GreenToy(), key.layers, closed, CoefficientRule::kResidual);
    const auto line_up = RunTrialLineUp(fixed, key.file.key, decoys, 999);
    REQUIRE(line_up);
    CHECK(line_up->law.passed);
    CHECK(std::fabs(line_up->mean_z) < 0.2);  // 6 standard errors. False alarm: 2e-9.
    CHECK((line_up->rank.at_least == 0) == guilty);
    CHECK((line_up->real.log10_p < -6) == guilty);
    CHECK(RunTrialLineUp(fixed, key.file.key, decoys, 2'000'000).error().kind == ErrorKind::kInvalidArgument);
    const SuspectEvidence reading = ToyEvidence(marked, {}, Showing::kReading, guilty ? &teacher : &innocent, teacher);
    Trial sequential = MakeTrial(GreenToy(), key.layers, reading, CoefficientRule::kFirst);
    CHECK(sequential.status() == TrialStatus::kAnytime);
    const auto second = RunTrialLineUp(sequential, key.file.key, decoys, 199);
    REQUIRE(second);
    CHECK(second->law.passed);
    CHECK(second->real.log10_p > -3);  // predictions without a mark: nothing, for either
  }
}
