// Sums in binary64, so that probabilities add to 1 within 1e-12. Tested by tests/python/.
#include "tools/python/native/ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace verdigris::python {

double LogSumExp(std::span<const float> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - top);
  return top + std::log(sum);
}

void Rank(std::span<const float> logits, double log_sum, std::span<uint32_t> ids, std::span<double> log_probabilities) {
  std::vector<uint32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  // An order also of rows with NaN, which stand last.
  const auto likelier = [&](uint32_t a, uint32_t b) {
    const bool nan_a = std::isnan(logits[a]), nan_b = std::isnan(logits[b]);
    if (nan_a != nan_b) return nan_b;
    if (!nan_a && logits[a] != logits[b]) return logits[a] > logits[b];
    return a < b;
  };
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(ids.size());
  if (middle != order.end()) std::nth_element(order.begin(), middle, order.end(), likelier);
  std::sort(order.begin(), middle, likelier);
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = order[i];
    log_probabilities[i] = logits[order[i]] - log_sum;
  }
}

}  // namespace verdigris::python
