// The exact p of a fixed test: T = sum of coefficient times score over the rows of one layer, coefficients integers of at
// most 1023 that no draw has shaped (suspect-models.md M2.2).
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "verify/law.h"
#include "verify/suspect/score_law.h"
#include "verify/weighted.h"

namespace verdigris::verify {

// How often each coefficient occurs, without 0, ascending. |a| <= 1023.
std::vector<Level> LevelsOf(std::span<const int32_t> coefficients);

// Mean and standard deviation of T, in its units.
struct Moments {
  double mean, deviation;
};
Moments MomentsOf(const NullLaw& law, std::span<const Level> levels);

// log10 P(T >= seen), with T in units of coefficient times score (2^-32 nat for kGamma). {0, exact} where nothing is scored.
// kGamma: T is raised by 16 units for each unit of negative coefficient, since scores are rounded down.
//
// Accuracy   as verify/weighted.h.
// Cost       some 0.2 s for a million rows with 400 levels; it grows with the levels, not with the rows.
TailResult Log10FixedP(const NullLaw& law, std::span<const Level> levels, Int128 seen);

// The smallest T with p <= 10^log10_alpha, and its p: the exact chance of it where the law is exact. Where T has very many
// values it is found to a ten-millionth of its deviation. log10_alpha < 0.
struct FixedCritical {
  bool attainable = false;
  Int128 statistic = 0;
  double log10_size = -std::numeric_limits<double>::infinity();  // where not attainable
};
FixedCritical CriticalOf(const NullLaw& law, std::span<const Level> levels, double log10_alpha);

}  // namespace verdigris::verify
