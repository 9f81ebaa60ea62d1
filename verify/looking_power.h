// Power of the tests that look at every token. Their p is never smaller than that of the last token's martingale, so what
// stands here are guaranteed lower bounds: a text that they call "not detected" would have been detected.
#pragma once

#include <cstdint>

#include "watermark/scheme.h"

namespace verdigris::verify {

// At least the chance that n scores of this mean reach alpha in RunningMaximum (verify/martingale.h): that M of all n does.
// Effect as in verify/power.h.
double PowerAtAnyTime(const NullLaw& law, uint64_t n, double effect, double log10_alpha);

// The same for Locate() (verify/locate.h) on a text that is marked throughout: that a third of its global part does.
double PowerLocated(const NullLaw& law, uint64_t n, double effect, double log10_alpha);

}  // namespace verdigris::verify
