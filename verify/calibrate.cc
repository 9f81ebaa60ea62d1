// Each document is judged alone: its tuples once each, or, under first-seen, those that no document before it had, which
// makes documents independent under one key. Beside that, one Evidence over all documents counts in how many of them each
// tuple lies; from those counts follow the overlap and the stop tuples, exactly, in memory of the distinct tuples.
//
// Tested by tests/verify/calibrate_test.cc (P9, P10, P19; built overlaps).
#include "verify/calibrate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <openssl/crypto.h>

#include "verify/law.h"

namespace verdigris::verify {
namespace {

constexpr uint32_t kMostRandomKeys = 10000;
constexpr std::string_view kRandomKeys = "calibrate";

std::array<bool, kCalibrationLevels.size()> LevelsReached(double log10_p) {
  std::array<bool, kCalibrationLevels.size()> reached;
  for (size_t i = 0; i < reached.size(); ++i) reached[i] = log10_p <= kCalibrationLevels[i];
  return reached;
}

// p of the same law and n is asked for again and again: a table of critical values instead.
class Critical {
 public:
  explicit Critical(const NullLaw& law) : law_(law) {}
  const std::array<ExactSize, kCalibrationLevels.size()>& At(uint64_t n) {
    auto [entry, added] = sizes_.try_emplace(n);
    if (added) {
      for (size_t i = 0; i < kCalibrationLevels.size(); ++i) entry->second[i] = SizeOf(law_, n, kCalibrationLevels[i]);
    }
    return entry->second;
  }

 private:
  NullLaw law_;
  std::map<uint64_t, std::array<ExactSize, kCalibrationLevels.size()>> sizes_;
};

bool Reaches(const ExactSize& size, Statistic statistic) { return size.attainable && statistic >= size.critical; }

}  // namespace

Result<KeysOnText> CalibrateOnText(KeyScorer& scorer, const DecoyKeys& keys, uint32_t count) {
  if (count == 0 || count > kMostDecoys) {
    return Fail(ErrorKind::kInvalidArgument, "keys must be in [1," + std::to_string(kMostDecoys) + "], got " + std::to_string(count));
  }
  KeysOnText out;
  out.n = scorer.size();
  out.keys = count;
  const auto& sizes = Critical(scorer.law()).At(out.n);
  for (size_t i = 0; i < out.levels.size(); ++i) out.levels[i] = {kCalibrationLevels[i], sizes[i].log10_size, 0, {}};
  uint8_t key[kKeyBytes];
  for (uint32_t i = 0; i < count; ++i) {
    keys.Get(i, key);
    const Statistic statistic = scorer.Score(key).statistic;
    for (size_t a = 0; a < out.levels.size(); ++a) out.levels[a].count += Reaches(sizes[a], statistic);
  }
  for (auto& level : out.levels) level.band = ClopperPearson(count, level.count, kCalibrationBandLevel);
  out.law = CheckLaw(scorer.law(), out.n, count, {out.levels[0].count, out.levels[1].count, out.levels[2].count});
  return out;
}

CorpusCalibrator::CorpusCalibrator(const JudgeKeys& keys, const CalibrateOptions& options)
    : keys_(keys), options_(options), law_(keys.profile().scheme().null_law(keys.profile())), evidence_(keys.profile().window()) {
  for (const JudgeKeys::Test& test : keys.tests()) {
    Calibration::Test& out = tests_.emplace_back();
    if (test.provider) out.kids.push_back(test.layers.kid(Layer::kProvider));
    if (test.account) out.kids.push_back(test.layers.kid(Layer::kAccount));
  }
}

Result<CorpusCalibrator> CorpusCalibrator::Create(const JudgeKeys& keys, const CalibrateOptions& options) {
  if (options.min_scored == 0) return Fail(ErrorKind::kInvalidArgument, "min_scored must be at least 1, got 0");
  if (options.random_keys > kMostRandomKeys) {
    return Fail(ErrorKind::kInvalidArgument, "random keys must be at most " + std::to_string(kMostRandomKeys) + ", got " + std::to_string(options.random_keys));
  }
  return CorpusCalibrator(keys, options);
}

void CorpusCalibrator::TestDocument(std::span<const uint32_t> ids, std::span<const size_t> positions) {
  const Profile& profile = keys_.profile();
  std::vector<const uint32_t*> windows;
  for (const size_t t : positions) windows.push_back(&ids[t - profile.window()]);
  std::vector<Layer> assigned(windows.size());
  if (!keys_.without_selector()) keys_.tests().front().layers.Assign(profile, windows.data(), windows.size(), assigned.data());
  std::vector<const uint32_t*> of_layer;
  std::vector<uint32_t> tokens;
  std::vector<uint64_t> scores;
  for (size_t i = 0; i < tests_.size(); ++i) {
    const JudgeKeys::Test& test = keys_.tests()[i];
    uint64_t n = 0;
    Statistic statistic = 0;
    for (const auto& [layer, used] : {std::pair{Layer::kProvider, test.provider}, std::pair{Layer::kAccount, test.account}}) {
      if (!used) continue;
      of_layer.clear();
      tokens.clear();
      for (size_t j = 0; j < positions.size(); ++j) {
        if (!keys_.without_selector() && assigned[j] != layer) continue;
        of_layer.push_back(windows[j]);
        tokens.push_back(ids[positions[j]]);
      }
      scores.resize(tokens.size());
      test.layers.Score(profile, layer, of_layer.data(), tokens.data(), tokens.size(), scores.data());
      n += tokens.size();
      for (const uint64_t score : scores) statistic += score;
    }
    if (n < options_.min_scored) continue;
    ++tests_[i].tested;
    const auto reached = LevelsReached(Log10UpperTail(law_, n, statistic));
    for (size_t a = 0; a < reached.size(); ++a) tests_[i].rates[a].count += reached[a];
  }
}

Result<void> CorpusCalibrator::Add(std::span<const uint8_t> content, std::span<const uint32_t> ids) {
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(ids));
  if (texts_.size() == kMostCalibrationTexts) {
    return Fail(ErrorKind::kLimit, "more than " + std::to_string(kMostCalibrationTexts) + " documents");
  }
  const Profile& profile = keys_.profile();
  content_.Add(content);
  const Digest digest = Sha256(content);
  Calibration::Text text;
  std::copy_n(digest.begin(), text.size(), text.begin());
  texts_.push_back(text);
  tokens_ += ids.size();

  std::vector<PositionState> states;
  ClassifyPositions(ids, profile.window(), profile.special_ids(), options_.rule, states);
  Evidence own(profile.window());
  std::vector<size_t> row_at;
  own.AddText(ids, states, 0, &row_at);
  // Each tuple once: then the occurrences in the corpus are numbers of documents.
  std::vector<size_t> distinct;
  for (size_t t = 0; t < ids.size(); ++t) {
    if (row_at[t] == Evidence::kNone) {
      if (states[t] == PositionState::kEligible) states[t] = PositionState::kRepeated;
    } else {
      distinct.push_back(t);
    }
  }
  ++documents_;
  // What is too short to be tested claims no tuples and shares none.
  if (distinct.size() < options_.min_scored) return {};
  evidence_.AddText(ids, states, long_enough_++, &row_at);
  if (options_.assign == Assign::kFirstSeen) std::erase_if(distinct, [&](size_t t) { return row_at[t] == Evidence::kNone; });
  TestDocument(ids, distinct);
  if (options_.random_keys > 0 && distinct.size() >= options_.min_scored) {
    std::vector<uint32_t>& rows = rows_of_.emplace_back();
    for (const size_t t : distinct) rows.push_back(static_cast<uint32_t>(evidence_.FindRow(&ids[t - profile.window()])));
  }
  return {};
}

Result<Calibration::RandomKeys> CorpusCalibrator::TryRandomKeys() const {
  const Profile& profile = keys_.profile();
  Calibration::RandomKeys out;
  out.keys = options_.random_keys;
  out.tested = rows_of_.size();
  out.pooled_n = evidence_.size();
  // Rows in their own order: rows_of_ names them so.
  Tuples tuples;
  for (size_t row = 0; row < evidence_.size(); ++row) {
    tuples.windows.push_back(evidence_.window_of(row));
    tuples.ids.push_back(evidence_.id_of(row));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(KeyScorer scorer, KeyScorer::Create(profile, tuples));
  const DecoyKeys keys(TaggedHash("decoy-seed", {AsBytes(kRandomKeys), content_.Value()}));
  Critical critical(law_);
  std::array<std::vector<uint64_t>, kCalibrationLevels.size()> counts;
  std::vector<uint64_t> scores(tuples.size());
  uint8_t key[kKeyBytes];
  for (uint32_t i = 0; i < options_.random_keys; ++i) {
    keys.Get(i, key);
    scorer.ScoreEach(key, scores.data());
    Statistic pooled = 0;
    for (const uint64_t score : scores) pooled += score;
    for (size_t a = 0; a < out.pooled_counts.size(); ++a) out.pooled_counts[a] += Reaches(critical.At(tuples.size())[a], pooled);
    std::array<uint64_t, kCalibrationLevels.size()> reached{};
    for (const std::vector<uint32_t>& rows : rows_of_) {
      Statistic statistic = 0;
      for (const uint32_t row : rows) statistic += scores[row];
      const auto& sizes = critical.At(rows.size());
      for (size_t a = 0; a < reached.size(); ++a) reached[a] += Reaches(sizes[a], statistic);
    }
    for (size_t a = 0; a < reached.size(); ++a) counts[a].push_back(reached[a]);
  }
  for (size_t a = 0; a < counts.size(); ++a) {
    std::sort(counts[a].begin(), counts[a].end());
    const auto at = [&](double share) {
      const auto place = static_cast<size_t>(share * static_cast<double>(counts[a].size() - 1) + 0.5);
      return static_cast<double>(counts[a][place]) / static_cast<double>(std::max<uint64_t>(1, out.tested));
    };
    out.rates[a] = {at(.05), at(.95)};
  }
  out.passed = CheckLaw(law_, tuples.size(), out.keys, out.pooled_counts).passed;
  return out;
}

Result<Calibration> CorpusCalibrator::Finish() {
  uint64_t tested = 0;
  for (const Calibration::Test& test : tests_) tested = std::max(tested, test.tested);
  if (tested < 2) {
    return Fail(ErrorKind::kFailedPrecondition, "at least 2 documents with " + std::to_string(options_.min_scored) + " scored tuples are needed, got " + std::to_string(tested));
  }
  const Profile& profile = keys_.profile();
  Calibration out;
  out.scheme_id = profile.scheme_id();
  out.profile = profile.digest();
  out.content = content_.Value();
  out.rule = options_.rule;
  out.assign = options_.assign;
  out.min_scored = options_.min_scored;
  out.documents = documents_;
  out.tokens = tokens_;
  out.overlap = OverlapOf(evidence_, long_enough_);
  const double rho = std::min(out.overlap.rho(), 1 - 1e-9);
  for (size_t a = 0; a < kCalibrationLevels.size(); ++a) {
    const double alpha = std::pow(10, kCalibrationLevels[a]);
    out.predicted[a] = {RateOfKey(rho, alpha, -kKeyQuantile), RateOfKey(rho, alpha, kKeyQuantile)};
  }
  out.tests = tests_;
  for (Calibration::Test& test : out.tests) {
    for (Calibration::Rate& rate : test.rates) {
      if (test.tested > 0) rate.band = ClopperPearson(test.tested, rate.count, kCalibrationBandLevel);
    }
  }
  if (options_.random_keys > 0) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.random_keys, TryRandomKeys());
  }
  out.stop_bound = StopBound(evidence_, long_enough_);
  out.texts = texts_;
  std::sort(out.texts.begin(), out.texts.end());
  out.texts.erase(std::unique(out.texts.begin(), out.texts.end()), out.texts.end());
  return out;
}

}  // namespace verdigris::verify
