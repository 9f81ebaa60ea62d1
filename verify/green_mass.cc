// E0[f] by 1/z = int_0^inf e^{-xz} dx: the colours are independent, so the mean of the exponential is a product over ids.
//   E0[f] = int e^{-x (1 + (A-1) r g)} (g A e^{-x Q_v} + 1-g) prod_{u != v} (g e^{-x Q_u} + 1-g) dx
// The integrand falls from its value at 0 at rates between 1 and A, so it is integrated over t, x = exp(t - exp(-t)) (the
// double exponential rule for integrands that already fall exponentially; Takahasi and Mori 1974), by the trapezoid rule,
// halved until two steps agree.
//
// Tested by tests/verify/green_mass_test.cc (eprocess.json `green_mass`; statistics.md P21).
#include "verify/green_mass.h"

#include <cassert>
#include <cmath>

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {

GreenMass GreenMassFactor(std::span<const double> q, std::span<const uint8_t> greens, size_t observed, double g, double delta_nats) {
  assert(observed < q.size() && q.size() == greens.size());
  const double a = std::exp(delta_nats), a_minus_1 = std::expm1(delta_nats);
  double listed = 0, green = 0;
  for (size_t i = 0; i < q.size(); ++i) {
    listed += q[i];
    if (greens[i] != 0) green += q[i];
  }
  const double rest = std::fmax(0.0, 1 - listed) * g;
  const double f = (greens[observed] != 0 ? a : 1) / (1 + a_minus_1 * (green + rest));

  const auto integrand = [&](double x) {
    double product = std::exp(-x * (1 + a_minus_1 * rest));
    for (size_t i = 0; i < q.size() && product > 0; ++i) {
      const double if_green = g * std::exp(-x * a_minus_1 * q[i]);
      product *= (i == observed ? a * if_green : if_green) + (1 - g);
    }
    return product;
  };
  const auto at = [&](double t) {
    const double x = std::exp(t - std::exp(-t));
    return integrand(x) * x * (1 + std::exp(-t));
  };
  // x from 1e-25 to 70: what lies outside is below 1e-15 of the integral, which is at least 1/A >= 2e-9.
  constexpr double kFrom = -4, kTo = 4.3;
  int steps = 32;
  double step = (kTo - kFrom) / steps, sum = 0;
  for (int i = 0; i <= steps; ++i) sum += at(kFrom + i * step);
  double integral = sum * step;
  for (int halving = 0; halving < 10; ++halving) {
    for (int i = 0; i < steps; ++i) sum += at(kFrom + (i + 0.5) * step);
    steps *= 2;
    step /= 2;
    const double last = integral;
    integral = sum * step;
    // The error falls with the square at each halving.
    if (std::fabs(integral - last) <= 1e-9 * integral) break;
  }
  return {f, integral, f / integral};
}

}  // namespace verdigris::verify
