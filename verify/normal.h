// The normal law, for planning and for pictures: it decides nothing.
#pragma once

#include <cmath>

namespace verdigris::verify {

inline double NormalAbove(double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

// z with NormalAbove(z) = alpha, 0 < alpha < 1.
inline double NormalQuantileAbove(double alpha) {
  double low = -40, high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (NormalAbove(middle) > alpha ? low : high) = middle;
  }
  return high;
}

}  // namespace verdigris::verify
