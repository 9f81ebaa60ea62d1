// p is a ratio of sums of positive terms, each got from its neighbour by a rational factor, and the scale of the terms cancels:
//   bits          P(X >= k)      = sum_{i>=k} w_i / sum w_i,   w_{i+1} / w_i = (n-i) a / ((i+1) b)     chance a / (a + b)
//   exponentials  P(S >= s)      = sum_{j<n} w_j / sum w_j,    w_{j+1} / w_j = s / (j+1)               (a Poisson sum)
//   two kinds     P(2X + Y >= s) = sum_x u_x V(s - 2x) / (sum u)(sum v)
// Terms start at the largest one, which is 1, and end below 1e-70; tau is at least 1e-30. So neither logarithm nor exponential is
// needed, and double-double arithmetic gives 27 digits and more.
//
// Tested by tests/verify/corpus/edges_test.cc (mpmath; exact integers) and edges_ulp_test.cc (log and exp off by one ulp).
#include "verify/corpus/edges.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "verify/corpus/double_double.h"

namespace verdigris::verify {
namespace {

constexpr double kNear = 1e-9;         // in log10: more than binary64 errs by
constexpr double kSame = 1e-25;        // relative: below it the numbers are one
constexpr double kLeastTerm = 1e-70;
constexpr DoubleDouble kOne{1, 0};

// Whole numbers below 2^106.
DoubleDouble FromInteger(Statistic value) {
  const double high = static_cast<double>(static_cast<uint64_t>(value >> 53)) * 0x1p53;
  return DoubleDouble::FastTwoSum(high, static_cast<double>(static_cast<uint64_t>(value & ((uint64_t{1} << 53) - 1))));
}

DoubleDouble Product(uint64_t a, uint64_t b) { return FromInteger(static_cast<Statistic>(a) * b); }

// Terms of Bin(n, a / (a + b)) that count, the largest being 1: of `first`, `first` + 1, ...
struct Terms {
  uint64_t first = 0;
  std::vector<DoubleDouble> values;
};

Terms BinomialTerms(uint64_t n, uint64_t a, uint64_t b) {
  const uint64_t mode = static_cast<uint64_t>((static_cast<Statistic>(n) + 1) * a / (a + b));
  std::vector<DoubleDouble> below;
  DoubleDouble term = kOne;
  for (uint64_t i = mode; i > 0 && term.high >= kLeastTerm; --i) {
    term = term * (Product(i, b) / Product(n - i + 1, a));
    below.push_back(term);
  }
  Terms terms;
  terms.first = mode - below.size();
  terms.values.assign(below.rbegin(), below.rend());
  terms.values.push_back(kOne);
  term = kOne;
  for (uint64_t i = mode; i < n && term.high >= kLeastTerm; ++i) {
    term = term * (Product(n - i, a) / Product(i + 1, b));
    terms.values.push_back(term);
  }
  return terms;
}

// Sums of the terms from each place on, and 0 behind the last.
std::vector<DoubleDouble> UpperSums(const Terms& terms) {
  std::vector<DoubleDouble> sums(terms.values.size() + 1);
  for (size_t i = terms.values.size(); i-- > 0;) sums[i] = sums[i + 1] + terms.values[i];
  return sums;
}

DoubleDouble SumFrom(const std::vector<DoubleDouble>& upper, uint64_t first, uint64_t from) {
  if (from <= first) return upper[0];
  return upper[static_cast<size_t>(std::min<uint64_t>(from - first, upper.size() - 1))];
}

DoubleDouble BinomialTail(uint64_t n, uint64_t k, uint32_t numerator, uint32_t denominator) {
  const Terms terms = BinomialTerms(n, numerator, denominator - numerator);
  const std::vector<DoubleDouble> upper = UpperSums(terms);
  return SumFrom(upper, terms.first, k) / upper[0];
}

DoubleDouble GammaTail(uint64_t n, Statistic statistic) {
  if (n == 0 || statistic == 0) return kOne;
  const DoubleDouble s = FromInteger(statistic) * DoubleDouble{0x1p-32, 0};
  const uint64_t mode = static_cast<uint64_t>(statistic >> 32);
  DoubleDouble below, all;  // terms of j < n; all terms
  const auto add = [&](uint64_t j, const DoubleDouble& term) {
    all = all + term;
    if (j < n) below = below + term;
  };
  add(mode, kOne);
  DoubleDouble term = kOne;
  for (uint64_t j = mode; j > 0 && term.high >= kLeastTerm; --j) {
    term = term * (DoubleDouble{static_cast<double>(j), 0} / s);
    add(j - 1, term);
  }
  term = kOne;
  for (uint64_t j = mode; term.high >= kLeastTerm; ++j) {
    term = term * (s / DoubleDouble{static_cast<double>(j + 1), 0});
    add(j + 1, term);
  }
  return below / all;
}

DoubleDouble TwoBernoulliTail(uint64_t heavy, uint64_t light, uint64_t s) {
  const Terms x = BinomialTerms(heavy, 1, 1), y = BinomialTerms(light, 1, 1);
  const std::vector<DoubleDouble> upper_x = UpperSums(x), upper_y = UpperSums(y);
  DoubleDouble sum;
  for (size_t i = 0; i < x.values.size(); ++i) {
    const uint64_t twice = 2 * (x.first + i);
    sum = sum + x.values[i] * SumFrom(upper_y, y.first, s > twice ? s - twice : 0);
  }
  return sum / (upper_x[0] * upper_y[0]);
}

DoubleDouble UpperTail(const NullLaw& law, uint64_t n, Statistic statistic) {
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli: return BinomialTail(n, static_cast<uint64_t>(statistic), law.numerator, law.denominator);
    case NullLaw::Kind::kGamma: return GammaTail(n, statistic);
    case NullLaw::Kind::kTwoBernoulli: return TwoBernoulliTail(n * law.heavy, n * law.light, static_cast<uint64_t>(statistic));
  }
  assert(false && "no such law");
  return kOne;
}

// 10^-(hundredths / 100).
DoubleDouble DecadeEdge(uint64_t hundredths) {
  DoubleDouble power{0x1.f4586fe0e0d60p-1, 0x1.c698053edc289p-57};  // 10^-.01 (mpmath, 50 digits)
  DoubleDouble edge = kOne;
  for (; hundredths > 0; hundredths /= 2) {
    if (hundredths % 2 == 1) edge = edge * power;
    power = power * power;
  }
  return edge;
}

bool AtMost(const DoubleDouble& p, const DoubleDouble& edge) {
  const DoubleDouble difference = p - edge;
  return difference.high <= kSame * edge.high;
}

}  // namespace

PlaceOfP FindPlace(const NullLaw& law, uint64_t n, Statistic statistic, double log10_p, int tau_hundredths) {
  assert(tau_hundredths >= 1 && tau_hundredths <= 3000 && log10_p <= 0);
  const uint64_t tau = static_cast<uint64_t>(tau_hundredths);
  DoubleDouble exact;
  bool known = false;
  const auto at_most = [&](const DoubleDouble& edge) {
    if (!known) exact = UpperTail(law, n, statistic);
    known = true;
    return AtMost(exact, edge);
  };
  PlaceOfP place;
  const double hundredths = -log10_p * 100;
  uint64_t bin = tau;  // the number of edges below 1 that p does not exceed, up to tau
  if (hundredths < static_cast<double>(tau) + 0.5) {
    bin = static_cast<uint64_t>(hundredths);
    const double nearest = std::nearbyint(hundredths);
    if (nearest > 0 && std::fabs(log10_p + nearest / 100) <= kNear) {
      bin = static_cast<uint64_t>(nearest);
      if (!at_most(DecadeEdge(bin))) --bin;
    }
  }
  place.row = bin >= tau;
  place.bin = place.row ? 0 : static_cast<size_t>(bin);

  const double twentieths = 20 * std::pow(10, log10_p), nearest = std::nearbyint(twentieths);
  size_t uniform = std::min<size_t>(static_cast<size_t>(twentieths), 19);
  if (nearest >= 1 && nearest <= 19 && std::fabs(log10_p - std::log10(nearest / 20)) <= kNear) {
    uniform = static_cast<size_t>(nearest);
    if (at_most(DoubleDouble{nearest, 0} / DoubleDouble{20, 0})) --uniform;
  }
  place.uniform = uniform;
  return place;
}

PlaceOfP FindPlaceExactly(const NullLaw& law, uint64_t n, Statistic statistic, int tau_hundredths) {
  const DoubleDouble p = UpperTail(law, n, statistic);
  // How many of the edges from 1 on, or from 1/20 to 19/20, do not pass p by: by halving.
  const auto count = [&](uint64_t most, const auto& at_most) {
    uint64_t low = 0, high = most;
    while (low < high) {
      const uint64_t middle = (low + high + 1) / 2;
      if (at_most(middle)) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  };
  const uint64_t bin = count(static_cast<uint64_t>(tau_hundredths), [&](uint64_t i) { return AtMost(p, DecadeEdge(i)); });
  PlaceOfP place;
  place.row = bin == static_cast<uint64_t>(tau_hundredths);
  place.bin = place.row ? 0 : static_cast<size_t>(bin);
  place.uniform = 19 - count(19, [&](uint64_t i) { return AtMost(p, DoubleDouble{static_cast<double>(20 - i), 0} / DoubleDouble{20, 0}); });
  return place;
}

}  // namespace verdigris::verify
