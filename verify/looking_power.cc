// Both martingales rise with the statistic at a given n, so each bound is the power of a test of fixed length with
// another critical value. Tested by tests/verify/looking_power_test.cc.
#include "verify/looking_power.h"

#include <algorithm>
#include <cmath>

#include "verify/bet.h"
#include "verify/law.h"
#include "verify/martingale.h"
#include "verify/power.h"

namespace verdigris::verify {
namespace {

// log10 of the mean over the bets of the product of all factors.
double Log10MeanOfBets(const NullLaw& law, uint64_t n, Statistic statistic) {
  double ln[kBets], most = -INFINITY, sum = 0;
  const auto bets = BetsOn(law);
  for (size_t i = 0; i < kBets; ++i) {
    ln[i] = bets[i].slope * static_cast<double>(statistic) + bets[i].offset * static_cast<double>(n);
    most = std::max(most, ln[i]);
  }
  for (const double value : ln) sum += std::exp(value - most) / kBets;
  return (most + std::log(sum)) / std::log(10.0);
}

template <class Log10Evidence>
double PowerOf(const NullLaw& law, uint64_t n, double effect, double log10_needed, Log10Evidence evidence) {
  if (n == 0) return 0;
  Statistic low = 0, high = LargestStatistic(law, n);
  if (evidence(high) < log10_needed) return 0;
  while (high - low > 1) {
    const Statistic middle = low + (high - low) / 2;
    (evidence(middle) < log10_needed ? low : high) = middle;
  }
  // The level whose critical value this is; Detects() leaves out what lies within 1e-9 of it.
  return PowerAt(law, n, effect, std::min(-1e-300, Log10UpperTail(law, n, high) + 2e-9));
}

}  // namespace

double PowerAtAnyTime(const NullLaw& law, uint64_t n, double effect, double log10_alpha) {
  return PowerOf(law, n, effect, -log10_alpha, [&](Statistic s) { return Log10Martingale(law, n, s); });
}

double PowerLocated(const NullLaw& law, uint64_t n, double effect, double log10_alpha) {
  return PowerOf(law, n, effect, -log10_alpha + std::log10(3.0), [&](Statistic s) { return Log10MeanOfBets(law, n, s); });
}

}  // namespace verdigris::verify
