// Test martingales: evidence that stays valid when somebody stops looking as soon as it is convincing.
//
// M starts at 1, is never negative, and its mean given the past never grows under the null hypothesis. So 1/max M is a
// p-value over any number of looks (Ville), while M itself, final or merged, is an e-value.
#pragma once

#include <cstdint>

#include "watermark/scheme.h"

namespace verdigris::verify {

// log10 M(n, k) of k ones among n bits, the rate under the alternative uniform on (g, 1), g = numerator / denominator:
//   M = 1/(1-g) int_g^1 (p/g)^k ((1-p)/(1-g))^(n-k) dp
// Depends on (n, k) alone, so it may be taken of merged evidence. k <= n.
//
// Accuracy   |error of log10 M| <= 4e-12 + 4e-15 |log10 M|, checked for n to 1e6.
// Cost       as a binomial tail: O(sqrt n) near the mean.
double Log10BernoulliMartingale(uint64_t n, uint64_t k, uint32_t numerator, uint32_t denominator);

// log10 M of n scores that sum to `statistic`.
double Log10Martingale(const NullLaw& law, uint64_t n, Statistic statistic);

// The running maximum of M over scores in an order fixed before scoring. Merged evidence has no order and so no
// maximum: use Log10Martingale there.
class RunningMaximum {
 public:
  explicit RunningMaximum(const NullLaw& law) : law_(law) {}

  // The next score in text order. Cheap wherever M cannot reach a new maximum, as on unmarked text.
  void Push(uint64_t score);

  // log10 max M, M_0 = 1 included, so at least 0; log10 of the anytime p is its negative.
  double log10_max() const { return log10_max_; }
  uint64_t n() const { return n_; }
  Statistic statistic() const { return statistic_; }

 private:
  NullLaw law_;
  uint64_t n_ = 0;
  Statistic statistic_ = 0;
  double log10_max_ = 0;
};

}  // namespace verdigris::verify
