// Of a text of n scored tokens every token is a possible start, with share 1/n. The mark's strength, place and pattern are
// all averaged over (verify/mixture.h), so nothing is left to correct for.
//
// Tested by tests/verify/locate_test.cc (eprocess.json `locate`; statistics.md P6, table of section 7).
#include "verify/locate.h"

#include <algorithm>
#include <cmath>

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

template <class FactorsOf>
Located Walk(size_t n, size_t bets, FactorsOf&& factors_of, std::vector<double>* log10_e) {
  if (log10_e != nullptr) log10_e->clear();
  Located located;
  if (n == 0) return located;
  Mixture mixture(bets);
  const double starts = static_cast<double>(n);
  for (size_t t = 0; t < n; ++t) {
    mixture.Push(factors_of(t), 1 / starts, static_cast<double>(n - t - 1) / starts);
    if (log10_e != nullptr) log10_e->push_back(mixture.log10_now());
  }
  located.log10_p = -mixture.log10_max();
  located.log10_parts = mixture.log10_parts_max();
  return located;
}

}  // namespace

Located Locate(const NullLaw& law, std::span<const uint64_t> scores, double log10_alpha, std::vector<double>* log10_e) {
  BetFactors factors(law);
  Located located = Walk(scores.size(), kBets, [&](size_t t) { return factors.Of(scores[t]); }, log10_e);
  located.segments = FindSegments(law, scores, log10_alpha);
  return located;
}

Located Locate(std::span<const double> ln_factors, size_t bets, double log10_alpha, std::vector<double>* log10_e) {
  // Bounds that no real factor meets. Cutting one off lowers it, which keeps the p valid.
  constexpr double kMostLn = 399;
  std::array<double, Mixture::kMostBets> factors;
  const auto factors_of = [&](size_t t) {
    for (size_t i = 0; i < bets; ++i) {
      const double ln = ln_factors[t * bets + i];
      factors[i] = ln < -kMostLn ? 0 : std::exp(std::min(ln, kMostLn));
    }
    return factors.data();
  };
  Located located = Walk(ln_factors.size() / bets, bets, factors_of, log10_e);
  located.segments = FindSegments(ln_factors, bets, log10_alpha);
  return located;
}

void StreamLocator::Push(uint64_t score) {
  ++n_;
  const double j = static_cast<double>(n_);
  mixture_.Push(factors_.Of(score), 1 / (j * (j + 1)), 1 / (j + 1));
}

}  // namespace verdigris::verify
