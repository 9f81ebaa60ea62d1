// Tails of the binomial distribution in log space, the arithmetic that laws, martingales and power share. Callers that
// hold a NullLaw want verify/law.h.
#pragma once

#include <cstdint>

namespace verdigris::verify {

// Chance of a 1, kept as yes/all and no/all so that neither it nor its complement loses digits. Members are positive,
// yes + no = all; of a ratio they are the integers themselves, and n * yes / all is then formed with one rounding.
struct Chance {
  double yes;
  double no;
  double all;

  static Chance FromRatio(uint32_t numerator, uint32_t denominator);  // 0 < numerator < denominator
  static Chance FromReal(double p);                                   // 0 < p < 1

  double LnYes() const;
  double LnNo() const;
};

// ln P(X = k), X ~ Bin(n, p), k <= n.
double LnBinomialPmf(uint64_t n, uint64_t k, const Chance& p);

struct BinomialTails {
  double ln_at_least;  // ln P(X >= k)
  double ln_below;     // ln P(X <= k - 1); -inf where k = 0
};

// Both tails at k <= n. Exact up to rounding: |error of log10| <= 4e-12 + 4e-15 |log10| of the smaller one, checked for
// n to 1e6 and p from 1 - 1e-301 to 1e-1301029; the larger is log1p(-smaller), so near 1 it keeps relative accuracy.
// n below 2^53. Cost: O(sqrt n) near the mean (about 9 standard deviations of terms), less away from it.
BinomialTails LnBinomialTails(uint64_t n, uint64_t k, const Chance& p);

}  // namespace verdigris::verify
