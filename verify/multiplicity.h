// Many documents, many keys: what may be claimed when many p-values were looked at (statistics.md section 8). All over
// log10, so that 1e-5000 is a number like any other; equality rejects, with a slack of 1e-12 in log10.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "watermark/result.h"

namespace verdigris::verify {

enum class Control {
  kBonferroni,         // family-wise, any dependence
  kHolm,               // family-wise, any dependence; never worse than Bonferroni
  kBenjaminiHochberg,  // false discovery rate; independence or positive dependence (PRDS)
  kBenjaminiYekutieli, // false discovery rate, any dependence: BH at alpha / H_m
};

struct Rejections {
  std::vector<size_t> order;            // indices of the p-values, smallest first, ties by index
  size_t rejected = 0;                  // the first so many of `order`
  std::vector<double> log10_adjusted;   // by place in `order`: reject at alpha iff adjusted p <= alpha
};

// m >= log10_p.size(): all tests that were made; those that are not listed have p = 1. log10_alpha < 0.
Rejections Reject(Control control, std::span<const double> log10_p, uint64_t m, double log10_alpha);

// e-BH (Wang and Ramdas, arXiv:2009.02824): how many of the largest e-values are rejected, of m >= log10_e.size(). Any
// dependence. Final values of martingales, not running maxima. -inf is e = 0.
size_t RejectByE(std::span<const double> log10_e, uint64_t m, double log10_alpha);

// H_m = 1 + 1/2 + ... + 1/m, m >= 1.
double HarmonicNumber(uint64_t m);

// p of the smallest of K. Sidak needs independence: 1 - (1-p)^K. Neither is ever above 0.
double Log10Sidak(double log10_p, uint64_t keys);
double Log10Bonferroni(double log10_p, uint64_t keys);

// 2 min(p1, p2): two tests of the same data, any dependence. Never the smaller alone.
double Log10TwiceTheSmaller(double log10_p1, double log10_p2);

// Fisher: P(Gamma(m,1) >= -sum ln p) of m independent p. m >= 1.
double Log10Fisher(std::span<const double> log10_p);

// p to e (arXiv:1912.06116): p^-1/2 / 2, and (1 - p + p ln p) / (p ln^2 p). For a running maximum's p too.
double Log10EBySquareRoot(double log10_p);
double Log10EByMixture(double log10_p);

// Share of Bin(n, share) that k of n is compatible with: at each end a tail of (1 - level) / 2. n >= 1, k <= n, 0 < level < 1.
struct Band {
  double lower;
  double upper;
};
Band ClopperPearson(uint64_t n, uint64_t k, double level);
// Whether numerator / denominator lies in that band, compared by tails and not by rounded ends. 0 < numerator < denominator.
bool BandContains(uint64_t n, uint64_t k, double level, uint32_t numerator, uint32_t denominator);
// min(1, 2 min(P(X >= k), P(X <= k))), X ~ Bin(n, 10^log10_share), as log10.
double Log10TwoSidedBinomial(uint64_t n, uint64_t k, double log10_share);

// log10 alpha in ten-thousandths, as plans and runs hold it, rounded towards the stricter level. Precondition: 0 < alpha <= 1.
int64_t AlphaLog10E4(double alpha);

}  // namespace verdigris::verify
