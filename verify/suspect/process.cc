// The cumulants do not depend on the key, so they are taken once, and a key costs one pass over its scores. ln of the mean
// is at most the largest ln M, so it is taken only where that passes the largest E so far.
//
// Tested by tests/verify/suspect/process_test.cc (suspect.json `steps`, `predictable`, `decisions`).
#include "verify/suspect/process.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>

#include "verify/ln_mean_exp.h"
#include "verify/suspect/coefficients.h"

namespace verdigris::verify {

Grid Grid::Steps(const ScoreLaw& law) {
  Grid grid{};
  for (int k = -8; k <= 6; ++k) {
    if (const double l = std::exp2(k / 2.0); l < law.pole()) grid.nodes.push_back(l);
  }
  grid.divisor = grid.nodes.size();
  return grid;
}

Grid Grid::ByDeviation(const ScoreLaw& law, double sum_x_squared, double largest_x) {
  Grid grid{{}, 17};
  const double sd = std::sqrt(law.variance() * sum_x_squared);
  for (int k = 0; k <= 16; ++k) {
    if (const double l = std::exp2(k / 2.0) / sd; l * largest_x < law.pole()) grid.nodes.push_back(l);
  }
  return grid;
}

EProcess::EProcess(const NullLaw& law, const Grid& grid, std::vector<size_t> window_ends, std::vector<std::vector<int32_t>> sets)
    : law_(law), unit_(law.kind == NullLaw::Kind::kGamma ? 0x1p-32 : 1), grid_(grid), window_ends_(std::move(window_ends)), sets_(std::move(sets)) {
  const size_t nodes = grid_.nodes.size();
  std::vector<std::array<double, 2 * kMostCoefficient + 1>> ln_m(nodes);
  for (size_t j = 0; j < nodes; ++j) {
    for (int32_t a = -kMostCoefficient; a <= kMostCoefficient; ++a) {
      ln_m[j][static_cast<size_t>(a + kMostCoefficient)] = grid_.nodes[j] * a / kMostCoefficient < law_.pole() ? law_.LnM(grid_.nodes[j] * a / kMostCoefficient) : 0;
    }
  }
  cumulants_.assign(window_ends_.size() * sets_.size() * nodes, 0);
  double* out = cumulants_.data();
  for (size_t i = 0, row = 0; i < window_ends_.size(); ++i) {
    for (const std::vector<int32_t>& set : sets_) {
      assert(set.size() == rows());
      for (size_t r = row; r < window_ends_[i]; ++r) {
        const auto a = static_cast<size_t>(set[r] + kMostCoefficient);
        for (size_t j = 0; j < nodes; ++j) out[j] += ln_m[j][a];
      }
      out += nodes;
    }
    row = window_ends_[i];
  }
}

EProcess::Outcome EProcess::Run(std::span<const uint64_t> scores, std::vector<double>* path) const {
  assert(scores.size() == rows());
  const size_t nodes = grid_.nodes.size();
  Outcome outcome;
  if (path != nullptr) path->clear();
  if (nodes == 0 || sets_.empty() || window_ends_.empty()) return outcome;  // no bet: E stays 1
  std::vector<double> ln(sets_.size() * nodes, 0);
  const double* cumulants = cumulants_.data();
  const size_t divisor = sets_.size() * grid_.divisor;
  for (size_t i = 0, row = 0; i < window_ends_.size(); ++i) {
    double largest = -std::numeric_limits<double>::infinity();
    for (size_t s = 0; s < sets_.size(); ++s, cumulants += nodes) {
      double sum = 0;
      for (size_t r = row; r < window_ends_[i]; ++r) sum += sets_[s][r] * (static_cast<double>(scores[r]) * unit_ - law_.mean());
      sum /= kMostCoefficient;
      for (size_t j = 0; j < nodes; ++j) {
        ln[s * nodes + j] += grid_.nodes[j] * sum - cumulants[j];
        largest = std::max(largest, ln[s * nodes + j]);
      }
    }
    row = window_ends_[i];
    if (largest > outcome.ln_max || path != nullptr) {
      const double now = LnMeanExp(ln, divisor);
      outcome.ln_max = std::max(outcome.ln_max, now);
      if (path != nullptr) path->push_back(now);
    }
  }
  outcome.ln_end = LnMeanExp(ln, divisor);
  return outcome;
}

double Log10AfterLooks(std::span<const double> log10_p_of_looks) {
  double smallest = 0;
  for (size_t j = 1; j <= log10_p_of_looks.size(); ++j) {
    smallest = std::min(smallest, log10_p_of_looks[j - 1] + std::log10(static_cast<double>(j) * static_cast<double>(j + 1)));
  }
  return smallest;
}

}  // namespace verdigris::verify
