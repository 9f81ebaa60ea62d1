// The contract that every scheme meets: its parameters, marking, scoring, and the law of one token's score under the
// null hypothesis, in one value. Detection, p-values, power, the command line and the C header walk the table in
// schemes.h and know no scheme by name. How to add one: docs/adding_a_scheme.md.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "watermark/prf.h"
#include "watermark/row.h"

namespace verdigris {

class Profile;

// An integer member of the scheme object that belongs to one scheme (native-schemes.md N3).
struct ParamSpec {
  std::string_view name;
  int64_t min;
  int64_t max;
  int64_t default_value;
};

// Law of one token's score under the null hypothesis; scores of distinct tuples are independent.
struct NullLaw {
  enum class Kind {
    kBernoulli,     // 1 with probability numerator / denominator, exactly, else 0
    kGamma,         // in units of 2^-32, at most a unit exponential, draw by draw
    kTwoBernoulli,  // 2 X + Y, X ~ Bin(heavy, 1/2), Y ~ Bin(light, 1/2), independent
  };
  Kind kind;
  uint32_t numerator = 0, denominator = 0;
  uint32_t heavy = 0, light = 0;

  static constexpr NullLaw Bernoulli(uint32_t numerator, uint32_t denominator) {
    return {Kind::kBernoulli, numerator, denominator, 0, 0};
  }
  static constexpr NullLaw Gamma() { return {Kind::kGamma, 0, 0, 0, 0}; }
  static constexpr NullLaw TwoBernoulli(uint32_t heavy, uint32_t light) { return {Kind::kTwoBernoulli, 0, 0, heavy, light}; }
};

// Sum of scores. 64 bits would hold a gumbel sum of some 4 billion tokens, and a corpus has more.
__extension__ typedef unsigned __int128 Statistic;

// What marking one row did to the distribution (N8.1), under one key; that the mean over keys may be no change at all is
// in Scheme::unbiased. All masses are fractions of P.
struct Masses {
  double green = 0;    // G: share of the markable mass that the draws favour; verdigris.h says what that is in each scheme
  double special = 0;  // Ps
  double kl_qp = 0;    // KL(Q||P), nats
  double kl_pq = 0;    // KL(P||Q), nats; infinite where an id of P has become impossible
  double tv = 0;       // total variation
};

struct Scheme {
  std::string_view name;
  std::string_view paper;
  std::string_view summary;
  std::span<const ParamSpec> params;
  bool unbiased;  // the mean of Q over keys is P; such a scheme refuses bias mode, masks and beam search
  // Refuses combinations that single ranges cannot express; null where there are none. The text says why.
  const char* (*check)(std::span<const int64_t> params);

  NullLaw (*null_law)(const Profile&);
  // Mean of one score in marked text of about 1.2 bit a token (command-line.md L4), in the units of the score but for
  // kGamma, where it is in nats.
  double (*reference_effect)(const Profile&);

  // Scores tuples[i] whose windows have tags[i] under the layer's PRF; any number, batched inside.
  void (*score)(const Profile&, const Prf&, std::span<const Tag> tags, std::span<const uint32_t> ids, uint64_t* scores);

  // P -> Q in place: logits (nats, up to a constant) become ln Q. Special ids keep their probability under `preserve`.
  // Precondition: row.finite >= 2, and not all of its mass is special. q is computed in binary64 for either type.
  void (*mark_f32)(const Profile&, const Prf&, const Tag&, const RowView<float>&, Workspace&, Masses*);
  void (*mark_f64)(const Profile&, const Prf&, const Tag&, const RowView<double>&, Workspace&, Masses*);

  // Bit i says whether ids[i], or id i where ids is null, is favoured (N8.1's raw mask): (count + 7) / 8 bytes, padding
  // bits zero. Null where the mark is no set of ids.
  void (*mask)(const Profile&, const Prf&, const Tag&, const uint32_t* ids, size_t count, uint8_t* bits);

  // What the statistic with a proxy takes of each tuple (verify/proxy.h): the colour where the law is kBernoulli and the
  // mark a bonus of delta on one colour; the word where it is kGamma and the mark a race. Null where no such statistic is
  // defined.
  void (*draws)(const Profile&, const Prf&, std::span<const Tag> tags, std::span<const uint32_t> ids, uint32_t* draws) = nullptr;
};

}  // namespace verdigris
