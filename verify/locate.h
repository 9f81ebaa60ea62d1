// Localisation: is there a mark anywhere in this text, and where? For texts of which only a part is marked: a paragraph
// pasted into a human document, or pieces of it.
//
// Null hypothesis   as in verify/law.h; scores in text order, an order fixed before scoring.
// Exact             a valid p at every level (Ville), on the safe side: of null texts some 3 % get p <= 5 %.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "verify/mixture.h"
#include "verify/segments.h"

namespace verdigris::verify {

struct Located {
  double log10_p = 0;  // of the document: -log10 max(1, max E), E of verify/mixture.h
  // log10 of the largest value of each part of E. Description: only log10_p is the p of the document.
  Mixture::Parts log10_parts{};
  std::vector<Segment> segments;
};

// Scores in text order, each tuple once. `log10_e`, if not null, gets log10 E after each token: the curve of a picture.
// Segments are those with p <= alpha. No scores: p = 1, no segments.
//
// Cost     below 0.2 us a token, with segments; memory 8 bytes a token.
Located Locate(const NullLaw& law, std::span<const uint64_t> scores, double log10_alpha, std::vector<double>* log10_e);

// The same for factors that depend on more than the score (verify/proxy.h): ln_factors[t * bets + i] of token t and bet i,
// finite, each with mean 1 under the null hypothesis. 1 <= bets <= Mixture::kMostBets.
Located Locate(std::span<const double> ln_factors, size_t bets, double log10_alpha, std::vector<double>* log10_e);

// The p of a stream whose length nobody knows, after each token, in constant memory. Starts are shared out as 1/(j(j+1)).
// A stop at any moment keeps the p valid.
class StreamLocator {
 public:
  explicit StreamLocator(const NullLaw& law) : factors_(law), mixture_(kBets) {}

  void Push(uint64_t score);

  uint64_t n() const { return n_; }
  double log10_now() const { return mixture_.log10_now(); }
  // log10 max E, at least 0; log10 of the anytime p is its negative.
  double log10_max() const { return mixture_.log10_max(); }

 private:
  BetFactors factors_;
  Mixture mixture_;
  uint64_t n_ = 0;
};

}  // namespace verdigris::verify
