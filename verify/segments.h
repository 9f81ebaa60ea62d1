// Segments: which stretches of a text contain marked tokens, each with a p of its own (statistics.md section 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "watermark/scheme.h"

namespace verdigris::verify {

// Scored tokens first..last-1 of the text.
struct Segment {
  size_t first, last;
  double log10_p;
};

// Disjoint segments with log10 p <= log10_alpha, the best first.
//
// Claim      "contains marked tokens", with p = min(1, n / mean over the bets of the product of factors). The ends are
//            estimates. The chance that any segment free of marked tokens gets p <= alpha is at most alpha, also in a
//            text that is marked elsewhere, so no further correction is due.
// Source     candidates: Ruzzo and Tompa, ISMB 1999: all maximal segments of ln e, for each bet.
// Cost       linear: some 50 ns a token.
// Scores in text order; sums of scores must stay below 2^64 (190 million tokens at the very worst).
std::vector<Segment> FindSegments(const NullLaw& law, std::span<const uint64_t> scores, double log10_alpha);

// The same for factors that are no function of a score: ln_factors[t * bets + i] of token t and bet i, finite.
std::vector<Segment> FindSegments(std::span<const double> ln_factors, size_t bets, double log10_alpha);

}  // namespace verdigris::verify
