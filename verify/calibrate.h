// What a test is worth here: measured rates of p <= alpha over random keys on one text, and of one key over a corpus of
// texts that nobody marked (statistics.md 9; corpus.md C14).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/calibration_file.h"
#include "verify/content.h"
#include "verify/decoy.h"
#include "verify/document_counts.h"
#include "verify/evidence.h"
#include "verify/judge_keys.h"
#include "verify/many_keys.h"
#include "verify/overlap.h"

namespace verdigris::verify {

// Random keys on one text: the rate at each level should be its exact size.
struct KeysOnText {
  struct Level {
    double log10_alpha;
    double log10_size;  // exact; -inf where this n cannot reach the level
    uint64_t count;
    Band band;          // of count / keys, 99 %
  };
  uint64_t n = 0;     // tuples
  uint64_t keys = 0;
  std::array<Level, kCalibrationLevels.size()> levels{};
  LawCheck law{};     // false: kLawDoesNotHold
};

// `scorer` is without futility. 1 <= keys <= kMostDecoys.
// Cost: that of KeyScorer, 2 s for 100,000 keys on 1,000 tuples.
Result<KeysOnText> CalibrateOnText(KeyScorer& scorer, const DecoyKeys& keys, uint32_t count);

struct CalibrateOptions {
  Rule rule = Rule::kFirst;
  Assign assign = Assign::kDocument;
  uint64_t min_scored = 50;      // a test's document below it is not counted
  uint32_t random_keys = 0;      // measures the spread over keys as well
  uint64_t max_tokens = 50'000'000;
  bool groups = false;           // gives what the corpus gives for each group of documents too
  int sample_log2 = 0;           // tuples that overlap is measured on: below 2^(128 - sample_log2)
  // For them: sample_log2 rises where more are needed. As much again for what random keys give in each group: what is beyond goes
  // into kOtherGroup.
  uint64_t memory_bytes = uint64_t{2} << 30;
};

// SizeOf() at the levels of calibrations, of n that come again and again.
class CriticalValues {
 public:
  explicit CriticalValues(const NullLaw& law) : law_(law) {}
  // Stands for good.
  const std::array<ExactSize, kCalibrationLevels.size()>& At(uint64_t n);

 private:
  NullLaw law_;
  std::map<uint64_t, std::array<ExactSize, kCalibrationLevels.size()>> sizes_;
};

// A corpus of unmarked documents, one after another, under the tests of `keys`. Which document a tuple is given to under
// Assign::kFirstSeen follows the order of Add().
//
// Memory   `memory_bytes`, or twice that with groups and random keys; 16 bytes a document; 4 bytes a token with random keys; about 50
//          a distinct tuple under kFirstSeen.
class CorpusCalibrator {
 public:
  // Errors   kInvalidArgument: min_scored 0, more than 10,000 random keys.
  static Result<CorpusCalibrator> Create(const JudgeKeys& keys, const CalibrateOptions& options);

  // One document: its bytes as they were read (of ids: BytesOfIds), its ids, and the group it belongs to, which is UTF-8.
  // Errors   kInvalidArgument: an id >= 2^24; kLimit: more than kMostCalibrationTexts.
  Result<void> Add(std::span<const uint8_t> content, std::span<const uint32_t> ids, std::string_view group = {});
  void AddFailed() { content_.AddFailed(); }

  // False where max_tokens or kMostCalibrationTexts is reached: give no more.
  bool WantsMore() const { return tokens_ < options_.max_tokens && texts_.size() < kMostCalibrationTexts; }

  // Errors   kFailedPrecondition: fewer than two documents with min_scored tuples.
  Result<Calibration> Finish();
  // The tuples of more documents than `calibration` bounds; without a bound, none.
  // Errors   kFailedPrecondition: not all tuples were counted.
  Result<StopList> MakeStopList(const Calibration& calibration);

 private:
  // Of the documents of a group, or of all.
  struct Tally {
    uint64_t documents = 0;
    uint64_t long_enough = 0;  // with min_scored distinct tuples
    std::vector<CalibrationPart::Test> tests;
    // Random keys: documents of each with p <= alpha, at each level, and documents tested under each.
    std::array<std::vector<uint32_t>, kCalibrationLevels.size()> of_keys;
    uint64_t of_keys_tested = 0;
  };

  // What random keys are tried on: a document of min_scored tuples or more.
  struct Kept {
    size_t end;  // in kept_ids_
    uint32_t group;
    size_t tuples;  // that are scored there
  };

  CorpusCalibrator(const JudgeKeys& keys, const CalibrateOptions& options, DocumentCounts counts);
  Tally NewTally() const;
  uint32_t GroupOf(std::string_view name);
  // Counts p <= alpha of one document's tuples, which end at `positions` of ids.
  void TestDocument(std::span<const uint32_t> ids, std::span<const size_t> positions, Tally& group);
  Result<Calibration::RandomKeys> TryRandomKeys();
  // Documents under each random key; `flagged`: their part of kept_ids_.
  Result<void> TryPiece(std::span<const Kept> documents, std::span<const uint32_t> flagged, const DecoyKeys& keys);
  // The distinct tuples of kept documents, or a sample of them.
  Evidence Pooled();
  std::array<Band, kCalibrationLevels.size()> SpreadOf(Tally& tally) const;
  void Measure(const Tally& tally, const Spectrum& spectrum, CalibrationPart& out);

  JudgeKeys keys_;
  CalibrateOptions options_;
  NullLaw law_;
  ContentDigest content_;
  DocumentCounts counts_;
  Evidence seen_;  // under first-seen: the tuples of all documents so far
  CriticalValues critical_;
  uint64_t tokens_ = 0;
  Tally all_;
  std::map<std::string, uint32_t, std::less<>> group_of_;
  std::vector<Tally> groups_;  // one where documents are not grouped
  std::vector<Calibration::Text> texts_;
  std::vector<uint32_t> kept_ids_;  // with the highest bit set where a scored tuple ends
  std::vector<Kept> kept_;
};

}  // namespace verdigris::verify
