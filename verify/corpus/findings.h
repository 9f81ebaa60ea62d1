// What a corpus' stored p-values reject: one family over all tests of a run (corpus.md C10).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "verify/corpus/run.h"
#include "verify/stored_tail.h"

namespace verdigris::verify {

// The rows' p of a run and the histogram of the rest, as a tail. `histogram`: entry i counts p above tau in
// (10^-((i+1)/100), 10^-(i/100)]. `family`: all tests of the run were chosen among so many times as many; the others have p = 1.
StoredTail TailOf(std::vector<double> log10_p, const std::vector<uint64_t>& histogram, uint64_t family);

class Findings {
 public:
  // `log10_e`: of the rows, in their order, for kEbh alone; e <= 1/p each.
  //
  // kNone rejects each p <= alpha by itself and controls nothing.
  // Errors   kFailedPrecondition where a bin of the histogram may hold rejections: names it and a tau that would do.
  // Cost     16 bytes a row.
  static Result<Findings> Decide(CorpusControl control, StoredTail tail, std::vector<double> log10_e, double log10_alpha);

  bool Rejects(double log10_p, double log10_e) const;
  // Of a row; none where the stored tail does not settle it, or for kEbh and kNone.
  std::optional<double> Log10Adjusted(double log10_p) const;
  uint64_t rejected() const { return rejected_; }
  // p of one more document that would be rejected beside these.
  double log10_level() const { return log10_level_; }

 private:
  Findings() = default;
  CorpusControl control_ = CorpusControl::kBh;
  std::vector<double> sorted_;    // p of the rows, ascending
  std::vector<double> adjusted_;  // of the first so many
  uint64_t rejected_ = 0;
  double most_log10_p_ = 0, least_log10_e_ = 0;  // what the last of the rejected has
  double log10_level_ = 0;
};

}  // namespace verdigris::verify
