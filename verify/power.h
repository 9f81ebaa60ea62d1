// Power: what the test was worth at this length. Printed beside every finding that is not a detection, since
// "not detected" says nothing where the test could not have detected.
//
// "Effect" is the mean of one score under the alternative: for bits, the green rate; for kGamma in nats, the scores
// being exponentials of that mean; for kTwoBernoulli the bits are tilted alike, rates e^(2t) / (1 + e^(2t)) and e^t /
// (1 + e^t). A detection is Detects() of verify/law.h at `log10_alpha` (< 0). All is exact, by the laws' own tails, and
// not by the normal law.
#pragma once

#include <cstdint>
#include <optional>

#include "watermark/scheme.h"

namespace verdigris::verify {

// Fewest scores with which a detection is possible at all.
uint64_t LeastTokens(const NullLaw& law, double log10_alpha);

// Chance that n scores of this effect are detected; 0 where no statistic of n scores is. effect > 0, and at
// most the largest score (for kGamma: finite).
double PowerAt(const NullLaw& law, uint64_t n, double effect, double log10_alpha);

// The n from which power stays >= `power`. The power of an exact test of bits falls whenever the critical value steps
// up, so this is not the first n that reaches it. None where the effect is no larger than the null mean, or where more
// than kMostTokensNeeded would be needed. 0 < power < 1. Cost: for bits 0.1 ms where some hundred are needed, 30 ms
// where millions are; kGamma about the same; kTwoBernoulli a few ms where some hundred are needed, 0.2 s where millions
// are.
std::optional<uint64_t> TokensNeeded(const NullLaw& law, double effect, double log10_alpha, double power);
inline constexpr uint64_t kMostTokensNeeded = 10'000'000;

// The effect that n scores detect with chance `power`; none where no statistic of n scores is a detection.
std::optional<double> DetectableEffect(const NullLaw& law, uint64_t n, double log10_alpha, double power);

}  // namespace verdigris::verify
