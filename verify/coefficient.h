// What each row of Evidence weighs in a test. Every test of the project is a sum over rows of coefficient times
// (score - its null mean); a coefficient is made from counts and other side information and never sees a key or a score,
// which is what keeps the law of the sum known (statistics.md section 2).
#pragma once

#include <cstdint>
#include <vector>

#include "verify/evidence.h"

namespace verdigris::verify {

// Integer, one a row; the sums stay exact whatever the order.
using Coefficients = std::vector<int32_t>;

// Every tuple once: what a text, or a corpus of texts, is judged by.
inline Coefficients CountEachOnce(const Evidence& evidence) { return Coefficients(evidence.size(), 1); }

}  // namespace verdigris::verify
