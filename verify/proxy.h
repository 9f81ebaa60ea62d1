// Tests that know how probable a model finds each token. A token that had to come says nothing about the mark, and one that
// was a surprise says much; a proxy, any model that resembles the one that wrote the text, tells them apart.
//
// Null hypothesis   the text and the proxy's probabilities do not depend on the key. A bad proxy, a wrong delta or a
//                   temperature that nobody knows costs power, never validity (statistics.md 6.3 and 6.4 A).
// q                 probability of the observed token, best among markable ids; ln q in nats, at most 0. ln q = 0 (a
//                   token that was certain) takes the token out of the test: use it where the proxy has no number.
// Draws             Layers::DrawsOf: the colour, or the word. Tuples in text order, each once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "verify/law.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

struct ProxyOptions {
  double delta_nats = 2;  // colours: the bonus that the weights assume, in (0,20]
  double lambda = 0.1;    // words: share of each factor that bets on nothing, in (0,1)
};

struct ProxyResult {
  // What a finding reports: twice the smaller of the next two. The sum is the stronger for text that is marked throughout and
  // of which the proxy saw all that the writer saw; one token that contradicts can spoil it, and then the products stand.
  double log10_p = 0;
  double log10_p_sum = 0;  // of the weighted sum
  LawStatus law_status = LawStatus::kExact;  // of the sum
  double log10_p_anytime = 0;  // of the largest mean of products of factors so far; also for text marked in part
  double log10_e = 0;          // that mean at the end: an e-value
  uint64_t n = 0;              // tuples
  uint64_t weighed = 0;        // of which so many with a weight other than 0
  std::string weight_rule;     // for the record
};

// Errors   kNotSupported, naming the scheme, where it has no such statistic (multichannel, tournament); kInvalidArgument
//          for NaN, infinite or positive ln q, for more or fewer of them than draws, for options out of range.
// Cost     some 0.3 us a tuple, and the tail of a weighted sum (verify/weighted.h).
Result<ProxyResult> JudgeByProxy(const Profile& profile, std::span<const uint32_t> draws, std::span<const double> ln_q,
                                 const ProxyOptions& options);

// The factors of those products, for localisation: ln[t * bets + i] of tuple t and bet i. Colours: delta in
// {1/2, 1, 2, 4} times lambda in {0, .5, .9}; words: one bet.
struct ProxyFactors {
  size_t bets;
  std::vector<double> ln;
};
Result<ProxyFactors> FactorsByProxy(const Profile& profile, std::span<const uint32_t> draws, std::span<const double> ln_q,
                                    const ProxyOptions& options);

// What an observed token of probability q says about its colour, if the mark adds delta on green ids of share g.
struct ColourOdds {
  double green;         // p1(q), the chance that it is green
  double factor_green;  // p1 / g
  double factor_red;    // (1 - p1) / (1 - g)
  double ln_ratio;      // L(q) = ln factor_green - ln factor_red, from 0 at q = 1 to delta at q = 0
};
ColourOdds OddsOfColour(double ln_q, double g, double delta_nats);

// round(15 L / delta): 0 to 15.
int32_t WeightOfColour(double ln_q, double g, double delta_nats);

// lambda + (1-lambda) R^(1/q-1) / q, R = word / 2^32, the lower end of the draw's cell. 0 <= lambda < 1.
double FactorOfWord(uint32_t word, double ln_q, double lambda);

// The grid of weights of words: 1/q - 1 is taken as 2^(j/4) - 1, j = 0..80.
int LevelOfWord(double ln_q);

}  // namespace verdigris::verify
