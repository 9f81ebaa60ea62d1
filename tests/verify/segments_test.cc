// Candidates against the definition of Ruzzo and Tompa (a stretch of the largest sum, then the same left and right of it);
// the claim of statistics.md section 7 on null streams, and beside marked text.
#include "verify/segments.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/verify/null_streams.h"
#include "verify/bet.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

struct Slow {
  std::vector<double> ln;
  size_t n, bets;
  std::vector<Segment> found;

  double Sum(size_t i, size_t first, size_t last) const {
    double sum = 0;
    for (size_t t = first; t < last; ++t) sum += ln[t * bets + i];
    return sum;
  }
  void Collect(size_t i, size_t from, size_t to) {
    double best = 0;
    size_t first = 0, last = 0;
    for (size_t a = from; a < to; ++a) {
      double sum = 0;
      for (size_t b = a; b < to; ++b) {
        sum += ln[b * bets + i];
        if (sum > best) best = sum, first = a, last = b + 1;
      }
    }
    if (best <= 0) return;
    double mean = 0;
    for (size_t k = 0; k < bets; ++k) mean += std::exp(Sum(k, first, last)) / static_cast<double>(bets);
    found.push_back({first, last, std::min(0.0, std::log10(static_cast<double>(n) / mean))});
    Collect(i, from, first);
    Collect(i, last, to);
  }
  std::vector<Segment> Choose(double log10_alpha) {
    for (size_t i = 0; i < bets; ++i) Collect(i, 0, n);
    std::sort(found.begin(), found.end(), [](const Segment& a, const Segment& b) { return std::tie(a.log10_p, a.first, a.last) < std::tie(b.log10_p, b.first, b.last); });
    std::vector<Segment> chosen;
    for (const Segment& s : found) {
      if (s.log10_p > log10_alpha) continue;
      if (std::any_of(chosen.begin(), chosen.end(), [&](const Segment& c) { return s.first < c.last && c.first < s.last; })) continue;
      chosen.push_back(s);
    }
    return chosen;
  }
};

}  // namespace

TEST_CASE("segments are those of the definition, with one bet and with three") {
  std::mt19937_64 random(81);
  size_t compared = 0;
  for (int text = 0; text < 600; ++text) {
    const size_t bets = text % 2 == 0 ? 1 : 3, n = 1 + random() % 60;
    std::vector<double> ln(n * bets);
    for (double& x : ln) x = 4 * Uniform(random) - 1.9;
    for (const double log10_alpha : {-0.01, -1.0, -3.0}) {
      const auto got = FindSegments(ln, bets, log10_alpha);
      const auto want = Slow{ln, n, bets, {}}.Choose(log10_alpha);
      REQUIRE(got.size() == want.size());
      for (size_t i = 0; i < got.size(); ++i) {
        ++compared;
        CHECK(got[i].first == want[i].first);
        CHECK(got[i].last == want[i].last);
        CHECK(got[i].log10_p == doctest::Approx(want[i].log10_p).epsilon(1e-10));
      }
    }
  }
  CHECK(compared > 300);
}

TEST_CASE("of scores and of their factors the segments are the same") {
  std::mt19937_64 random(82);
  for (const NullLaw& law : {NullLaw::Bernoulli(1, 4), NullLaw::Gamma(), NullLaw::TwoBernoulli(15, 15)}) {
    auto scores = NullStream(law, 3000, random);
    for (size_t t = 1000; t < 1400; ++t) scores[t] = std::max(scores[t], NullScore(law, random));
    const auto bets = BetsOn(law);
    std::vector<double> ln;
    for (const uint64_t score : scores) {
      for (const Bet& bet : bets) ln.push_back(bet.LnFactor(score));
    }
    const auto a = FindSegments(law, scores, -1), b = FindSegments(ln, kBets, -1);
    REQUIRE(!a.empty());
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i].first == b[i].first);
      CHECK(a[i].last == b[i].last);
      CHECK(a[i].log10_p == doctest::Approx(b[i].log10_p).epsilon(1e-9));
      // The claim, from the scores.
      double mean = 0;
      for (const Bet& bet : bets) {
        double sum = 0;
        for (size_t t = a[i].first; t < a[i].last; ++t) sum += bet.LnFactor(scores[t]);
        mean += std::exp(sum) / kBets;
      }
      CHECK(a[i].log10_p == doctest::Approx(std::log10(3000 / mean)).epsilon(1e-10));
    }
  }
}

TEST_CASE("no segment without a marked token beyond its level: null streams, and texts marked elsewhere") {
  // At most .05; n 600, 4,000 streams. False alarm: 8e-6, 4 laws x 2 of 1e-6.
  std::mt19937_64 random(83);
  const size_t n = 600, streams = 4000;
  for (const NullLaw& law : {NullLaw::Bernoulli(1, 4), NullLaw::Bernoulli(1, 2), NullLaw::Gamma(), NullLaw::TwoBernoulli(15, 15)}) {
    uint64_t wrong = 0, wrong_beside = 0;
    for (size_t s = 0; s < streams; ++s) {
      auto scores = NullStream(law, n, random);
      wrong += !FindSegments(law, scores, std::log10(.05)).empty();
      const uint64_t high = law.kind == NullLaw::Kind::kBernoulli ? 1 : law.kind == NullLaw::Kind::kGamma ? uint64_t{5} << 32 : 35;
      for (size_t t = 250; t < 350; ++t) scores[t] = high;
      bool free_one = false, found = false;
      for (const Segment& segment : FindSegments(law, scores, std::log10(.05))) {
        free_one |= segment.last <= 250 || segment.first >= 350;
        found |= segment.first < 350 && segment.last > 250;
      }
      REQUIRE(found);
      wrong_beside += free_one;
    }
    CAPTURE(static_cast<int>(law.kind));
    CAPTURE(wrong);
    CAPTURE(wrong_beside);
    CHECK(AtMostBinomial(wrong, streams, .05, 1e-6));
    CHECK(AtMostBinomial(wrong_beside, streams, .05, 1e-6));
  }
}

TEST_CASE("three marked pieces in 8,000 tokens are found where they are") {
  // Rate .7 against 1/4, 150 tokens each: the chance that a piece stays above 1e-6 is below 1e-12; its ends are estimates.
  std::mt19937_64 random(84);
  const NullLaw law = NullLaw::Bernoulli(1, 4);
  const auto scores = MixedStream(law, 8000, 450, 3, .7, random);
  auto segments = FindSegments(law, scores, -6);
  REQUIRE(segments.size() == 3);
  std::sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) { return a.first < b.first; });
  for (size_t j = 0; j < 3; ++j) {
    const size_t from = (2 * j + 1) * 8000 / 6 - 75;
    CHECK(std::llabs(static_cast<long long>(segments[j].first) - static_cast<long long>(from)) <= 30);
    CHECK(std::llabs(static_cast<long long>(segments[j].last) - static_cast<long long>(from + 150)) <= 30);
  }
}

TEST_CASE("no scores, no segments") {
  CHECK(FindSegments(NullLaw::Bernoulli(1, 4), {}, 0).empty());
  CHECK(FindSegments(std::span<const double>{}, 5, 0).empty());
}
