// The tail of T = sum w E over unit exponentials is an inverse Laplace integral, taken along a parabola through the saddle
// (statistics.md 4.2):
//   p = (1/pi) int_0^inf Re[ exp(K(z) - z s) / z * (1 - 2 i kappa y) ] dy,   z = c + i y + kappa y^2,
// K(z) = -sum n ln(1 - w z), 0 < c < 1/max w. The parabola follows the steepest descent and bends to the side on which
// e^(-zs) falls. The integrand is analytic and dies like a Gaussian, so the trapezoid rule converges geometrically: its
// step is halved until two sums agree.
//
// One tail is enough: P(T <= s) is the upper tail of -T, whose weights are those of T with the other sign.
//
// As in lattice.cc, digits are kept by writing K(c) - c s as deviances plus a small remainder, by taking s minus the mean
// first (but s itself far out, where that is the smaller), and by taking the integrand relative to its value at the
// saddle. Any c will do; only all parts must use the same.
//
// r* (Barndorff-Nielsen) and Chernoff's bound need the plain saddle, K'(t) = s. Both approximations are too coarse to be a
// p (r* is off by up to a decade on lattices) but good enough to catch an integral that went wrong.
//
// Built without fast-math and with -ffp-contract=off. Tested by tests/verify/weighted_test.cc.
#include "verify/contour.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <complex>
#include <limits>
#include <vector>

#include "verify/deviance.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

using Complex = std::complex<double>;

constexpr double kPi = 3.141592653589793238463;
constexpr double kAgreement = 1e-11;
constexpr double kLnNegligible = -40;
constexpr int kMostNodes = 20'000;

// A level's weight under the tilt e^(cT).
double TiltedWeight(const ExponentialLevel& level, double c) { return level.weight / (1 - level.weight * c); }

// T and a statistic s of it.
class Sum {
 public:
  Sum(std::span<const ExponentialLevel> levels, double s) : levels_(levels), s_(s), excess_(s) {
    for (const ExponentialLevel& level : levels) excess_ -= level.n * level.weight;
  }

  // K'(c) - s: the tilted mean minus s.
  double TiltedExcess(double c) const {
    const bool near = std::fabs(excess_) < std::fabs(s_);
    double sum = near ? -excess_ : -s_;
    for (const ExponentialLevel& level : levels_) sum += level.n * TiltedWeight(level, c) * (near ? level.weight * c : 1);
    return sum;
  }

  // K(c) - c s.
  double Exponent(double c) const {
    double sum = c * TiltedExcess(c);
    for (const ExponentialLevel& level : levels_) sum -= Deviance(level.n, level.n * (1 + TiltedWeight(level, c) * c));
    return sum;
  }

 private:
  std::span<const ExponentialLevel> levels_;
  double s_, excess_;
};

// Root of an increasing function on (0, 1/max w), or on (0, inf) where no weight is positive.
template <class Function>
double Root(std::span<const ExponentialLevel> levels, Function f) {
  double largest = 0, size = 0;
  for (const ExponentialLevel& level : levels) {
    largest = std::max(largest, level.weight);
    size = std::max(size, std::fabs(level.weight));
  }
  double low = 0, high = 1 / size;
  if (largest > 0) {
    high = std::nextafter(1 / largest, 0);
  } else {
    while (f(high) < 0 && high < std::numeric_limits<double>::max() / 4) {
      low = high;
      high *= 2;
    }
  }
  for (int i = 0; i < 200; ++i) {  // far fewer: until the interval is down to rounding
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    (f(middle) < 0 ? low : high) = middle;
  }
  return low > 0 ? low : high;
}

// ln(1 + z).
Complex Log1p(Complex z) {
  const double x = z.real(), y = z.imag();
  return {0.5 * std::log1p(x * (2 + x) + y * y), std::atan2(y, 1 + x)};
}

}  // namespace

std::optional<double> LnContourTail(std::span<const ExponentialLevel> levels, double s) {
  const Sum sum_of_levels(levels, s);
  const double c = Root(levels, [&](double t) { return sum_of_levels.TiltedExcess(t) - 1 / t; });
  double second = 0, third = 0;  // K'' and K'''
  std::vector<ExponentialLevel> tilted;
  for (const ExponentialLevel& level : levels) {
    const double weight = TiltedWeight(level, c);
    tilted.push_back({weight, level.n});
    second += level.n * weight * weight;
    third += 2 * level.n * weight * weight * weight;
  }
  const double kappa = std::copysign(third / second / 6, s);

  // Real part of the integrand at y over its value at 0; *size gets ln of its modulus.
  const auto integrand = [&](double y, double* size) {
    const Complex dz(kappa * y * y, y);
    Complex exponent = -dz * s - Log1p(dz / c);
    for (const ExponentialLevel& level : tilted) exponent -= level.n * Log1p(-level.weight * dz);
    *size = exponent.real() + std::log1p(2 * std::fabs(kappa) * y);
    return (std::exp(exponent) * Complex(1, -2 * kappa * y)).real();
  };
  // Sum over y = first, first + step, ... until four in a row do not count; *complete is false where there are too many.
  const auto sum_from = [&](double first, double step, bool* complete) {
    double sum = 0, size = 0;
    int small = 0;
    for (int k = 0; k < kMostNodes; ++k) {
      sum += integrand(first + k * step, &size);
      small = size < kLnNegligible ? small + 1 : 0;
      if (small == 4) return sum;
    }
    *complete = false;
    return sum;
  };

  bool complete = true;
  double step = 0.5 / std::sqrt(second + 1 / (c * c));
  double sum = 0.5 + sum_from(step, step, &complete);
  for (double value = sum * step; complete;) {
    step /= 2;
    sum += sum_from(step, 2 * step, &complete);
    const double refined = sum * step;
    if (!(refined > 0)) return std::nullopt;
    if (complete && std::fabs(refined - value) <= kAgreement * refined) {
      return sum_of_levels.Exponent(c) - std::log(c) + std::log(refined / kPi);
    }
    value = refined;
  }
  return std::nullopt;
}

SaddlePoint LnSaddlePoint(std::span<const ExponentialLevel> levels, double s) {
  const Sum sum_of_levels(levels, s);
  const double t = Root(levels, [&](double x) { return sum_of_levels.TiltedExcess(x); });
  double second = 0, third = 0;
  for (const ExponentialLevel& level : levels) {
    const double weight = TiltedWeight(level, t);
    second += level.n * weight * weight;
    third += 2 * level.n * weight * weight * weight;
  }
  const double exponent = std::min(0.0, sum_of_levels.Exponent(t));
  const double r = std::sqrt(-2 * exponent), u = t * std::sqrt(second);
  // At the mean r and u are both 0; there ln(u/r)/r tends to a sixth of the skewness.
  const double star = r > 1e-3 ? r + std::log(u / r) / r : r + third / (6 * second * std::sqrt(second));
  const double tail = 0.5 * std::erfc(star / std::sqrt(2.0));
  // Where erfc underflows: the first terms of Mills' ratio, good to 1e-4 of itself from 12 on.
  const double ln_tail = star < 12 ? std::log(tail) : -0.5 * star * star - std::log(star * std::sqrt(2 * kPi)) - 1 / (star * star);
  return {exponent, ln_tail};
}

}  // namespace verdigris::verify
