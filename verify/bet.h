// Bets: what one score multiplies a test martingale by, for one alternative (statistics.md sections 6 and 7).
#pragma once

#include <array>
#include <cstdint>

#include "watermark/scheme.h"

namespace verdigris::verify {

// ln of the factor of a score s, in the scheme's units: slope * s + offset. Its mean under the null law is 1 (kGamma: at
// most 1, since scores there are rounded down). Every law here is tilted exponentially, which makes ln linear.
struct Bet {
  double slope;
  double offset;

  double LnFactor(uint64_t score) const { return slope * static_cast<double>(score) + offset; }
};

// Five alternatives from faint to strong: green rates g + (1-g) {.1, .2, .3, .4, .6}; mean surprises 1/theta, theta in
// {.9, .8, .65, .5, .3}; for kTwoBernoulli means {.1, .25, .5, .9, 1.5} standard deviations above the null's (a score
// of one or two bits cannot reach all of these: there the strongest tilt stands).
inline constexpr size_t kBets = 5;
std::array<Bet, kBets> BetsOn(const NullLaw& law);

// The bet on a score of kTwoBernoulli whose mean is `mean`, above the null's: its bits tilted alike.
Bet TiltTwoBernoulli(const NullLaw& law, double mean);

}  // namespace verdigris::verify
