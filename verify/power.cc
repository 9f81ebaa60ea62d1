// Exact power of the fixed-length test, after statistics.md section 10 (expected numbers: power.json, 20 digits and
// more).
//
// The number of tokens needed rests on the shape of exact power.
//
// Bits. Call the lengths that share a critical value k a tooth. Along a tooth power grows with n; where the next
// begins, it drops. So the answer lies in the last tooth whose first length falls short, right after the last length of
// it that does. Those first lengths rise in power from tooth to tooth but for the rounding of their ends to whole
// tokens. One token more is worth p1 phi / sigma, one token's share of the smooth rise (p1-g) phi / (2 sigma): rounding
// can hide the rise over about 2 p1 / (p1-g) tokens, which is 2 g p1 / (p1-g) teeth. The search bisects for a tooth
// where short turns into enough and then asks that twice as many teeth, and 16 more for small n, hold in a row. That is
// an estimate, not a proof: power_test.cc compares it with a scan of every length.
//
// Exponentials. The test is most powerful of its size, and its size is alpha at every n (the critical value's grid of
// 2^-32 is nothing). One score more can be ignored, so power never falls: a bisection is enough.
//
// Two kinds of bits. Every score is worth many steps of the lattice, so there are no teeth, but the size still wavers
// below alpha by up to one lattice step d, worth d phi / sigma, against a rise of (effect - mean) phi / (2 sigma) a
// token: power can fall short again within 2 d / (effect - mean) tokens. Twice as many lengths must hold in a row.
//
// Tested by tests/verify/power_test.cc and power_sums_test.cc.
#include "verify/power.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "verify/binomial.h"
#include "verify/gamma.h"
#include "verify/lattice.h"
#include "verify/law.h"

namespace verdigris::verify {
namespace {

// In the units of effects.
double NullMean(const NullLaw& law) { return law.kind == NullLaw::Kind::kGamma ? 1 : MeanScore(law); }

double LargestEffect(const NullLaw& law) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli:
      return 1;
    case NullLaw::Kind::kGamma:
      return std::numeric_limits<double>::infinity();
    case NullLaw::Kind::kTwoBernoulli:
      return 2.0 * law.heavy + law.light;
  }
  return 0;
}

// Rate of a fair bit of this weight, tilted by t.
Chance TiltedChance(double weight, double t) {
  return {1 / (1 + std::exp(-weight * t)), 1 / (1 + std::exp(weight * t)), 1};
}

// The tilt at which one score of two kinds of bits has this mean, 0 < effect < its maximum.
double TiltOf(const NullLaw& law, double effect) {
  const auto mean = [&](double t) {
    return 2.0 * law.heavy * TiltedChance(2, t).yes + law.light * TiltedChance(1, t).yes;
  };
  double low = -1, high = 1;
  while (mean(low) > effect && low > -500) low *= 2;
  while (mean(high) < effect && high < 500) high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (mean(middle) < effect ? low : high) = middle;
  }
  return high;
}

// The law of scores of one effect.
class Alternative {
 public:
  Alternative(const NullLaw& law, double effect) : law_(law), effect_(effect), certain_(effect >= LargestEffect(law)) {
    if (law.kind == NullLaw::Kind::kTwoBernoulli && !certain_) tilt_ = TiltOf(law, effect);
  }

  // Chance that n scores sum to at least `statistic`, which n scores can reach.
  double OfAtLeast(uint64_t n, Statistic statistic) const {
    if (certain_ || statistic == 0) return 1;
    switch (law_.kind) {
      case NullLaw::Kind::kBernoulli: {
        const BinomialTails tails = LnBinomialTails(n, static_cast<uint64_t>(statistic), Chance::FromReal(effect_));
        return FromTails(tails.ln_at_least, tails.ln_below);
      }
      case NullLaw::Kind::kGamma: {
        const GammaTails tails = LnGammaTails(n, static_cast<double>(statistic) * 0x1p-32 / effect_);
        return FromTails(tails.ln_at_least, tails.ln_at_most);
      }
      case NullLaw::Kind::kTwoBernoulli: {
        std::vector<LatticeLevel> levels;
        if (law_.heavy > 0) levels.push_back({2, n * law_.heavy, TiltedChance(2, tilt_)});
        if (law_.light > 0) levels.push_back({1, n * law_.light, TiltedChance(1, tilt_)});
        return std::exp(LnLatticeUpperTail(std::move(levels), static_cast<uint64_t>(statistic)));
      }
    }
    return 0;
  }

 private:
  static double FromTails(double ln_at_least, double ln_below) {
    return ln_at_least < ln_below ? std::exp(ln_at_least) : -std::expm1(ln_below);
  }

  NullLaw law_;
  double effect_;
  bool certain_;
  double tilt_ = 0;
};

// 0 where nothing detects.
double PowerOf(const NullLaw& law, const Alternative& alternative, uint64_t n, double log10_alpha) {
  const std::optional<Statistic> critical = CriticalValue(law, n, log10_alpha);
  return critical ? alternative.OfAtLeast(n, *critical) : 0;
}

// The largest n >= from with holds(n), where holds(from) and holds turns false once and for good.
template <class Predicate>
uint64_t LastThatHolds(uint64_t from, Predicate holds) {
  uint64_t step = 1;
  while (holds(from + step)) {
    from += step;
    step *= 2;
  }
  for (uint64_t end = from + step; end - from > 1;) {
    const uint64_t middle = from + (end - from) / 2;
    (holds(middle) ? from : end) = middle;
  }
  return from;
}

std::optional<uint64_t> TokensNeededOfBits(const NullLaw& law, double effect, double log10_alpha, double power) {
  const double g = NullMean(law);
  const Alternative alternative(law, effect);
  const auto chance = [&](uint64_t n, uint64_t k) { return k > n ? 0.0 : alternative.OfAtLeast(n, k); };
  struct Tooth {
    uint64_t critical;
    uint64_t first;  // the first length with this critical value
  };
  const uint64_t least = LeastTokens(law, log10_alpha);
  const auto last_length = [&](uint64_t k, uint64_t from) {
    return LastThatHolds(from, [&](uint64_t n) { return Detects(Log10UpperTail(law, n, k), log10_alpha); });
  };
  // `from`: some length at which k - 1 detects.
  const auto tooth = [&](uint64_t k, uint64_t from) -> Tooth {
    return k == least ? Tooth{k, k} : Tooth{k, last_length(k - 1, from) + 1};
  };
  const auto falls_short = [&](const Tooth& t) { return chance(t.first, t.critical) < power; };

  // Doubling until a tooth holds, then bisection: `low` falls short, `high` holds.
  Tooth low = tooth(least, least);
  Tooth high = low;
  while (falls_short(high)) {
    low = high;
    if (low.first > kMostTokensNeeded) return std::nullopt;
    high = tooth(2 * low.critical, std::max(2 * low.critical - 1, low.first));
  }
  while (high.critical - low.critical > 1) {
    const uint64_t middle = low.critical + (high.critical - low.critical) / 2;
    const Tooth t = tooth(middle, std::max(middle - 1, low.first));
    (falls_short(t) ? low : high) = t;
  }

  // Onwards for teeth that fall short again.
  std::optional<Tooth> last_short;
  if (falls_short(low)) last_short = low;
  const double margin = 16 + 4 * g * effect / (effect - g);
  const auto held_in_a_row = [&](const Tooth& t) {
    return static_cast<double>(t.critical - (last_short ? last_short->critical : least));
  };
  for (Tooth t = high; held_in_a_row(t) <= margin && t.first <= kMostTokensNeeded; t = tooth(t.critical + 1, t.first)) {
    if (falls_short(t)) last_short = t;
  }
  if (!last_short) return least;
  const uint64_t end = last_length(last_short->critical, last_short->first);
  const uint64_t needed = 1 + LastThatHolds(last_short->first, [&](uint64_t n) {
                            return n <= end && chance(n, last_short->critical) < power;
                          });
  if (needed > kMostTokensNeeded) return std::nullopt;
  return needed;
}

// Power that rises with n but for a waver over fewer than `margin` lengths.
std::optional<uint64_t> TokensNeededOfSums(const NullLaw& law, double effect, double log10_alpha, double power,
                                           double margin) {
  const Alternative alternative(law, effect);
  const auto falls_short = [&](uint64_t n) { return PowerOf(law, alternative, n, log10_alpha) < power; };
  const uint64_t least = LeastTokens(law, log10_alpha);
  uint64_t low = least - 1, high = least;  // low falls short: it cannot detect
  while (falls_short(high)) {
    low = high;
    if (low > kMostTokensNeeded) return std::nullopt;
    high *= 2;
  }
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (falls_short(middle) ? low : high) = middle;
  }
  for (uint64_t n = high + 1; static_cast<double>(n - low) <= margin && n <= kMostTokensNeeded; ++n) {
    if (falls_short(n)) low = n;
  }
  if (low >= kMostTokensNeeded) return std::nullopt;
  return low + 1;
}

}  // namespace

uint64_t LeastTokens(const NullLaw& law, double log10_alpha) {
  assert(log10_alpha < 0);
  uint64_t n = static_cast<uint64_t>(log10_alpha / Log10SmallestP(law, 1));
  while (!Detects(Log10SmallestP(law, n), log10_alpha)) ++n;
  return n;
}

double PowerAt(const NullLaw& law, uint64_t n, double effect, double log10_alpha) {
  assert(0 < effect && effect <= LargestEffect(law));
  return PowerOf(law, Alternative(law, effect), n, log10_alpha);
}

std::optional<uint64_t> TokensNeeded(const NullLaw& law, double effect, double log10_alpha, double power) {
  assert(0 < power && power < 1 && effect <= LargestEffect(law));
  const double rise = effect - NullMean(law);
  if (rise <= 0) return std::nullopt;
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli:
      return TokensNeededOfBits(law, effect, log10_alpha, power);
    case NullLaw::Kind::kGamma:
      return TokensNeededOfSums(law, effect, log10_alpha, power, 0);
    case NullLaw::Kind::kTwoBernoulli:
      return TokensNeededOfSums(law, effect, log10_alpha, power, 2 + 4 * (law.light == 0 ? 2 : 1) / rise);
  }
  assert(false && "no such law");
  return std::nullopt;
}

std::optional<double> DetectableEffect(const NullLaw& law, uint64_t n, double log10_alpha, double power) {
  assert(0 < power && power < 1);
  const std::optional<Statistic> critical = CriticalValue(law, n, log10_alpha);
  if (!critical) return std::nullopt;
  const auto falls_short = [&](double effect) { return Alternative(law, effect).OfAtLeast(n, *critical) < power; };
  double low = 0, high = 1;
  while (falls_short(high)) {  // not beyond the largest effect, which is certain
    low = high;
    high = std::min(2 * high, LargestEffect(law));
  }
  for (;;) {  // to the last bit: power rises with the effect
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) return high;
    (falls_short(middle) ? low : high) = middle;
  }
}

}  // namespace verdigris::verify
