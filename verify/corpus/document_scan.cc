// The walk is that of every other test: PositionClassifier says which positions count and which of them bring a new tuple, Layers
// whose windows are whose and what they score. Only the buffers are kept from document to document.
//
// Tested by tests/verify/corpus/document_scan_test.cc (against JudgeText, every scheme, both rules).
#include "verify/corpus/document_scan.h"

#include <algorithm>
#include <numeric>

#include "verify/law.h"

namespace verdigris::verify {
namespace {

// Counted in bytes as long as they cannot overflow: sixteen positions an addition.
uint64_t CountOf(PositionState state, std::span<const PositionState> states) {
  uint64_t count = 0;
  while (!states.empty()) {
    const auto some = states.first(std::min<size_t>(states.size(), 240));
    uint8_t of_some = 0;
    for (const PositionState one : some) of_some = static_cast<uint8_t>(of_some + (one == state));
    count += of_some;
    states = states.subspan(some.size());
  }
  return count;
}

Statistic SumOf(const NullLaw& law, std::span<const uint64_t> scores) {
  if (LargestStatistic(law, scores.size()) > UINT64_MAX) return std::accumulate(scores.begin(), scores.end(), Statistic{0});
  return std::accumulate(scores.begin(), scores.end(), uint64_t{0});
}

}  // namespace

DocumentScanner::DocumentScanner(const JudgeKeys& keys, Rule rule, const StopList* stop_list)
    : keys_(keys), rule_(rule), stop_list_(stop_list), law_(keys.profile().scheme().null_law(keys.profile())),
      scores_(2 * keys.tests().size()), results_(keys.tests().size()) {}

void DocumentScanner::ScoreLayer(const JudgeKeys::Test& test, Layer layer, LayerScores& out) {
  const size_t h = keys_.profile().window();
  const bool all = layers_.empty();
  out.positions.resize(tuples_.size());
  windows_.resize(tuples_.size());
  tokens_.resize(tuples_.size());
  // Of their own, not members: stores through the one vector say nothing of the others' places.
  const uint32_t* const ids = ids_.data();
  uint32_t* const positions = out.positions.data();
  const uint32_t** const windows = windows_.data();
  uint32_t* const tokens = tokens_.data();
  size_t count = 0;
  for (size_t i = 0; i < tuples_.size(); ++i) {
    const uint32_t t = tuples_[i];
    positions[count] = t;
    windows[count] = ids + t - h;
    tokens[count] = ids[t];
    count += all || layers_[i] == layer;
  }
  out.positions.resize(count);
  out.scores.resize(count);
  test.layers.Score(keys_.profile(), layer, windows_.data(), tokens_.data(), count, out.scores.data());
}

Result<std::span<const DocumentScore>> DocumentScanner::Scan(std::span<const uint32_t> ids) {
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(ids));
  const Profile& profile = keys_.profile();
  const size_t h = profile.window();
  ids_ = ids;
  classifier_.Classify(ids, h, profile.special_ids(), rule_, states_);
  if (stop_list_ != nullptr) stop_list_->Drop(ids, states_);
  classifier_.FirstOfEachTuple(ids, h, rule_, states_, tuples_);
  layers_.clear();
  if (profile.needs_selector() && !keys_.without_selector()) {
    windows_.clear();
    for (const uint32_t t : tuples_) windows_.push_back(&ids[t - h]);
    layers_.resize(tuples_.size());
    keys_.tests().front().layers.Assign(profile, windows_.data(), windows_.size(), layers_.data());
  }

  Counts counts;
  counts.tokens = ids.size();
  const auto of_state = [&](PositionState state) { return CountOf(state, states_); };
  counts.short_ = of_state(PositionState::kShort);
  counts.special = of_state(PositionState::kSpecial);
  counts.repeated = of_state(PositionState::kRepeated);
  counts.duplicate = of_state(PositionState::kEligible) - tuples_.size();
  uint32_t above = 0;
  for (const uint32_t id : ids) above += id >= profile.vocab();
  ids_above_vocab_ = above;

  for (size_t i = 0; i < results_.size(); ++i) {
    const JudgeKeys::Test& test = keys_.tests()[i];
    DocumentScore& result = results_[i];
    result = {counts, 0, 0, 0};
    for (const auto& [layer, used, scores] : {std::tuple{Layer::kProvider, test.provider, &scores_[2 * i]},
                                              std::tuple{Layer::kAccount, test.account, &scores_[2 * i + 1]}}) {
      if (!used) continue;
      ScoreLayer(test, layer, *scores);
      result.n += scores->scores.size();
      result.statistic += SumOf(law_, scores->scores);
    }
    // Without selector a position is scored under both layers, and is one position.
    result.counts.scored = layers_.empty() ? tuples_.size() : result.n;
    result.counts.other_layer = tuples_.size() - result.counts.scored;
    result.log10_p = Log10UpperTail(law_, result.n, result.statistic);
  }
  return std::span<const DocumentScore>(results_);
}

std::vector<std::array<uint32_t, 2>> DocumentScanner::FindSpans(size_t test, double log10_alpha) {
  const LayerScores& a = scores_[2 * test];
  const LayerScores& b = scores_[2 * test + 1];
  const bool has_a = keys_.tests()[test].provider, has_b = keys_.tests()[test].account;
  const size_t size_a = has_a ? a.scores.size() : 0, size_b = has_b ? b.scores.size() : 0;
  std::vector<uint64_t> scores;
  std::vector<uint32_t> positions;
  scores.reserve(size_a + size_b);
  positions.reserve(size_a + size_b);
  for (size_t i = 0, j = 0; i < size_a || j < size_b;) {
    const bool from_a = j == size_b || (i < size_a && a.positions[i] <= b.positions[j]);
    scores.push_back(from_a ? a.scores[i] : b.scores[j]);
    positions.push_back(from_a ? a.positions[i++] : b.positions[j++]);
  }
  std::vector<std::array<uint32_t, 2>> spans;
  for (const Segment& segment : FindSegments(law_, scores, log10_alpha)) {
    spans.push_back({positions[segment.first], positions[segment.last - 1] + 1});
  }
  std::sort(spans.begin(), spans.end());
  return spans;
}

void DocumentScanner::GroupTuples(size_t test, const std::array<const Fingerprinter*, 2>& fingerprinters, int sample_log2,
                                  std::vector<SampledTuple>& out) {
  const JudgeKeys::Test& of = keys_.tests()[test];
  for (const auto& [layer, used, fingerprinter] : {std::tuple{Layer::kProvider, of.provider, fingerprinters[0]},
                                                   std::tuple{Layer::kAccount, of.account, fingerprinters[1]}}) {
    if (used) SampleTuples(keys_.profile(), of.layers, layer, *fingerprinter, ids_, states_, sample_log2, out);
  }
}

}  // namespace verdigris::verify
