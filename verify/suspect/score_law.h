// One token's score under the null hypothesis as its cumulant function, and what follows from that alone: Chernoff bounds
// and e-values of fixed coefficients (suspect-models.md M2.3, M2.4). Bounds hold for every coefficient; where there is an
// exact law (verify/suspect/exact.h) that decides.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "watermark/scheme.h"

namespace verdigris::verify {

// ln E exp(x (s - mean)) of one score s, for x below `pole`. Scores of kGamma are in nats here: score / 2^32. For these
// the function is a bound on both sides, since a score falls short of an exponential by at most one unit of 2^-32 nat and
// one cell of 2^-32 in probability.
class ScoreLaw {
 public:
  explicit ScoreLaw(const NullLaw& law);

  double mean() const { return mean_; }
  double variance() const { return variance_; }
  double pole() const { return pole_; }  // infinite for bits

  double LnM(double x) const;
  double Slope(double x) const;      // first derivative
  double Curvature(double x) const;  // second

  // The largest score - mean (first) and mean - score (second), each with the ln of its chance; infinite where there is none.
  struct End {
    double size, ln_chance;
  };
  End up() const { return up_; }
  End down() const { return down_; }

 private:
  NullLaw law_;
  double mean_, variance_, pole_;
  End up_, down_;
};

// Coefficients with how often each occurs.
struct Level {
  int32_t coefficient;
  uint64_t n;
};

// ln of the Chernoff bound of P(sum of coefficient (score - mean) >= T): min over l > 0 of K(l) - l T. 0 where T <= 0; at the
// largest T its log probability.
// Accuracy   1e-9 + 1e-12 |value|.
double LnChernoff(const ScoreLaw& law, std::span<const Level> levels, double T);

// ln of the e-value of fixed coefficients: the mean of exp(l T - K(l)) over l = 2^(k/2) / sd(T), k = 0..16; nodes at or
// beyond the pole count as 0, and where none is left E is 1. For clusters of accounts and e-BH, taken once at the end; its
// largest value on the way is no e-value where coefficients change.
double LnFixedE(const ScoreLaw& law, std::span<const Level> levels, double T);

}  // namespace verdigris::verify
