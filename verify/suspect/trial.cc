// A fixed test keeps the rows of its layer whose coefficient is not 0; T is then one pass over their scores. A sequential
// test keeps the same rows in the order in which windows entered, and runs the e-process.
//
// Tested by tests/verify/suspect/trial_test.cc.
#include "verify/suspect/trial.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>


namespace verdigris::verify {
namespace {

// Rank of a window of another layer, or outside the log.
constexpr uint64_t kOut = std::numeric_limits<uint64_t>::max();

}  // namespace

std::string_view TrialStatusName(TrialStatus status) {
  return status == TrialStatus::kExact ? "exact" : status == TrialStatus::kBound ? "bound" : "anytime";
}

Result<Trial> Trial::Create(const Profile& profile, const Layers& layers, const SuspectEvidence& evidence, const TrialOptions& options) {
  const bool sequential = IsSequential(options.rule) || options.log_rank != nullptr;

  // Sets of coefficients: one, or for sequential rules with two references or more each alone and their mean.
  std::vector<std::vector<int32_t>> sets;
  std::vector<int32_t> weights;
  std::vector<CoefficientOptions> choices = {options.coefficients};
  if (IsSequential(options.rule) && NeedsReference(options.rule)) {
    std::vector<size_t> used;
    for (size_t k = 0; k < evidence.options().references; ++k) used.push_back(k);
    if (options.coefficients.references) used = *options.coefficients.references;
    if (used.size() > 1) {
      for (const size_t k : used) {
        choices.push_back(options.coefficients);
        choices.back().references = std::vector<size_t>{k};
      }
    }
  }
  for (const CoefficientOptions& choice : choices) {
    VERDIGRIS_ASSIGN_OR_RETURN(RowCoefficients made, MakeCoefficients(evidence, options.rule, choice));
    if (weights.empty()) weights = made.weights;
    sets.push_back(std::move(made.values));
  }

  std::vector<const uint32_t*> windows(evidence.windows());
  for (size_t i = 0; i < windows.size(); ++i) windows[i] = evidence.window(i);
  std::vector<Layer> assigned(windows.size());
  layers.Assign(profile, windows.data(), windows.size(), assigned.data());
  std::vector<uint64_t> rank(windows.size());
  for (size_t i = 0; i < windows.size(); ++i) {
    rank[i] = assigned[i] == options.layer ? 0 : kOut;
    if (rank[i] == kOut || options.log_rank == nullptr) continue;
    const std::optional<uint32_t> at = options.log_rank(windows[i]);
    rank[i] = at ? *at : kOut;
  }

  std::vector<uint32_t> order = sequential && options.log_rank == nullptr ? evidence.InOrder() : evidence.Sorted();
  if (options.log_rank != nullptr) {
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return rank[evidence.window_of(a)] < rank[evidence.window_of(b)]; });
  }

  uint64_t sum_squares = 0;
  for (const int32_t a : sets[0]) sum_squares += static_cast<uint64_t>(int64_t{a} * a);
  Tuples tuples;
  std::vector<uint32_t> rows;
  std::vector<size_t> window_ends;
  uint32_t last_window = std::numeric_limits<uint32_t>::max();
  for (const uint32_t r : order) {
    const uint32_t window = evidence.window_of(r);
    if (rank[window] == kOut || std::all_of(sets.begin(), sets.end(), [&](const auto& set) { return set[r] == 0; })) continue;
    tuples.windows.push_back(windows[window]);
    tuples.ids.push_back(evidence.id(r));
    rows.push_back(r);
    if (window != last_window) window_ends.push_back(0);
    window_ends.back() = rows.size();
    last_window = window;
  }
  for (std::vector<int32_t>& set : sets) {
    std::vector<int32_t> kept(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) kept[i] = set[rows[i]];
    set = std::move(kept);
  }

  const TrialRows::Kind kind = !sequential ? TrialRows::Kind::kFixed : IsSequential(options.rule) ? TrialRows::Kind::kSteps : TrialRows::Kind::kLog;
  VERDIGRIS_ASSIGN_OR_RETURN(Trial trial, OfRows(profile, {kind, std::move(tuples), std::move(window_ends), std::move(sets), sum_squares}));
  trial.weights_ = std::move(weights);
  return trial;
}

Result<Trial> Trial::OfRows(const Profile& profile, TrialRows rows) {
  const NullLaw law = profile.scheme().null_law(profile);
  VERDIGRIS_ASSIGN_OR_RETURN(KeyScorer scorer, KeyScorer::Create(profile, rows.tuples));
  Trial trial(law, std::move(scorer));
  trial.windows_ = rows.window_ends.size();
  trial.sum_squares_ = rows.sum_squares;
  trial.coefficients_ = rows.sets[0];
  trial.levels_ = LevelsOf(trial.coefficients_);
  const Moments moments = MomentsOf(law, trial.levels_);
  trial.mean_ = moments.mean;
  trial.deviation_ = moments.deviation;
  trial.kind_ = rows.kind;
  if (trial.sequential()) {
    constexpr double kScale = kMostCoefficient;
    const ScoreLaw score(law);
    // Nodes are those for the largest coefficient that there can be: whoever has the rows inside a filter alone makes the same.
    const Grid grid = rows.kind == TrialRows::Kind::kSteps
                          ? Grid::Steps(score)
                          : Grid::ByDeviation(score, static_cast<double>(rows.sum_squares) / (kScale * kScale), 1);
    trial.process_ = std::make_shared<const EProcess>(law, grid, std::move(rows.window_ends), std::move(rows.sets));
    trial.scores_.resize(trial.scored());
  }
  return trial;
}

TrialStatus Trial::status() const {
  if (sequential()) return TrialStatus::kAnytime;
  return law_.kind == NullLaw::Kind::kGamma ? TrialStatus::kBound : TrialStatus::kExact;
}

Trial::Scored Trial::Score(std::span<const uint8_t, kKeyBytes> layer_key) {
  Scored scored{};
  if (sequential()) {
    scorer_.ScoreEach(layer_key, scores_.data());
    scored.process = process_->Run(scores_);
    return scored;
  }
  scorer_.ScoreInPieces(layer_key, [&](size_t start, std::span<const uint64_t> scores) {
    for (size_t i = 0; i < scores.size(); ++i) scored.statistic += Int128{coefficients_[start + i]} * static_cast<Int128>(scores[i]);
  });
  return scored;
}

TrialOutcome Trial::Judge(const Scored& scored) const {
  TrialOutcome outcome;
  if (sequential()) {
    outcome.log10_p = std::min(0.0, -scored.process.ln_max / std::numbers::ln10);
    outcome.ln_e = scored.process.ln_end;
    return outcome;
  }
  outcome.statistic = scored.statistic;
  outcome.log10_p = Log10FixedP(law_, levels_, scored.statistic).log10_p;
  if (deviation_ > 0) outcome.z = (static_cast<double>(scored.statistic) - mean_) / deviation_;
  const double unit = law_.kind == NullLaw::Kind::kGamma ? 0x1p-32 : 1;
  outcome.ln_e = LnFixedE(ScoreLaw(law_), levels_, (static_cast<double>(scored.statistic) - mean_) * unit);
  return outcome;
}

Result<TrialLineUp> RunTrialLineUp(Trial& trial, const Key& real, const DecoyKeys& decoys, uint32_t count) {
  std::vector<Trial::Scored> all;
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t real_place, ForEachInLineUp(real, decoys, count, [&](std::span<const uint8_t, kKeyBytes> key) {
    all.push_back(trial.Score(key));
  }));
  TrialLineUp line_up;
  line_up.real = trial.Judge(all[real_place]);
  line_up.rank.decoys = count;
  std::array<LevelCount, 3> levels{};
  std::array<FixedCritical, 3> critical{};
  for (size_t i = 0; i < levels.size(); ++i) {
    const double log10_alpha = -1.0 - static_cast<double>(i);
    if (!trial.sequential()) critical[i] = CriticalOf(trial.law(), trial.levels(), log10_alpha);
    levels[i] = {log10_alpha, trial.sequential() ? log10_alpha : critical[i].log10_size, 0};
  }
  double sum = 0, squares = 0;
  for (uint64_t place = 0; place <= count; ++place) {
    if (place == real_place) continue;
    if (trial.sequential()) {
      line_up.rank.at_least += all[place].process.ln_max >= all[real_place].process.ln_max;
      for (LevelCount& level : levels) level.count += -all[place].process.ln_max <= level.log10_alpha * std::numbers::ln10;
      continue;
    }
    line_up.rank.at_least += all[place].statistic >= all[real_place].statistic;
    for (size_t i = 0; i < levels.size(); ++i) levels[i].count += critical[i].attainable && all[place].statistic >= critical[i].statistic;
    const double z = trial.deviation() > 0 ? (static_cast<double>(all[place].statistic) - trial.mean()) / trial.deviation() : 0;
    sum += z;
    squares += z * z;
  }
  if (count > 0) {
    line_up.mean_z = sum / count;
    line_up.sd_z = std::sqrt(std::max(0.0, squares / count - line_up.mean_z * line_up.mean_z));
  }
  line_up.law = CheckLevels(count, levels, trial.status() == TrialStatus::kExact);
  return line_up;
}

}  // namespace verdigris::verify
