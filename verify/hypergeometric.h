// Upper tail of the hypergeometric distribution: marks whose green list is one fixed set of ids, so that bits of
// distinct ids are drawn without replacement (statistics.md V3, window 0).
#pragma once

#include <cstdint>

namespace verdigris::verify {

// log10 P(X >= k): of `drawn` distinct ids out of `all`, at least k are among the `green` ones.
// 0 < green < all, drawn <= all; 0 where every draw has k; k above the largest possible count is a bug.
//
// Accuracy  |error of log10 p| <= 4e-12 + 4e-15 |log10 p|; where p > 0.98, relative error of log10 p <= 1e-10. Checked
//           for all = 512 to 50,257.
// Cost      O(standard deviation).
double Log10HypergeometricUpperTail(uint32_t all, uint32_t green, uint32_t drawn, uint32_t k);

}  // namespace verdigris::verify
