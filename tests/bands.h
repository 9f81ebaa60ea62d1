// Acceptance bands of random tests (statistics.md section 11): is a count plausible for Bin(N, p)? The false alarm f is
// the chance that correct code fails for fresh random numbers. Self-contained on purpose: these bands judge
// verify/law.h and so must not use it.
#pragma once

#include <cmath>
#include <cstdint>

namespace verdigris::testing {

// P(X >= c), X ~ Bin(N, p), by summing probabilities away from the mean; good to about 1e-8 of itself.
inline double BinomialAtLeast(uint64_t c, uint64_t N, double p) {
  if (c == 0) return 1;
  if (c > N || p <= 0) return 0;
  if (p >= 1) return 1;
  const auto pmf = [&](uint64_t i) {
    const double n = static_cast<double>(N), k = static_cast<double>(i);
    return std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * std::log(p) +
                    (n - k) * std::log1p(-p));
  };
  const bool above = static_cast<double>(c) > static_cast<double>(N) * p;
  double sum = 0;
  for (uint64_t i = above ? c : c - 1; i <= N; above ? ++i : --i) {  // below the mean i ends by wrapping past 0
    const double term = pmf(i);
    sum += term;
    if (term <= 1e-17 * sum) break;
  }
  return above ? sum : 1 - sum;
}

// P(X <= c).
inline double BinomialAtMost(uint64_t c, uint64_t N, double p) {
  return c >= N ? 1 : BinomialAtLeast(N - c, N, 1 - p);  // the count of zeros
}

// Binomial(c, N, p, f): two-sided.
inline bool WithinBinomialBand(uint64_t c, uint64_t N, double p, double f) {
  return BinomialAtLeast(c, N, p) > f / 2 && BinomialAtMost(c, N, p) > f / 2;
}

// AtMost(c, N, p, f): one-sided, for p-values that may be conservative.
inline bool AtMostBinomial(uint64_t c, uint64_t N, double p, double f) { return BinomialAtLeast(c, N, p) > f; }

}  // namespace verdigris::testing
