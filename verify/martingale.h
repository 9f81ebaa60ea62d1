// Test martingales: evidence that stays valid when somebody stops looking as soon as it is convincing.
//
// M starts at 1, is never negative, and its mean given the past never grows under the null hypothesis. So 1/max M is a
// p-value over any number of looks (Ville), while M itself, final or merged, is an e-value.
#pragma once

#include <array>
#include <cstdint>

#include "verify/bet.h"
#include "watermark/scheme.h"

namespace verdigris::verify {

// log10 M(n, k) of k ones among n bits, the rate under the alternative uniform on (g, 1), g = numerator / denominator:
//   M = 1/(1-g) int_g^1 (p/g)^k ((1-p)/(1-g))^(n-k) dp
// Depends on (n, k) alone, so it may be taken of merged evidence. k <= n.
//
// Accuracy   |error of log10 M| <= 4e-12 + 4e-15 |log10 M|, checked for n to 1e6.
// Cost       as a binomial tail: O(sqrt n) near the mean.
double Log10BernoulliMartingale(uint64_t n, uint64_t k, uint32_t numerator, uint32_t denominator);

// log10 M(n, S) of n exponential scores that sum to s nats, the mean under the alternative 1/theta, theta uniform on
// (0, 1):
//   M = int_0^1 theta^n e^((1-theta) s) d theta
// Increasing in s, so scores may be rounded down. 0 <= s < inf.
//
// Accuracy, cost   as for bits.
double Log10GammaMartingale(uint64_t n, double s);

// log10 M of n scores that sum to `statistic`. For kTwoBernoulli M is the mean of the products of the five bets of
// verify/bet.h: a fixed grid of alternatives instead of an integral over them, and exact like those, to 4e-15 n.
double Log10Martingale(const NullLaw& law, uint64_t n, Statistic statistic);

// The running maximum of M over scores in an order fixed before scoring. Merged evidence has no order and so no
// maximum: use Log10Martingale there.
class RunningMaximum {
 public:
  explicit RunningMaximum(const NullLaw& law) : law_(law), bets_(BetsOn(law)) {}

  // The next score in text order. Cheap wherever M cannot reach a new maximum, as on unmarked text.
  void Push(uint64_t score);

  // log10 max M, M_0 = 1 included, so at least 0; log10 of the anytime p is its negative.
  double log10_max() const { return log10_max_; }
  uint64_t n() const { return n_; }
  Statistic statistic() const { return statistic_; }

 private:
  // True only where M(n_, statistic_) is certainly no new maximum.
  bool CannotRise() const;

  NullLaw law_;
  std::array<Bet, kBets> bets_;  // kTwoBernoulli only
  uint64_t n_ = 0;
  Statistic statistic_ = 0;
  double log10_max_ = 0;
};

}  // namespace verdigris::verify
