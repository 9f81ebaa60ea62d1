// Futility: when a key may be dropped before the last tuple, in a search over many (statistics.md 8.4).
//
// L_t is the likelihood ratio of the planned effect after t tuples. A key is dropped, and its p is 1, as soon as L_t <= c.
// Null       dropping only raises p, so every guarantee stands.
// Price      the right key is dropped with chance at most c, since 1/L is a martingale under the planned effect (Ville).
// Saving     a wrong key lasts about ln(1/c) / KL(null || planned) tuples.
#pragma once

#include <cstddef>
#include <vector>

#include "watermark/result.h"
#include "watermark/scheme.h"

namespace verdigris::verify {

struct Futility {
  double effect;              // mean of one score if the key is right, as Scheme::reference_effect
  double drop_chance = 1e-3;  // c
};

// bounds[t]: the least statistic after t tuples with which a key goes on; t = 0..n.
// Errors   kInvalidArgument: effect not above the null mean and below the largest score, drop_chance outside (0,1).
Result<std::vector<Statistic>> FutilityBounds(const NullLaw& law, size_t n, const Futility& futility);

}  // namespace verdigris::verify
