// Loader, "Fast and accurate computation of binomial probabilities", 2000: a point probability is a saddle value,
// exp(-deviance), times a root, times Stirling errors that are small and known to all digits. So no two large
// logarithms are ever subtracted.
//
// Departure: the Stirling errors of 1..15 are a table (mpmath, 40 digits) and not lgamma, which writes a global.
//
// Built without fast-math and with -ffp-contract=off. Tested by tests/verify/law_test.cc and gamma_test.cc.
#include "verify/deviance.h"

#include <cmath>

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {

double StirlingError(double n) {
  static constexpr double kSmall[16] = {0,  // not defined, not asked for
                                        0.08106146679532725822,
                                        0.041340695955409294094,
                                        0.027677925684998339149,
                                        0.020790672103765093112,
                                        0.016644691189821192163,
                                        0.013876128823070747999,
                                        0.011896709945891770095,
                                        0.010411265261972096497,
                                        0.0092554621827127329177,
                                        0.0083305634333628712565,
                                        0.007573675487951840795,
                                        0.0069428401072095298657,
                                        0.0064089941880042070684,
                                        0.0059513701127588477356,
                                        0.005554733551962801371};
  if (n < 16) return kSmall[static_cast<int>(n)];
  const double m = n * n;
  return (1. / 12 - (1. / 360 - (1. / 1260 - (1. / 1680 - (1. / 1188 - 691. / 360360 / m) / m) / m) / m) / m) / n;
}

double Deviance(double x, double mean) {
  if (x <= 0) return mean;
  if (std::fabs(x - mean) >= 0.1 * (x + mean)) return x * std::log(x / mean) + mean - x;
  const double v = (x - mean) / (x + mean);
  double sum = (x - mean) * v;
  double power = 2 * x * v;
  for (int j = 3;; j += 2) {
    power *= v * v;
    const double next = sum + power / j;
    if (next == sum) return sum;
    sum = next;
  }
}

}  // namespace verdigris::verify
