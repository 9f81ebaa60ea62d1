// For a fixed first token the mean product of factors is a martingale that starts at 1, and a text of n scored tokens has n
// first tokens: by Ville and the union bound n / product is a p for the segment that looks best, wherever it was found.
//
// Candidates are found by Ruzzo and Tompa's scan. A candidate is a stretch with the sum of ln e before it (`left`) and
// after it (`right`). The link of a candidate leads to the nearest one before it with a smaller `left`; those between have
// larger ones and can never be looked for again, which is what makes the scan linear.
//
// Tested by tests/verify/segments_test.cc.
#include "verify/segments.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>

#include "verify/bet.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

struct Candidate {
  size_t first, last;
  double left, right;
  ptrdiff_t link;
};

// Calls `visit(first, last)` for each maximal segment; ln_upto(t) is the sum of ln e over the first t tokens.
template <class LnUpTo, class Visit>
void ForEachMaximal(size_t n, LnUpTo&& ln_upto, Visit&& visit) {
  std::vector<Candidate> candidates;
  const auto flush = [&] {
    for (const Candidate& candidate : candidates) visit(candidate.first, candidate.last);
    candidates.clear();
  };
  double before = ln_upto(0);
  for (size_t t = 0; t < n; ++t) {
    const double after = ln_upto(t + 1);
    if (after > before) {
      Candidate next{t, t + 1, before, after, -1};
      ptrdiff_t j = static_cast<ptrdiff_t>(candidates.size()) - 1;
      while (true) {
        while (j >= 0 && candidates[static_cast<size_t>(j)].left >= next.left) j = candidates[static_cast<size_t>(j)].link;
        if (j < 0) {
          // Nothing before can be extended any more. (Where candidates were merged into this one, they go first.)
          flush();
          break;
        }
        const Candidate& earlier = candidates[static_cast<size_t>(j)];
        if (earlier.right >= next.right) break;
        next.first = earlier.first;
        next.left = earlier.left;
        const ptrdiff_t link = earlier.link;
        candidates.resize(static_cast<size_t>(j));
        j = link;
      }
      next.link = j;
      candidates.push_back(next);
    }
    before = after;
  }
  flush();
}

// ln_product(i, first, last): ln of the product of bet i over a segment.
template <class LnUpTo, class LnProduct>
std::vector<Segment> Find(size_t n, size_t bets, double log10_alpha, LnUpTo&& ln_upto, LnProduct&& ln_product) {
  std::vector<Segment> found;
  const double log10_n = std::log10(static_cast<double>(n));
  std::vector<double> ln(bets);
  for (size_t bet = 0; bet < bets; ++bet) {
    ForEachMaximal(n, [&](size_t t) { return ln_upto(bet, t); }, [&](size_t first, size_t last) {
      double largest = -std::numeric_limits<double>::infinity();
      for (size_t i = 0; i < bets; ++i) largest = std::max(largest, ln[i] = ln_product(i, first, last));
      // The mean is at most the largest: most candidates end here, without an exponential.
      if (log10_n - largest * std::numbers::log10e > log10_alpha) return;
      double sum = 0;
      for (size_t i = 0; i < bets; ++i) sum += std::exp(ln[i] - largest);
      const double log10_mean = (largest + std::log(sum / static_cast<double>(bets))) * std::numbers::log10e;
      const double log10_p = std::min(0.0, log10_n - log10_mean);
      if (log10_p <= log10_alpha) found.push_back({first, last, log10_p});
    });
  }
  std::sort(found.begin(), found.end(), [](const Segment& a, const Segment& b) {
    if (a.log10_p != b.log10_p) return a.log10_p < b.log10_p;
    return a.first != b.first ? a.first < b.first : a.last < b.last;
  });
  std::vector<Segment> chosen;
  std::map<size_t, size_t> taken;  // last by first
  for (const Segment& segment : found) {
    const auto after = taken.lower_bound(segment.first);
    if (after != taken.end() && after->first < segment.last) continue;
    if (after != taken.begin() && std::prev(after)->second > segment.first) continue;
    taken.emplace(segment.first, segment.last);
    chosen.push_back(segment);
  }
  return chosen;
}

}  // namespace

std::vector<Segment> FindSegments(const NullLaw& law, std::span<const uint64_t> scores, double log10_alpha) {
  // ln e is linear in the score, so whole sums come from integers, without rounding that grows with the text.
  std::vector<uint64_t> upto(scores.size() + 1, 0);
  for (size_t t = 0; t < scores.size(); ++t) upto[t + 1] = upto[t] + scores[t];
  const auto bets = BetsOn(law);
  const auto ln_product = [&](size_t i, size_t first, size_t last) {
    return bets[i].slope * static_cast<double>(upto[last] - upto[first]) + bets[i].offset * static_cast<double>(last - first);
  };
  return Find(scores.size(), kBets, log10_alpha, [&](size_t i, size_t t) { return ln_product(i, 0, t); }, ln_product);
}

std::vector<Segment> FindSegments(std::span<const double> ln_factors, size_t bets, double log10_alpha) {
  const size_t n = bets == 0 ? 0 : ln_factors.size() / bets;
  std::vector<double> upto((n + 1) * bets, 0.0);
  for (size_t t = 0; t < n; ++t) {
    for (size_t i = 0; i < bets; ++i) upto[(t + 1) * bets + i] = upto[t * bets + i] + ln_factors[t * bets + i];
  }
  const auto ln_upto = [&](size_t i, size_t t) { return upto[t * bets + i]; };
  return Find(n, bets, log10_alpha, ln_upto, [&](size_t i, size_t first, size_t last) { return ln_upto(i, last) - ln_upto(i, first); });
}

}  // namespace verdigris::verify
