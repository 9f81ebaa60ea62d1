// The likeliest tokens of a row of logits, with their log-probabilities at temperature 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace verdigris::python {

// ln of the sum of exp(logit). NaN for a row with NaN or +infinity, which weights made for it can give.
double LogSumExp(std::span<const float> logits);

// The k likeliest ids, likeliest first, ties to the smallest id, with ln p.
// Precondition: ids.size() == log_probabilities.size() <= logits.size(); log_sum is LogSumExp(logits).
void Rank(std::span<const float> logits, double log_sum, std::span<uint32_t> ids, std::span<double> log_probabilities);

}  // namespace verdigris::python
