// Where a p-value stands among the edges that unit files count by (corpus.md C6). Edges are compared as real numbers: where
// binary64 could err, p is computed again from integers to 28 digits without logarithm or exponential, so that no count depends
// on a C library.
#pragma once

#include <cstddef>
#include <cstdint>

#include "watermark/scheme.h"

namespace verdigris::verify {

struct PlaceOfP {
  bool row = false;    // p <= tau
  size_t bin = 0;      // no row: p in (10^-((bin+1)/100), 10^-(bin/100)]
  size_t uniform = 0;  // p in (uniform/20, (uniform+1)/20]
};

// `log10_p`: Log10UpperTail(law, n, statistic), which the caller has anyway. 1 <= tau_hundredths <= 3000.
//
// Accuracy  a p within 1e-25 of an edge, relatively, is taken to lie on it. n below 2^40.
// Cost      some ns, and with a chance of some 1e-6, or where p lies on an edge, O(sqrt n) at 20 ns.
PlaceOfP FindPlace(const NullLaw& law, uint64_t n, Statistic statistic, double log10_p, int tau_hundredths);

// The same from the integers alone, always by the exact way: what FindPlace is checked against.
PlaceOfP FindPlaceExactly(const NullLaw& law, uint64_t n, Statistic statistic, int tau_hundredths);

}  // namespace verdigris::verify
