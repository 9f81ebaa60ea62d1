// What a test is worth here: measured rates of p <= alpha over random keys on one text, and of one key over a corpus of
// texts that nobody marked (statistics.md 9; corpus.md C14).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "verify/calibration_file.h"
#include "verify/content.h"
#include "verify/decoy.h"
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
  uint32_t random_keys = 0;      // measures the spread over keys as well; keeps the tuples of each document
  uint64_t max_tokens = 50'000'000;
};

// A corpus of unmarked documents, one after another, under the tests of `keys`. Which document a tuple is given to under
// Assign::kFirstSeen follows the order of Add().
class CorpusCalibrator {
 public:
  // Errors   kInvalidArgument: min_scored 0, more than 10,000 random keys.
  static Result<CorpusCalibrator> Create(const JudgeKeys& keys, const CalibrateOptions& options);

  // One document: its bytes as they were read (of ids: BytesOfIds) and its ids.
  // Errors   kInvalidArgument: an id >= 2^24; kLimit: more than kMostCalibrationTexts.
  Result<void> Add(std::span<const uint8_t> content, std::span<const uint32_t> ids);
  void AddFailed() { content_.AddFailed(); }

  // False where max_tokens is reached: give no more.
  bool WantsMore() const { return tokens_ < options_.max_tokens; }

  // Errors   kFailedPrecondition: fewer than two documents with min_scored tuples.
  Result<Calibration> Finish();
  // For a stop list: the tuples of all documents with min_scored of them; occurrences() are numbers of documents.
  const Evidence& evidence() const { return evidence_; }

 private:
  CorpusCalibrator(const JudgeKeys& keys, const CalibrateOptions& options);
  // Counts p <= alpha of one document's tuples, which end at `positions` of ids.
  void TestDocument(std::span<const uint32_t> ids, std::span<const size_t> positions);
  Result<Calibration::RandomKeys> TryRandomKeys() const;

  JudgeKeys keys_;
  CalibrateOptions options_;
  NullLaw law_;
  ContentDigest content_;
  Evidence evidence_;
  uint64_t documents_ = 0, tokens_ = 0;
  uint64_t long_enough_ = 0;  // documents with min_scored distinct tuples
  std::vector<Calibration::Test> tests_;
  std::vector<Calibration::Text> texts_;
  std::vector<std::vector<uint32_t>> rows_of_;  // of tested documents, with random keys only
};

}  // namespace verdigris::verify
