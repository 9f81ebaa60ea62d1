// Exact power of the fixed-length test, after statistics.md section 10 (expected numbers: power.json, 20 digits and
// more).
//
// The number of tokens needed rests on the shape of exact power. Call the lengths that share a critical value k a
// tooth. Along a tooth power grows with n; where the next begins, it drops. So the answer lies in the last tooth whose
// first length falls short, right after the last length of it that does. Those first lengths rise in power from tooth
// to tooth but for the rounding of their ends to whole tokens. One token more is worth p1 phi / sigma, one token's
// share of the smooth rise (p1-g) phi / (2 sigma): rounding can hide the rise over about 2 p1 / (p1-g) tokens, which
// is 2 g p1 / (p1-g) teeth. The search bisects for a tooth where short turns into enough and then asks that twice as
// many teeth, and 16 more for small n, hold in a row. That is an estimate, not a proof: power_test.cc compares it with
// a scan of every length.
//
// Tested by tests/verify/power_test.cc.
#include "verify/power.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "verify/binomial.h"
#include "verify/law.h"

namespace verdigris::verify {
namespace {

double NullMean(const NullLaw& law) {
  return static_cast<double>(law.numerator) / static_cast<double>(law.denominator);
}

double ChanceOfAtLeast(uint64_t n, uint64_t k, double effect) {
  if (k > n) return 0;
  if (effect >= 1) return 1;
  const BinomialTails tails = LnBinomialTails(n, k, Chance::FromReal(effect));
  return tails.ln_at_least < tails.ln_below ? std::exp(tails.ln_at_least) : -std::expm1(tails.ln_below);
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

}  // namespace

uint64_t LeastTokens(const NullLaw& law, double log10_alpha) {
  assert(log10_alpha < 0);
  uint64_t n = static_cast<uint64_t>(log10_alpha / Log10SmallestP(law, 1));
  while (!Detects(Log10SmallestP(law, n), log10_alpha)) ++n;
  return n;
}

double PowerAt(const NullLaw& law, uint64_t n, double effect, double log10_alpha) {
  assert(0 < effect && effect <= 1);
  const std::optional<Statistic> critical = CriticalValue(law, n, log10_alpha);
  return critical ? ChanceOfAtLeast(n, static_cast<uint64_t>(*critical), effect) : 0;
}

std::optional<uint64_t> TokensNeeded(const NullLaw& law, double effect, double log10_alpha, double power) {
  assert(0 < power && power < 1);
  const double g = NullMean(law);
  if (effect <= g) return std::nullopt;

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
  const auto falls_short = [&](const Tooth& t) { return ChanceOfAtLeast(t.first, t.critical, effect) < power; };

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
                            return n <= end && ChanceOfAtLeast(n, last_short->critical, effect) < power;
                          });
  if (needed > kMostTokensNeeded) return std::nullopt;
  return needed;
}

std::optional<double> DetectableEffect(const NullLaw& law, uint64_t n, double log10_alpha, double power) {
  assert(0 < power && power < 1);
  const std::optional<Statistic> critical = CriticalValue(law, n, log10_alpha);
  if (!critical) return std::nullopt;
  double low = 0, high = 1;
  for (;;) {  // to the last bit: power rises with the effect
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) return high;
    (ChanceOfAtLeast(n, static_cast<uint64_t>(*critical), middle) < power ? low : high) = middle;
  }
}

}  // namespace verdigris::verify
