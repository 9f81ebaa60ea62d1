// Null laws: the chance, under the null hypothesis, of a statistic at least as large as the one seen.
//
// Null hypothesis   text and side information do not depend on the key; then the scores of distinct tuples are
//                   independent with the scheme's law (statistics.md section 2). Each tuple is counted once.
// Tail              upper, as log10 p <= 0; never clamped, never NaN, never -inf. Exact up to rounding for bits and two
//                   kinds of bits; for kGamma exact for true exponentials, which scores rounded down do not exceed.
// Accuracy          |error of log10 p| <= 4e-12 + 4e-15 |log10 p|; where p > 0.98, relative error of log10 p <= 1e-10.
//                   Checked for n to 1e6, p from 1 - 1e-301 to 1e-1301029 (kGamma: 1e-7855510). The statistic must be
//                   below 2^53 but for kGamma, where it enters as the nearest double.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "watermark/scheme.h"

namespace verdigris::verify {

// log10 P(X >= k), X ~ Bin(n, numerator / denominator), 0 < numerator < denominator. 0 where k = 0; k > n is a bug.
double Log10BinomialUpperTail(uint64_t n, uint64_t k, uint32_t numerator, uint32_t denominator);

// log10 p of the sum of n scores under `law`. A statistic that n scores cannot reach is a bug.
double Log10UpperTail(const NullLaw& law, uint64_t n, Statistic statistic);

// log10 of the smallest p that n scores can reach; 0 where n = 0.
double Log10SmallestP(const NullLaw& law, uint64_t n);

// True where log10 p is within 1e-9 of log10 alpha: rounding would decide, so the finding is flagged, not detected.
bool IsBoundary(double log10_p, double log10_alpha);

// The comparison behind every "detected": p <= alpha, and not on the boundary.
bool Detects(double log10_p, double log10_alpha);

// The smallest statistic of n scores that Detects(); none where even the largest does not. log10_alpha < 0.
std::optional<Statistic> CriticalValue(const NullLaw& law, uint64_t n, double log10_alpha);

// The largest sum of n scores.
Statistic LargestStatistic(const NullLaw& law, uint64_t n);

// Mean of one score, in the units of the score.
double MeanScore(const NullLaw& law);

// What Log10UpperTail() gives: the true law, or a p that is never smaller than the true one.
enum class LawStatus { kExact, kBound };
LawStatus StatusOf(const NullLaw& law);

std::string DecimalText(Statistic statistic);

// log10 p for people and records: four places, rounded towards less evidence; "0.0000", never "-0.0000". A value within
// 1e-11 above a four-place number counts as that number.
std::string FourPlacesUp(double log10_p);

}  // namespace verdigris::verify
