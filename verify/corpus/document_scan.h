// One document of a corpus under the tests of a run: what its positions are, n, the statistic and p of each test, where the
// mark is, and the tuples that its group pools (corpus.md C4, C7). The numbers are those of JudgeText (verify/judge.h).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "verify/finding.h"
#include "verify/judge_keys.h"
#include "verify/overlap.h"
#include "verify/sample.h"
#include "verify/segments.h"
#include "watermark/context.h"
#include "watermark/result.h"

namespace verdigris::verify {

// What one test says of one document. Null, tail and accuracy as Log10UpperTail.
struct DocumentScore {
  Counts counts;
  uint64_t n = 0;  // scored under the test's layers; counts.scored but for tests without selector
  Statistic statistic = 0;
  double log10_p = 0;
};

// One thread's scanner. Once warm it allocates nothing for a document, but for spans.
class DocumentScanner {
 public:
  // `stop_list` may be null. Keys and list must outlive the scanner.
  DocumentScanner(const JudgeKeys& keys, Rule rule, const StopList* stop_list);

  // A result for each test of the keys, in their order; they stand, like `ids`, for the calls below until the next Scan().
  //
  // Errors   kInvalidArgument for an id >= 2^24.
  // Cost     two hash look-ups or fewer and the draws, some 20 ns a token (tests/bench/corpus_scan_bench.cc).
  Result<std::span<const DocumentScore>> Scan(std::span<const uint32_t> ids);

  // Stretches of tokens [first, last) that contain marked ones under a test, with p <= 10^log10_alpha, in text order.
  std::vector<std::array<uint32_t, 2>> FindSpans(size_t test, double log10_alpha);

  // Appends what a test has for the document's group: its tuples whose fingerprint is below 2^(128 - sample_log2), one for each
  // eligible occurrence. `fingerprinters`: of the provider's and the account's layer, null where the test has none.
  void GroupTuples(size_t test, const std::array<const Fingerprinter*, 2>& fingerprinters, int sample_log2, std::vector<SampledTuple>& out);

  uint64_t ids_above_vocab() const { return ids_above_vocab_; }

 private:
  struct LayerScores {
    std::vector<uint32_t> positions;  // of the layer's tuples
    std::vector<uint64_t> scores;
  };
  // Scores under one layer of a test.
  void ScoreLayer(const JudgeKeys::Test& test, Layer layer, LayerScores& out);

  const JudgeKeys& keys_;
  Rule rule_;
  const StopList* stop_list_;
  NullLaw law_;
  PositionClassifier classifier_;
  std::span<const uint32_t> ids_;
  uint64_t ids_above_vocab_ = 0;
  std::vector<PositionState> states_;
  std::vector<uint32_t> tuples_;     // positions of the distinct tuples
  std::vector<Layer> layers_;        // of each; empty without selector
  std::vector<const uint32_t*> windows_;
  std::vector<uint32_t> tokens_;
  std::vector<LayerScores> scores_;  // of test i: 2 i and 2 i + 1
  std::vector<DocumentScore> results_;
};

}  // namespace verdigris::verify
