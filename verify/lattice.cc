// A sum T of bits with whole weights lives on a lattice, so its tail is a trapezoid rule over one period of its
// generating function, through the saddle c > 0 (statistics.md 4.1):
//   p = (1/N) sum_k Re f(c + 2 pi i k/N),     f(z) = exp(K(z) - z s) / (1 - e^-z),     K = sum n ln(1 - g + g e^(w z)).
// The rule returns sum over all integers m of e^(cNm) P(T >= s + N m): every term is positive and m = 0 is p. So it is
// exact once N covers the sum's spread, never too small before that, and true for every c: the saddle is only the c
// that needs the fewest nodes, and is not sought to the last bit.
//
// Three things keep the digits.
//  - ln f(c) is a sum of deviances (verify/deviance.h). With P the rate of a level tilted by c,
//      K(c) - c s = -sum n KL(P || g) + c (tilted mean - s),
//    where only the small last term has a difference, and that is taken of excesses over the null mean.
//  - Nodes are taken relative to f(c), through 1 + P (e^(iwy) - 1), whose size and angle come from sin(wy/2).
//  - Angles are reduced as integers: w k and s k modulo N, a power of two.
// Two things keep it fast. |f| at a node is at most any one level's factor, and a factor is periodic with weight-many
// peaks: only nodes near the peaks of the level with the largest variance (the guide) can count, some 25 weight of them
// whatever n. And when N doubles, only the odd nodes are new.
//
// Built without fast-math and with -ffp-contract=off. Tested by tests/verify/weighted_test.cc.
#include "verify/lattice.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>

#include "verify/deviance.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr double kLnNegligible = -45;  // a node this far below the peak, and 2^24 of them, are nothing
constexpr double kAgreement = 1e-11;
constexpr double kMostNodes = 1 << 24;

// s minus the null mean.
double Excess(const std::vector<LatticeLevel>& levels, uint64_t s) {
  double excess = static_cast<double>(s);
  for (const LatticeLevel& level : levels) {
    excess -= static_cast<double>(level.weight * level.n) * level.chance.yes / level.chance.all;
  }
  return excess;
}

// One level under the tilt e^(c T).
struct Tilted {
  uint64_t weight;
  double n;
  double yes, no;   // tilted rates
  double rise;      // yes - null rate
  double variance;  // n yes no
};

Tilted Tilt(const LatticeLevel& level, double c) {
  const double g = level.chance.yes / level.chance.all, rest = level.chance.no / level.chance.all;
  const double exponent = -static_cast<double>(level.weight) * c;
  const double x = std::exp(exponent), all = g + rest * x, n = static_cast<double>(level.n);
  const double yes = g / all, no = rest * x / all;
  return {level.weight, n, yes, no, -g * rest * std::expm1(exponent) / all, n * yes * no};
}

// Tilted mean minus s.
double TiltedExcess(const std::vector<LatticeLevel>& levels, double excess, double c) {
  double sum = -excess;
  for (const LatticeLevel& level : levels) {
    const Tilted t = Tilt(level, c);
    sum += static_cast<double>(t.weight) * t.n * t.rise;
  }
  return sum;
}

double Saddle(const std::vector<LatticeLevel>& levels, double excess) {
  const auto slope = [&](double c) { return TiltedExcess(levels, excess, c) - 1 / std::expm1(c); };
  double low = 0, high = 1;
  while (slope(high) < 0 && high < 1e4) {  // any c serves, so rounding near the maximum may not keep this going
    low = high;
    high *= 2;
  }
  while (high - low > 1e-6 * high) {
    const double middle = 0.5 * (low + high);
    (slope(middle) < 0 ? low : high) = middle;
  }
  return high;
}

class Rule {
 public:
  Rule(const std::vector<LatticeLevel>& levels, uint64_t s, double c)
      : s_(s), decay_(std::exp(-c)), gap_(-std::expm1(-c)) {
    for (const LatticeLevel& level : levels) levels_.push_back(Tilt(level, c));
    std::sort(levels_.begin(), levels_.end(), [](const Tilted& a, const Tilted& b) { return a.variance > b.variance; });
    sines_.resize(levels_.size());
    // A factor is at most exp(-2 variance sin^2(wy/2)).
    const double sine = std::sqrt(-kLnNegligible / (2 * levels_.front().variance));
    reach_ = sine < 1 ? std::asin(sine) / std::numbers::pi : 0.5;
  }

  // Nodes that count of a rule of size N, in half a period.
  double NodesOf(uint64_t N) const { return static_cast<double>(N) * reach_; }

  // Sum of Re f / f(c) over the nodes of a rule of size N; if odd_only, over those that N/2 does not have.
  double Sum(uint64_t N, bool odd_only) {
    const uint64_t peaks = reach_ < 0.5 ? levels_.front().weight : 1, half = N / 2;
    const double spacing = static_cast<double>(N) / static_cast<double>(peaks);
    double sum = 0;
    for (uint64_t peak = 0, next = 0; next <= half && peak <= peaks; ++peak) {
      const double centre = static_cast<double>(peak), from = std::ceil((centre - reach_) * spacing);
      uint64_t k = from > 0 ? std::max(next, static_cast<uint64_t>(from)) : next;
      if (odd_only) k |= 1;
      const uint64_t last = std::min(half, static_cast<uint64_t>((centre + reach_) * spacing));
      for (; k <= last; k += odd_only ? 2 : 1) sum += (k == 0 || k == half ? 1 : 2) * Node(k, N);
      next = std::max(next, last + 1);
    }
    return sum;
  }

 private:
  // pi x / N with x taken modulo N into (-N/2, N/2]: half the angle 2 pi x / N.
  static double HalfAngle(uint64_t x, uint64_t N) {
    const uint64_t part = x & (N - 1);
    const double turn = part > N / 2 ? -static_cast<double>(N - part) : static_cast<double>(part);
    return std::numbers::pi * turn / static_cast<double>(N);
  }

  double Node(uint64_t k, uint64_t N) {
    const double half = HalfAngle(k, N), sine = std::sin(half);
    double size = -0.5 * std::log1p(4 * decay_ * (sine / gap_) * (sine / gap_));
    for (size_t i = 0; i < levels_.size(); ++i) {
      const Tilted& t = levels_[i];
      sines_[i] = std::sin(HalfAngle(t.weight * k, N));
      size += 0.5 * t.n * std::log1p(-4 * t.yes * t.no * sines_[i] * sines_[i]);
      if (size < kLnNegligible) return 0;
    }
    double angle =
        -2 * HalfAngle(s_ * k, N) - std::atan2(2 * decay_ * sine * std::cos(half), gap_ + 2 * decay_ * sine * sine);
    for (size_t i = 0; i < levels_.size(); ++i) {
      const double sin_half = sines_[i], cos_half = std::sqrt(1 - sin_half * sin_half), rate = levels_[i].yes;
      angle += levels_[i].n * std::atan2(2 * rate * sin_half * cos_half, 1 - 2 * rate * sin_half * sin_half);
    }
    return std::exp(size) * std::cos(angle);
  }

  uint64_t s_;
  double decay_, gap_;  // e^-c and 1 - e^-c
  std::vector<Tilted> levels_;
  std::vector<double> sines_;
  double reach_;  // of the guide's peaks, in their spacings
};

// s above the mean and below the maximum, weights without a common divisor.
double LnTailAboveMean(const std::vector<LatticeLevel>& levels, uint64_t s, double excess) {
  const double c = Saddle(levels, excess);
  double ln_at_saddle = c * TiltedExcess(levels, excess, c) - std::log(-std::expm1(-c));
  double variance = 0.25 / (std::sinh(c / 2) * std::sinh(c / 2));
  for (const LatticeLevel& level : levels) {
    const Tilted t = Tilt(level, c);
    const double weight = static_cast<double>(t.weight);
    ln_at_saddle -= Deviance(t.n * t.yes, t.n * (level.chance.yes / level.chance.all)) +
                    Deviance(t.n * t.no, t.n * (level.chance.no / level.chance.all));
    variance += weight * weight * t.variance;
  }

  Rule rule(levels, s, c);
  uint64_t N = 16;
  const double enough = 8 * std::sqrt(variance) + 1;
  while (static_cast<double>(N) < enough && rule.NodesOf(2 * N) <= kMostNodes) N *= 2;
  double sum = rule.Sum(N, false), value = sum / static_cast<double>(N);
  while (rule.NodesOf(2 * N) <= 2 * kMostNodes) {
    N *= 2;
    sum += rule.Sum(N, true);
    const double refined = sum / static_cast<double>(N);
    const bool agree = std::fabs(refined - value) <= kAgreement * refined;
    value = refined;
    if (agree) break;
  }
  return ln_at_saddle + std::log(value);
}

}  // namespace

double LnLatticeUpperTail(std::vector<LatticeLevel> levels, uint64_t s) {
  assert(!levels.empty() && s >= 1);
  uint64_t divisor = 0, largest = 0;
  for (const LatticeLevel& level : levels) divisor = std::gcd(divisor, level.weight);
  for (LatticeLevel& level : levels) {
    level.weight /= divisor;
    largest += level.weight * level.n;
  }
  s = (s + divisor - 1) / divisor;
  assert(s <= largest && largest < uint64_t{1} << 53);
  if (s == largest) {
    double ln_p = 0;
    for (const LatticeLevel& level : levels) ln_p += static_cast<double>(level.n) * level.chance.LnYes();
    return ln_p;
  }
  const double excess = Excess(levels, s);
  if (excess > 0) return LnTailAboveMean(levels, s, excess);
  // P(T >= s) = 1 - P(T' >= s'), T' the same sum of the complementary bits; s' is above the mean of T'.
  for (LatticeLevel& level : levels) std::swap(level.chance.yes, level.chance.no);
  s = largest - s + 1;
  if (s == largest) return std::log1p(-std::exp(LnLatticeUpperTail(std::move(levels), s)));
  return std::log1p(-std::exp(LnTailAboveMean(levels, s, Excess(levels, s))));
}

}  // namespace verdigris::verify
