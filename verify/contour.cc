// The tail of T = sum w E over unit exponentials is an inverse Laplace integral, taken along a parabola through the
// saddle (statistics.md 4.2):
//   p = (1/pi) int_0^inf Re[ exp(K(z) - z s) / z * (1 - 2 i kappa y) ] dy,   z = c + i y + kappa y^2,
// K(z) = -sum n ln(1 - w z), 0 < c < 1/max w. The parabola follows the steepest descent and bends to the side on which
// e^(-zs) falls. The integrand is analytic and dies like a Gaussian, so the trapezoid rule converges geometrically: its
// step is halved until two sums agree.
//
// Departure: this kappa follows the descent near the saddle. Where one weight stands out (10 once beside 1 a thousand
// times) the saddle lies at its pole, the parabola is narrow, and further out it runs up the others' pole, where the
// integrand exceeds its value at the saddle by any factor. Any kappa of that sign gives the same integral, and on the
// straight line, kappa = 0, the saddle is the maximum; so kappa is quartered until there is no such hump.
//
// One tail is enough: P(T <= s) is the upper tail of -T, whose weights are those of T with the other sign.
//
// As in lattice.cc, digits are kept by writing K(c) - c s as deviances plus a small remainder, and by taking the
// integrand relative to its value at the saddle. Any c will do; only all parts must use the same.
//
// r* (Barndorff-Nielsen) and Chernoff's bound need the plain saddle, K'(t) = s. Both approximations are too coarse to
// be a p (r* is off by up to a decade on lattices) but good enough to catch an integral that went wrong.
//
// Built without fast-math and with -ffp-contract=off. Tested by tests/verify/weighted_test.cc.
#include "verify/contour.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <vector>

#include "verify/deviance.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

using Complex = std::complex<double>;

constexpr double kAgreement = 1e-11;
constexpr double kLnNegligible = -40;
constexpr double kLnHump = 1;
constexpr int kMostNodes = 20'000;
constexpr int kMostParabolas = 12;

// A level's weight under the tilt e^(cT).
double TiltedWeight(const ExponentialLevel& level, double c) { return level.weight / (1 - level.weight * c); }

// K'(c) - s: the tilted mean minus s.
double TiltedExcess(std::span<const ExponentialLevel> levels, double s, double c) {
  double sum = -s;
  for (const ExponentialLevel& level : levels) sum += level.n * TiltedWeight(level, c);
  return sum;
}

// K(c) - c s.
double Exponent(std::span<const ExponentialLevel> levels, double s, double c) {
  double sum = c * TiltedExcess(levels, s, c);
  for (const ExponentialLevel& level : levels) sum -= Deviance(level.n, level.n * (1 + TiltedWeight(level, c) * c));
  return sum;
}

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

// The integral along one parabola, relative to the integrand at the saddle.
class Parabola {
 public:
  // `tilted`: levels with their tilted weights.
  Parabola(std::span<const ExponentialLevel> tilted, double s, double c, double kappa)
      : tilted_(tilted), s_(s), c_(c), kappa_(kappa) {}

  // Trapezoid rule from this step on, halved until two sums agree; none where they do not, or on a hump.
  std::optional<double> Integral(double step) {
    double sum = 0.5 + SumFrom(step, step);
    for (double value = sum * step; !hump_ && !endless_; step /= 2) {
      sum += SumFrom(step / 2, step);
      if (hump_ || endless_) break;
      const double refined = sum * step / 2;
      if (std::fabs(refined - value) <= kAgreement * refined) return refined;  // so it is positive
      value = refined;
    }
    return std::nullopt;
  }

  // True where Integral() met values larger than that at the saddle: little would be left of them in the sum.
  bool hump() const { return hump_; }

 private:
  // Sum over y = first, first + step, ... until four in a row do not count.
  double SumFrom(double first, double step) {
    double sum = 0;
    int small = 0;
    for (int k = 0; k < kMostNodes; ++k) {
      const double y = first + k * step;
      const Complex dz(kappa_ * y * y, y);
      Complex exponent = -dz * s_ - Log1p(dz / c_);
      for (const ExponentialLevel& level : tilted_) exponent -= level.n * Log1p(-level.weight * dz);
      if (exponent.real() > kLnHump) {
        hump_ = true;
        return sum;
      }
      sum += (std::exp(exponent) * Complex(1, -2 * kappa_ * y)).real();
      const double ln_size = exponent.real() + std::log1p(2 * std::fabs(kappa_) * y);
      small = ln_size < kLnNegligible ? small + 1 : 0;
      if (small == 4) return sum;
    }
    endless_ = true;
    return sum;
  }

  std::span<const ExponentialLevel> tilted_;
  double s_, c_, kappa_;
  bool hump_ = false, endless_ = false;
};

}  // namespace

std::optional<double> LnContourTail(std::span<const ExponentialLevel> levels, double s) {
  const double c = Root(levels, [&](double t) { return TiltedExcess(levels, s, t) - 1 / t; });
  double second = 0, third = 0;  // derivatives of K
  std::vector<ExponentialLevel> tilted;
  for (const ExponentialLevel& level : levels) {
    const double weight = TiltedWeight(level, c);
    tilted.push_back({weight, level.n});
    second += level.n * weight * weight;
    third += 2 * level.n * weight * weight * weight;
  }
  double kappa = std::copysign(third / second / 6, s);
  for (int i = 0; i < kMostParabolas; ++i, kappa /= 4) {
    Parabola parabola(tilted, s, c, kappa);
    if (const auto integral = parabola.Integral(0.5 / std::sqrt(second + 1 / (c * c)))) {
      return Exponent(levels, s, c) - std::log(c) + std::log(*integral / std::numbers::pi);
    }
    if (!parabola.hump()) break;
  }
  return std::nullopt;
}

SaddlePoint LnSaddlePoint(std::span<const ExponentialLevel> levels, double s) {
  const double t = Root(levels, [&](double x) { return TiltedExcess(levels, s, x); });
  double second = 0, third = 0;
  for (const ExponentialLevel& level : levels) {
    const double weight = TiltedWeight(level, t);
    second += level.n * weight * weight;
    third += 2 * level.n * weight * weight * weight;
  }
  const double exponent = std::min(0.0, Exponent(levels, s, t));
  const double r = std::sqrt(-2 * exponent), u = t * std::sqrt(second);
  // At the mean r and u are both 0; there ln(u/r)/r tends to a sixth of the skewness.
  const double star = r > 1e-3 ? r + std::log(u / r) / r : r + third / (6 * second * std::sqrt(second));
  const double tail = 0.5 * std::erfc(star / std::sqrt(2.0));
  // Where erfc underflows: the first terms of Mills' ratio, good to 1e-4 of itself from 12 on.
  const double ln_tail =
      star < 12 ? std::log(tail) : -0.5 * star * star - std::log(star * std::sqrt(2 * std::numbers::pi)) - 1 / (star * star);
  return {exponent, ln_tail};
}

}  // namespace verdigris::verify
