// Many keys on one text: the engine behind attribution, decoys and calibration.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "verify/evidence.h"
#include "verify/futility.h"
#include "watermark/layers.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

// The tuples of one test, in the order of their first places, which no key decides. Points into the evidence.
struct Tuples {
  std::vector<const uint32_t*> windows;
  std::vector<uint32_t> ids;

  size_t size() const { return ids.size(); }
};

Tuples TuplesOf(const Evidence& evidence);
// Those whose window belongs to `layer`. Precondition: as Layers::Assign.
Tuples TuplesOf(const Evidence& evidence, const Profile& profile, const Layers& layers, Layer layer);

// Scores the same tuples under one key after another. One user at a time; several objects may run at once. Memory does
// not grow with the keys.
//
// Cost     about 2 us a key for derivation and key schedules, then the draws of `scored` tuples.
class KeyScorer {
 public:
  // Errors   as FutilityBounds. The tuples' windows must outlive the scorer.
  static Result<KeyScorer> Create(const Profile& profile, const Tuples& tuples, std::optional<Futility> futility = {});

  struct Outcome {
    Statistic statistic = 0;
    uint64_t scored = 0;   // tuples.size(), or the number after which the key was dropped
    bool dropped = false;  // p is 1
  };
  // `layer_key`: provider or account.
  Outcome Score(std::span<const uint8_t, kKeyBytes> layer_key);

  // The score of every tuple under one key: size() of them. Futility plays no part.
  void ScoreEach(std::span<const uint8_t, kKeyBytes> layer_key, uint64_t* scores);
  // The same in pieces: `take` gets the place of the first tuple of a piece and the piece's scores.
  void ScoreInPieces(std::span<const uint8_t, kKeyBytes> layer_key, const std::function<void(size_t, std::span<const uint64_t>)>& take);

  size_t size() const { return tuples_.size(); }
  const Tuples& tuples() const { return tuples_; }
  const NullLaw& law() const { return law_; }
  // log10 p of an outcome.
  double Log10P(const Outcome& outcome) const;

 private:
  void ScoreRange(size_t start, size_t count, uint64_t* scores);
  KeyScorer(const Profile& profile, const Tuples& tuples, Prf prf, std::vector<Statistic> bounds);

  Profile profile_;
  NullLaw law_;
  Tuples tuples_;
  Prf prf_;
  std::vector<Statistic> bounds_;  // empty without futility
};

}  // namespace verdigris::verify
