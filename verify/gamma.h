// Tails of the gamma distribution of whole shape in log space: the law of a sum of unit exponentials. Callers that hold
// a NullLaw want verify/law.h.
#pragma once

#include <cstdint>

namespace verdigris::verify {

// ln P(Poisson(mean) = k), mean > 0.
double LnPoisson(uint64_t k, double mean);

struct GammaTails {
  double ln_at_least;  // ln P(S >= s)
  double ln_at_most;   // ln P(S <= s); -inf where s = 0
};

// Both tails of S ~ Gamma(n, 1) at 0 <= s < inf, n >= 1. Exact up to rounding: |error of log10| <= 4e-12 + 4e-15
// |log10| of the smaller one, checked for n to 1e6 and p to 1e-7855510; the larger is log1p(-smaller), so near 1 it
// keeps relative accuracy. n below 2^53. Cost: O(sqrt n) near the mean (about 8 standard deviations of terms), less
// away from it.
GammaTails LnGammaTails(uint64_t n, double s);

}  // namespace verdigris::verify
