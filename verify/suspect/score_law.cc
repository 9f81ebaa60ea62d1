// Newton's iteration inside a bracket, as M2.3 has it: any l gives a bound, so where it stops decides nothing.
//
// Tested by tests/verify/suspect/score_law_test.cc (suspect.json `laws`, `fixed`, `gumbel`, `tournament`).
#include "verify/suspect/score_law.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "verify/ln_mean_exp.h"

namespace verdigris::verify {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kCell = 0x1p-32;

double LnCosh(double y) { return std::fabs(y) + std::log1p(std::exp(-2 * std::fabs(y))) - std::numbers::ln2; }

double Rate(const NullLaw& law) { return static_cast<double>(law.numerator) / law.denominator; }

struct Cumulant {
  double value, slope, curvature;
};

Cumulant CumulantOf(const ScoreLaw& law, std::span<const Level> levels, double l) {
  Cumulant sum{};
  for (const Level& level : levels) {
    const double a = level.coefficient, n = static_cast<double>(level.n);
    sum.value += n * law.LnM(l * a);
    sum.slope += n * a * law.Slope(l * a);
    sum.curvature += n * a * a * law.Curvature(l * a);
  }
  return sum;
}

// l > 0 where the slope of K is T > 0.
double Saddle(const ScoreLaw& law, std::span<const Level> levels, double T) {
  double most = 0;
  for (const Level& level : levels) most = std::max(most, static_cast<double>(level.coefficient));
  double low = 0, high = most > 0 ? law.pole() / most : kInfinity;
  double l = T / CumulantOf(law, levels, 0).curvature;
  if (!(l < high)) l = std::isinf(high) ? l : (low + high) / 2;
  for (int i = 0; i < 300; ++i) {
    const Cumulant k = CumulantOf(law, levels, l);
    (k.slope < T ? low : high) = l;
    double next = k.curvature > 0 ? l - (k.slope - T) / k.curvature : std::numeric_limits<double>::quiet_NaN();
    if (!(next > low && next < high)) next = std::isinf(high) ? 2 * l : (low + high) / 2;
    const bool close = std::fabs(next - l) <= 1e-14 * l;
    l = next;
    if (close) break;
  }
  return l;
}

}  // namespace

ScoreLaw::ScoreLaw(const NullLaw& law) : law_(law), pole_(kInfinity) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli: {
      const double g = Rate(law);
      mean_ = g;
      variance_ = g * (1 - g);
      up_ = {1 - g, std::log(g)};
      down_ = {g, std::log1p(-g)};
      break;
    }
    case NullLaw::Kind::kGamma:
      mean_ = variance_ = pole_ = 1;
      up_ = {kInfinity, -kInfinity};
      down_ = {1, std::log(kCell)};
      break;
    case NullLaw::Kind::kTwoBernoulli:
      mean_ = law.heavy + law.light / 2.0;
      variance_ = law.heavy + law.light / 4.0;
      up_ = down_ = {mean_, -std::numbers::ln2 * (law.heavy + law.light)};
      break;
  }
}

double ScoreLaw::LnM(double x) const {
  switch (law_.kind) {
    case NullLaw::Kind::kBernoulli: {
      const double g = Rate(law_);
      return x > 0 ? (1 - g) * x + std::log(g + (1 - g) * std::exp(-x)) : std::log1p(g * std::expm1(x)) - g * x;
    }
    case NullLaw::Kind::kGamma:
      return -x - std::log1p(-x) + (x < 0 ? std::log1p((1 - x) * kCell) - x * kCell : 0.0);
    case NullLaw::Kind::kTwoBernoulli:
      return law_.heavy * LnCosh(x) + law_.light * LnCosh(x / 2);
  }
  return 0;
}

double ScoreLaw::Slope(double x) const {
  switch (law_.kind) {
    case NullLaw::Kind::kBernoulli: {
      const double g = Rate(law_), a = std::exp(-std::fabs(x));
      return (x > 0 ? g / (g + (1 - g) * a) : g * a / (1 - g + g * a)) - g;
    }
    case NullLaw::Kind::kGamma:
      return x / (1 - x);
    case NullLaw::Kind::kTwoBernoulli:
      return law_.heavy * std::tanh(x) + law_.light / 2.0 * std::tanh(x / 2);
  }
  return 0;
}

double ScoreLaw::Curvature(double x) const {
  switch (law_.kind) {
    case NullLaw::Kind::kBernoulli: {
      const double rate = Slope(x) + mean_;
      return rate * (1 - rate);
    }
    case NullLaw::Kind::kGamma:
      return 1 / ((1 - x) * (1 - x));
    case NullLaw::Kind::kTwoBernoulli: {
      const double one = std::cosh(x), half = std::cosh(x / 2);
      return law_.heavy / (one * one) + law_.light / (4 * half * half);
    }
  }
  return 0;
}

double LnChernoff(const ScoreLaw& law, std::span<const Level> levels, double T) {
  double top = 0, ln_top = 0;
  for (const Level& level : levels) {
    const ScoreLaw::End end = level.coefficient > 0 ? law.up() : law.down();
    if (level.coefficient == 0 || level.n == 0) continue;
    top += std::fabs(level.coefficient) * static_cast<double>(level.n) * end.size;
    ln_top += static_cast<double>(level.n) * end.ln_chance;
  }
  if (top == 0 || T <= 0) return 0;
  if (T >= top * (1 - 1e-12)) return ln_top;
  const double l = Saddle(law, levels, T);
  return std::min(0.0, CumulantOf(law, levels, l).value - l * T);
}

double LnFixedE(const ScoreLaw& law, std::span<const Level> levels, double T) {
  double squares = 0, most = 0;
  for (const Level& level : levels) {
    squares += static_cast<double>(level.coefficient) * level.coefficient * static_cast<double>(level.n);
    if (level.n != 0) most = std::max(most, static_cast<double>(level.coefficient));
  }
  if (squares == 0) return 0;
  const double sd = std::sqrt(law.variance() * squares);
  constexpr int kNodes = 17;
  std::vector<double> ln;
  for (int k = 0; k < kNodes; ++k) {
    const double l = std::exp2(k / 2.0) / sd;
    if (l * most < law.pole()) ln.push_back(l * T - CumulantOf(law, levels, l).value);
  }
  if (ln.empty()) return 0;
  return LnMeanExp(ln, kNodes);
}

}  // namespace verdigris::verify
