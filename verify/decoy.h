// Decoys: keys that nobody used, made from the text itself, in a line-up with the real one (statistics.md 9.1;
// keys-and-evidence.md E7).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "verify/many_keys.h"
#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr uint32_t kMostDecoys = 1'000'000;

// decoy_i = derive(tagged("decoy-seed", root || SHA-256(input)), "decoy", u32be(i)). They depend on the text, so nobody
// could aim at them, and everyone can make them again. Immutable.
class DecoyKeys {
 public:
  // `root`: that of the commitment, else zeros. `input_sha256`: of the corpus file, else of the input as read.
  DecoyKeys(const Digest& root, const Digest& input_sha256);
  // Decoys under another seed: random keys that can be made again.
  explicit DecoyKeys(const Digest& seed);

  void Get(uint32_t i, std::span<uint8_t, kKeyBytes> out) const;

 private:
  Deriver deriver_;
};

// Place of the real key among N decoys. p = (1 + at_least) / (1 + decoys), exact by exchangeability, ties included,
// whatever the law.
struct DecoyRank {
  uint64_t decoys = 0;
  uint64_t at_least = 0;  // decoys that score at least as high as the real key

  double Log10P() const;
  double Log10Floor() const;  // log10 1/(1+N): no evidence can be stronger
  // p <= alpha, as integers; alpha is taken for the decimal number it is written as. 0 < alpha < 1.
  bool AtMost(double alpha) const;
  // The line-up of E7: p <= max(alpha, 1/(1+N)).
  bool Passes(double alpha) const { return at_least == 0 || AtMost(alpha); }
};

struct LawCheck {
  struct Level {
    double log10_alpha;
    double log10_size;  // exact P(p <= alpha) at this n; -inf: never
    uint64_t count;     // decoys with p <= alpha
    double log10_p;     // two-sided, of that count
  };
  std::array<Level, 3> levels;  // .1, .01, .001
  // False where a count is as unlikely as 1e-6: the law, the repetition rule or the tokenizer is not what it should be.
  bool passed = true;
};
inline constexpr std::string_view kLawDoesNotHold = "the law does not hold on this text";

// The smallest statistic of n scores with p <= 10^log10_alpha, and the exact chance of it under the null.
struct ExactSize {
  bool attainable;
  Statistic critical;
  double log10_size;  // -inf where not attainable
};
ExactSize SizeOf(const NullLaw& law, uint64_t n, double log10_alpha);

// A level, the chance of p <= level, and how many keys had such a p.
struct LevelCount {
  double log10_alpha, log10_size;
  uint64_t count;
};
// Whether those counts are plausible among `keys`. `two_sided`: sizes are exact. Otherwise a p may fall short of its level, and only too many are an alarm.
LawCheck CheckLevels(uint64_t keys, const std::array<LevelCount, 3>& levels, bool two_sided);

// From counts of keys with p <= .1, .01, .001 among `keys`.
LawCheck CheckLaw(const NullLaw& law, uint64_t n, uint64_t keys, const std::array<uint64_t, 3>& counts);

struct LineUp {
  KeyScorer::Outcome real;
  double log10_p;  // of the real key, by the law
  DecoyRank rank;
  LawCheck law;
};

// Calls `score` with the real key and with decoys 0..count-1, the real one at a random place, and returns that place: it is
// to be looked up only when all statistics are fixed.
//
// Errors   kInvalidArgument: more than a million decoys, or a decoy that is the real key.
Result<uint64_t> ForEachInLineUp(const Key& real, const DecoyKeys& decoys, uint32_t count,
                                 const std::function<void(std::span<const uint8_t, kKeyBytes>)>& score);

// Scores the real key and decoys 0..count-1 over the scorer's tuples. Which of them is real is drawn at random, and looked
// up only when all statistics are fixed. `scorer` is without futility.
//
// Errors   as ForEachInLineUp.
// Cost     that of 1 + count keys; 16 bytes a key.
Result<LineUp> RunLineUp(KeyScorer& scorer, const Key& real, const DecoyKeys& decoys, uint32_t count);

}  // namespace verdigris::verify
