// The e-value of one token where the proxy gives the whole distribution of the next token, not only the observed one's
// probability (statistics.md 6.4 B): stronger than verify/proxy.h by a third, and with a condition that is easy to break.
//
// Condition   each window may count once in the whole evidence, since the colours of all ids under it are used up. Colours
//             must be independent (green: yes; lists of a fixed size: no).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace verdigris::verify {

struct GreenMass {
  double likelihood_ratio;  // f = A^G_v / (1 + (A-1) (green mass of U + r g)), A = exp(delta)
  double null_mean;         // E0[f] over the colours; not 1
  double e;                 // f / E0[f]: the e-value
};

// `q`: probabilities of a set U of ids that contains the observed one, q[observed]; greens[i] != 0 where the i-th is green.
// r is the mass outside U, counted at its mean. At least one id, 0 <= q, sum at most 1; 0 < g < 1; 0 < delta <= 20.
//
// Accuracy   1e-12 relative. Cost: some 200 exponentials an id.
GreenMass GreenMassFactor(std::span<const double> q, std::span<const uint8_t> greens, size_t observed, double g, double delta_nats);

}  // namespace verdigris::verify
