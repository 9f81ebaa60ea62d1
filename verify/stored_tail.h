// Rejections from what shards keep of very many p-values: the small ones as rows, the rest as a histogram (statistics.md
// 8.2; corpus.md C6).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "verify/multiplicity.h"
#include "watermark/result.h"

namespace verdigris::verify {

struct StoredTail {
  struct Bin {
    double log10_above, log10_to;  // p in (above, to]
    uint64_t count;
  };
  std::vector<double> log10_p;  // every p <= tau, in any order
  std::vector<Bin> bins;        // the rest, ascending, the first from tau, the last to 1

  uint64_t size() const;  // m
};

// Errors   kInvalidArgument: bins that do not follow each other up to 1, or a row above tau.
Result<void> CheckTail(const StoredTail& tail);

// The first bin that could hold a rejection of BH, so that the rows alone do not decide; none: they do.
// BY: give log10 alpha - log10 H_m.
std::optional<size_t> UnresolvedBin(const StoredTail& tail, double log10_alpha);

// BH, BY or Holm over all m from the rows alone; `order` and `log10_adjusted` are those of the rows, and of the adjusted p
// only as many are given as are exact.
// Errors   those of CheckTail; kFailedPrecondition where a bin is unresolved: names it and a tau that would do.
Result<Rejections> RejectFromTail(Control control, const StoredTail& tail, double log10_alpha);

// e-BH over all m. `log10_e` are e-values of the rows, with e <= 1/p each (so that none behind tau can be rejected).
// Errors   as RejectFromTail for BH.
Result<size_t> RejectByEFromTail(const StoredTail& tail, std::span<const double> log10_e, double log10_alpha);

}  // namespace verdigris::verify
