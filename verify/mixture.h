// Three test martingales in one, for a mark that may sit anywhere in a text (statistics.md section 7): in all of it
// (`global`), from some token on (`start`), or in pieces that come and go (`switching`).
//
//   global      M = M e                                   A = mean of M
//   start       R = (R + share) e                         B = mean of R, plus the share of starts not yet spent
//   switching   h' = h (1-a) + m b,  m' = (h a + m (1-b)) e,  from (b, a) / (a+b)      C = mean of h + m
//   E = (A + B + C) / 3
//
// e is the factor of one bet (verify/bet.h, or of a proxy); the means are over the bets, for C also over three pairs
// (a, b). Each of A, B, C starts at 1 and has mean 1 under the null hypothesis, so 1 / max E is a p-value.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "verify/bet.h"

namespace verdigris::verify {

class Mixture {
 public:
  static constexpr size_t kMostBets = 12;

  // 1 <= bets <= kMostBets.
  explicit Mixture(size_t bets);

  // The next token. `factors`: one a bet, 0 to kLargestFactor; `share`: the share of starts that fall before this token;
  // `rest`: what is left of the shares afterwards. Shares of all tokens add up to 1 at most.
  // Cost     about 50 ns for 5 bets; no logarithm, no allocation.
  static constexpr double kLargestFactor = 0x1p577;
  void Push(const double* factors, double share, double rest);

  // log10 of E after the last token.
  double log10_now() const { return Log10(total_ / 3, frame_); }
  // log10 max E, E_0 = 1 included, so at least 0.
  double log10_max() const { return best_.Log10(); }

  struct Parts {
    double global, start, switching;
  };
  Parts log10_parts_now() const { return {Log10(sum_[0], frames_[0]), Log10(sum_[1], frames_[1]), Log10(sum_[2], frames_[2])}; }
  Parts log10_parts_max() const { return {best_parts_[0].Log10(), best_parts_[1].Log10(), best_parts_[2].Log10()}; }

 private:
  static constexpr size_t kTransitions = 3;

  // value * 2^exponent, the largest so far; `in_frame` is the same number as the current sums are scaled, or infinite.
  struct Peak {
    double value = 1;
    int64_t exponent = 0;
    double in_frame = 1;
    void Raise(double sum, int64_t frame);
    void Reframe(int64_t frame);
    double Log10() const { return std::max(0.0, Mixture::Log10(value, exponent)); }
  };
  static double Log10(double value, int64_t exponent) { return std::log10(value) + static_cast<double>(exponent) * 0.301029995663981195214; }

  void Rescale();  // where values have left their range
  void Reframe();  // after exponents have changed
  template <size_t kLanes>
  void Step(const double* factors, double share);

  size_t bets_;
  int steps_since_rescale_ = 0;
  // A number is value * 2^exponent. The weight turns it into its share of the group's sum, 2^-frame times the mean.
  template <size_t kCount>
  struct Chains {
    std::array<double, kCount> value{}, weight{};
    std::array<int64_t, kCount> exponent{};
  };
  Chains<kMostBets> global_;
  Chains<kMostBets> start_;
  std::array<double, kMostBets> one_{};                  // 1 in the scale of each start_ value
  Chains<kTransitions * kMostBets> switching_;           // value: m, the marked state
  std::array<double, kTransitions * kMostBets> human_{};  // h, in the scale of its m
  std::array<int64_t, 3> frames_{};
  std::array<double, 3> sum_{1, 1, 1}, to_total_{1, 1, 1};
  double rest_scale_ = 1;
  int64_t frame_ = 0;
  double total_ = 3;
  Peak best_;
  std::array<Peak, 3> best_parts_;
};

// Factors of a score under the bets on a law: from a table where the law has few scores.
class BetFactors {
 public:
  explicit BetFactors(const NullLaw& law);
  // kBets numbers, valid until the next call.
  const double* Of(uint64_t score);

 private:
  std::array<Bet, kBets> bets_;
  std::vector<std::array<double, kBets>> table_;
  std::array<double, kBets> computed_{};
};

}  // namespace verdigris::verify
