// The e-process of a sequential test, and the p after looks (suspect-models.md M2.4, M2.5).
//
// Windows come in order of first encounter. At each the coefficients are settled, then its scores enter:
//   ln M_l += sum over its rows of l x (score - mean) - ln m(l x),   x = a / 1023,
// a martingale from 1 under the null hypothesis for every l, whatever the coefficients learn from earlier windows. E is
// the mean of M_l over a grid, and over several sets of coefficients; 1 / max E is a p-value (Ville).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "verify/suspect/score_law.h"

namespace verdigris::verify {

// l of the nodes. One at or beyond the pole is left out of the mean in a step grid, and counts as 0 in an sd grid.
struct Grid {
  std::vector<double> nodes;
  size_t divisor;  // the mean is the sum over nodes by this

  // 2^(k/2), k = -8..6, for coefficients of first encounters.
  static Grid Steps(const ScoreLaw& law);
  // 2^(k/2) / sd, k = 0..16, sd^2 = variance of a score times sum x^2 over all rows, before any filter: for coefficients that
  // no draw has shaped, seen through a filter. largest_x: over the same rows.
  static Grid ByDeviation(const ScoreLaw& law, double sum_x_squared, double largest_x);
};

// One test's coefficients with its cumulants, to be run under many keys. Immutable; any number of threads.
class EProcess {
 public:
  // window_ends[i]: one past the last row of window i, rows in order. sets: one coefficient a row, |a| <= 1023, each.
  // Memory   8 bytes a window, node and set.
  EProcess(const NullLaw& law, const Grid& grid, std::vector<size_t> window_ends, std::vector<std::vector<int32_t>> sets);

  struct Outcome {
    double ln_max = 0;  // of E, E_0 = 1 included; ln p is its negative
    double ln_end = 0;  // the last E: an e-value
  };
  // scores: one a row, in the units of the scheme's score. `path`, if not null, gets ln E after each window.
  Outcome Run(std::span<const uint64_t> scores, std::vector<double>* path = nullptr) const;

  // As given: the coefficients of each set, and where windows end.
  std::span<const std::vector<int32_t>> sets() const { return sets_; }
  std::span<const size_t> window_ends() const { return window_ends_; }
  size_t rows() const { return window_ends_.empty() ? 0 : window_ends_.back(); }

 private:
  ScoreLaw law_;
  double unit_;  // of a score
  Grid grid_;
  std::vector<size_t> window_ends_;
  std::vector<std::vector<int32_t>> sets_;
  std::vector<double> cumulants_;  // a window, a set, a node: sum of ln m(l x)
};

// log10 of the smallest p so far after looks 1, 2, ... at growing answers: that of look j counts j (j+1) times, and the
// inverse factors sum to 1.
double Log10AfterLooks(std::span<const double> log10_p_of_looks);

}  // namespace verdigris::verify
