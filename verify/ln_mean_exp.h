// The mean of numbers of which only the logarithms fit into a double.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <span>

namespace verdigris::verify {

// ln of the sum of e^x over `divisor`.
inline double LnMeanExp(std::span<const double> x, size_t divisor) {
  assert(!x.empty());
  const double largest = *std::max_element(x.begin(), x.end());
  if (largest == -INFINITY) return largest;
  double sum = 0;
  for (const double value : x) sum += std::exp(value - largest);
  return largest + std::log(sum / static_cast<double>(divisor));
}
inline double LnMeanExp(std::span<const double> x) { return LnMeanExp(x, x.size()); }

}  // namespace verdigris::verify
