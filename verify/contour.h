// Upper tail of a weighted sum of unit exponentials in log space: the arithmetic under verify/weighted.h, and the two
// approximations that check it.
#pragma once

#include <optional>
#include <span>

namespace verdigris::verify {

struct ExponentialLevel {
  double weight;  // finite, not 0, of either sign
  double n;       // whole, > 0
};

// ln P(sum of weight * Gamma(n, 1) >= s) by the contour of statistics.md 4.2; none where two steps do not agree.
// Precondition: s is at or above the mean, and a sum that can be reached.
std::optional<double> LnContourTail(std::span<const ExponentialLevel> levels, double s);

// Approximations at s at or above the mean. Never a p, but for the bound.
struct SaddlePoint {
  double ln_chernoff;  // exp(K(t) - t s), at least the true tail
  double ln_r_star;    // 1 - Phi(r + ln(u/r)/r), within .05 decade of the true tail where the sum is well behaved
};
SaddlePoint LnSaddlePoint(std::span<const ExponentialLevel> levels, double s);

}  // namespace verdigris::verify
