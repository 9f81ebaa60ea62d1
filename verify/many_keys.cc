// One Prf takes key after key, so a key costs its derivation, two key schedules and its draws, and no allocation. Tuples
// are scored in batches; the futility bound is looked at after every tuple all the same, so batch sizes change nothing.
//
// Tested by tests/verify/many_keys_test.cc.
#include "verify/many_keys.h"

#include <algorithm>

#include "verify/law.h"

namespace verdigris::verify {
namespace {

constexpr size_t kBatch = 256;
constexpr size_t kBatchWithFutility = 64;  // some hundred tuples end most wrong keys, and what is scored beyond is lost

}  // namespace

Tuples TuplesOf(const Evidence& evidence) {
  Tuples tuples;
  tuples.windows.reserve(evidence.size());
  tuples.ids.reserve(evidence.size());
  for (const size_t row : evidence.InOrder()) {
    tuples.windows.push_back(evidence.window_of(row));
    tuples.ids.push_back(evidence.id_of(row));
  }
  return tuples;
}

Tuples TuplesOf(const Evidence& evidence, const Profile& profile, const Layers& layers, Layer layer) {
  const Tuples all = TuplesOf(evidence);
  std::vector<Layer> assigned(all.size());
  layers.Assign(profile, all.windows.data(), all.size(), assigned.data());
  Tuples tuples;
  for (size_t i = 0; i < all.size(); ++i) {
    if (assigned[i] != layer) continue;
    tuples.windows.push_back(all.windows[i]);
    tuples.ids.push_back(all.ids[i]);
  }
  return tuples;
}

KeyScorer::KeyScorer(const Profile& profile, const Tuples& tuples, Prf prf, std::vector<Statistic> bounds)
    : profile_(profile), law_(profile.scheme().null_law(profile)), tuples_(tuples), prf_(std::move(prf)), bounds_(std::move(bounds)) {}

Result<KeyScorer> KeyScorer::Create(const Profile& profile, const Tuples& tuples, std::optional<Futility> futility) {
  std::vector<Statistic> bounds;
  if (futility) {
    VERDIGRIS_ASSIGN_OR_RETURN(bounds, FutilityBounds(profile.scheme().null_law(profile), tuples.size(), *futility));
  }
  static constexpr uint8_t kNoKey[kKeyBytes] = {};  // Score() sets one
  VERDIGRIS_ASSIGN_OR_RETURN(Prf prf, Prf::Create(Key(kNoKey)));
  return KeyScorer(profile, tuples, std::move(prf), std::move(bounds));
}

void KeyScorer::ScoreRange(size_t start, size_t count, uint64_t* scores) {
  Tag tags[kBatch];
  prf_.mac().Tags(tuples_.windows.data() + start, profile_.window(), count, tags);
  profile_.scheme().score(profile_, prf_, {tags, count}, {tuples_.ids.data() + start, count}, scores);
}

void KeyScorer::ScoreEach(std::span<const uint8_t, kKeyBytes> layer_key, uint64_t* scores) {
  prf_.Rekey(layer_key);
  for (size_t start = 0; start < tuples_.size(); start += kBatch) {
    ScoreRange(start, std::min(kBatch, tuples_.size() - start), scores + start);
  }
}

void KeyScorer::ScoreInPieces(std::span<const uint8_t, kKeyBytes> layer_key,
                              const std::function<void(size_t, std::span<const uint64_t>)>& take) {
  prf_.Rekey(layer_key);
  uint64_t scores[kBatch];
  for (size_t start = 0; start < tuples_.size(); start += kBatch) {
    const size_t count = std::min(kBatch, tuples_.size() - start);
    ScoreRange(start, count, scores);
    take(start, {scores, count});
  }
}

KeyScorer::Outcome KeyScorer::Score(std::span<const uint8_t, kKeyBytes> layer_key) {
  prf_.Rekey(layer_key);
  Outcome outcome;
  uint64_t scores[kBatch];
  const size_t step = bounds_.empty() ? kBatch : kBatchWithFutility;
  for (size_t start = 0; start < tuples_.size(); start += step) {
    const size_t batch = std::min(step, tuples_.size() - start);
    ScoreRange(start, batch, scores);
    for (size_t i = 0; i < batch; ++i) {
      outcome.statistic += scores[i];
      ++outcome.scored;
      if (!bounds_.empty() && outcome.statistic < bounds_[outcome.scored]) {
        outcome.dropped = true;
        return outcome;
      }
    }
  }
  return outcome;
}

double KeyScorer::Log10P(const Outcome& outcome) const {
  return outcome.dropped ? 0 : Log10UpperTail(law_, tuples_.size(), outcome.statistic);
}

}  // namespace verdigris::verify
