// Colours. Under the mark a token of probability q is drawn with q A^G / Z. With the mean of the other tokens' mass in
// place of what nobody knows, the odds of green given that the token was drawn are closed (statistics.md 6.4 A), and a
// factor made from them has mean 1 under the null hypothesis for every q.
// Words. The winner's -ln R is q times a unit exponential under the mark and a unit exponential without it: the likelihood
// ratio is R^(1/q-1)/q, and the sum of (1/q-1)(-ln R) is small where there is a mark (6.3).
//
// Weights are quantised, so that the statistic is a few integers and its law few levels. The sum is the stronger test of
// text that is marked throughout; one contradicting token can spoil it for words, where the products only lose that factor.
//
// Tested by tests/verify/proxy_test.cc (eprocess.json `green_proxy`, `gumbel_proxy`; statistics.md P21, P22).
#include "verify/proxy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

#include "verify/ln_mean_exp.h"
#include "verify/multiplicity.h"
#include "verify/weighted.h"
#include "watermark/surprise.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr double kDeltas[] = {0.5, 1, 2, 4};
constexpr double kLambdas[] = {0, 0.5, 0.9};

constexpr int32_t kHeaviestColour = 15;
constexpr int kLevelsOfWords = 81;
// No model's probability; below it only the powers of 1/q would leave the range of a double.
constexpr double kLeastLnQ = -300;

std::string Text(double value) {
  char digits[32];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

Result<void> Check(const Profile& profile, std::span<const uint32_t> draws, std::span<const double> ln_q,
                   const ProxyOptions& options) {
  if (profile.scheme().draws == nullptr) {
    return Fail(ErrorKind::kNotSupported, "scheme " + std::string(profile.scheme().name) + " has no test with a proxy");
  }
  if (!(options.delta_nats > 0 && options.delta_nats <= 20)) {
    return Fail(ErrorKind::kInvalidArgument, "delta of the proxy's weights must be in (0,20], got " + Text(options.delta_nats));
  }
  if (!(options.lambda > 0 && options.lambda < 1)) {
    return Fail(ErrorKind::kInvalidArgument, "lambda must be in (0,1), got " + Text(options.lambda));
  }
  if (ln_q.size() != draws.size()) {
    return Fail(ErrorKind::kInvalidArgument, "log-probabilities must be as many as scored tokens, " + std::to_string(draws.size()) +
                                                 ", got " + std::to_string(ln_q.size()));
  }
  for (size_t i = 0; i < ln_q.size(); ++i) {
    if (!(ln_q[i] <= 0) || std::isinf(ln_q[i])) {
      return Fail(ErrorKind::kInvalidArgument, "log-probability " + std::to_string(i) + " must be a number at most 0, got " + Text(ln_q[i]));
    }
  }
  return {};
}

ProxyFactors Factors(const NullLaw& law, std::span<const uint32_t> draws, std::span<const double> ln_q, double lambda) {
  ProxyFactors factors{1, {}};
  if (law.kind == NullLaw::Kind::kGamma) {
    for (size_t t = 0; t < draws.size(); ++t) factors.ln.push_back(std::log(FactorOfWord(draws[t], ln_q[t], lambda)));
    return factors;
  }
  factors.bets = std::size(kDeltas) * std::size(kLambdas);
  factors.ln.reserve(draws.size() * factors.bets);
  const double g = static_cast<double>(law.numerator) / law.denominator;
  for (size_t t = 0; t < draws.size(); ++t) {
    for (const double delta : kDeltas) {
      const ColourOdds odds = OddsOfColour(ln_q[t], g, delta);
      const double factor = draws[t] != 0 ? odds.factor_green : odds.factor_red;
      for (const double part : kLambdas) factors.ln.push_back(std::log(part + (1 - part) * factor));
    }
  }
  return factors;
}

// Largest and last log10 of the mean of products, at the start 1.
struct Products {
  double log10_max = 0, log10_last = 0;
};
Products Multiply(const ProxyFactors& factors) {
  Products products;
  std::vector<double> ln(factors.bets, 0.0);
  for (size_t t = 0; t * factors.bets < factors.ln.size(); ++t) {
    for (size_t i = 0; i < factors.bets; ++i) ln[i] += factors.ln[t * factors.bets + i];
    products.log10_last = LnMeanExp(ln) * std::numbers::log10e;
    products.log10_max = std::max(products.log10_max, products.log10_last);
  }
  return products;
}

void SumColours(const NullLaw& law, std::span<const uint32_t> draws, std::span<const double> ln_q, double delta, ProxyResult* result) {
  const double g = static_cast<double>(law.numerator) / law.denominator;
  std::array<WeightedBits, kHeaviestColour + 1> levels{};
  Int128 sum = 0;
  for (size_t t = 0; t < draws.size(); ++t) {
    const int32_t weight = WeightOfColour(ln_q[t], g, delta);
    ++levels[static_cast<size_t>(weight)].n;
    result->weighed += weight != 0;
    if (draws[t] != 0) sum += weight;
  }
  for (int32_t weight = 0; weight <= kHeaviestColour; ++weight) {
    WeightedBits& level = levels[static_cast<size_t>(weight)];
    level.weight = weight;
    level.numerator = law.numerator;
    level.denominator = law.denominator;
  }
  result->log10_p_sum = Log10WeightedBitsUpperTail(levels, sum);
  result->weight_rule = "round(15 L(q)/delta), delta " + Text(delta);
}

void SumWords(std::span<const uint32_t> draws, std::span<const double> ln_q, ProxyResult* result) {
  std::array<WeightedExponentials, kLevelsOfWords> levels{};
  std::array<Statistic, kLevelsOfWords> sums{};
  bool infinite = false;
  for (size_t t = 0; t < draws.size(); ++t) {
    const auto level = static_cast<size_t>(LevelOfWord(ln_q[t]));
    if (level == 0) continue;
    ++result->weighed;
    ++levels[level].n;
    const auto surprise = SurpriseUp(draws[t]);
    infinite |= !surprise;
    sums[level] += surprise.value_or(0);
  }
  double s = 0;
  for (size_t level = 0; level < kLevelsOfWords; ++level) {
    levels[level].weight = std::exp2(0.25 * static_cast<double>(level)) - 1;
    s += levels[level].weight * (static_cast<double>(sums[level]) * 0x1p-32);
  }
  result->weight_rule = "1/q-1 on the grid 2^(j/4)-1";
  if (infinite || result->weighed == 0) return;  // p = 1
  const TailResult tail = Log10WeightedExponentialsTail({levels.data() + 1, kLevelsOfWords - 1}, s, Tail::kLower);
  result->log10_p_sum = tail.log10_p;
  result->law_status = tail.status;
}

}  // namespace

ColourOdds OddsOfColour(double ln_q, double g, double delta_nats) {
  const double q = std::exp(ln_q), others = -std::expm1(ln_q);
  const double a = std::exp(delta_nats), mean = 1 + g * std::expm1(delta_nats);
  const double drawn_if_green = a / (q * a + others * mean), drawn_if_red = 1 / (q + others * mean);
  const double drawn = g * drawn_if_green + (1 - g) * drawn_if_red;
  return {g * drawn_if_green / drawn, drawn_if_green / drawn, drawn_if_red / drawn, std::log(drawn_if_green / drawn_if_red)};
}

int32_t WeightOfColour(double ln_q, double g, double delta_nats) {
  const double share = OddsOfColour(ln_q, g, delta_nats).ln_ratio / delta_nats;
  return static_cast<int32_t>(std::lround(kHeaviestColour * std::clamp(share, 0.0, 1.0)));
}

double FactorOfWord(uint32_t word, double ln_q, double lambda) {
  const double ln_q_kept = std::max(ln_q, kLeastLnQ);
  const double power = std::expm1(-ln_q_kept);  // 1/q - 1
  double ratio = 1;
  if (power > 0) {
    const double ln_r = word >= 0x80000000u ? std::log1p(-(0x1p32 - static_cast<double>(word)) * 0x1p-32)
                                            : std::log(static_cast<double>(word) * 0x1p-32);  // -inf for word 0: ratio 0
    ratio = std::exp(power * ln_r - ln_q_kept);
  }
  return lambda + (1 - lambda) * ratio;
}

int LevelOfWord(double ln_q) { return static_cast<int>(std::lround(std::min(-4 * ln_q / std::numbers::ln2, kLevelsOfWords - 1.0))); }

Result<ProxyFactors> FactorsByProxy(const Profile& profile, std::span<const uint32_t> draws, std::span<const double> ln_q,
                                    const ProxyOptions& options) {
  VERDIGRIS_RETURN_IF_ERROR(Check(profile, draws, ln_q, options));
  return Factors(profile.scheme().null_law(profile), draws, ln_q, options.lambda);
}

Result<ProxyResult> JudgeByProxy(const Profile& profile, std::span<const uint32_t> draws, std::span<const double> ln_q,
                                 const ProxyOptions& options) {
  VERDIGRIS_RETURN_IF_ERROR(Check(profile, draws, ln_q, options));
  const NullLaw law = profile.scheme().null_law(profile);
  ProxyResult result;
  result.n = draws.size();
  if (law.kind == NullLaw::Kind::kGamma) {
    SumWords(draws, ln_q, &result);
  } else {
    SumColours(law, draws, ln_q, options.delta_nats, &result);
  }
  const Products products = Multiply(Factors(law, draws, ln_q, options.lambda));
  result.log10_p_anytime = -products.log10_max;
  result.log10_e = products.log10_last;
  result.log10_p = Log10TwiceTheSmaller(result.log10_p_sum, result.log10_p_anytime);
  return result;
}

}  // namespace verdigris::verify
