// Power: what the test was worth at this length. Printed beside every finding that is not a detection, since
// "not detected" says nothing where the test could not have detected.
//
// "Effect" is the mean of one score under the alternative: for bits, the green rate. A detection is Detects() of
// verify/law.h at `log10_alpha` (< 0). All is exact, by binomial tails, and not by the normal law.
#pragma once

#include <cstdint>
#include <optional>

#include "watermark/scheme.h"

namespace verdigris::verify {

// Fewest scores with which a detection is possible at all.
uint64_t LeastTokens(const NullLaw& law, double log10_alpha);

// Chance that n scores of this effect are detected; 0 where no statistic of n scores is. 0 < effect <= 1.
double PowerAt(const NullLaw& law, uint64_t n, double effect, double log10_alpha);

// The n from which power stays >= `power`. The power of an exact test falls whenever the critical value steps up, so
// this is not the first n that reaches it. None where the effect is no larger than the null mean, or where more than
// kMostTokensNeeded would be needed. 0 < power < 1.
// Cost: 0.1 ms where some hundred are needed, 30 ms where millions are.
std::optional<uint64_t> TokensNeeded(const NullLaw& law, double effect, double log10_alpha, double power);
inline constexpr uint64_t kMostTokensNeeded = 10'000'000;

// The effect that n scores detect with chance `power`; none where no statistic of n scores is a detection.
std::optional<double> DetectableEffect(const NullLaw& law, uint64_t n, double log10_alpha, double power);

}  // namespace verdigris::verify
