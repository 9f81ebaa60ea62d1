// eprocess.json `locate`; the martingale identity by enumeration; and a plain reference in logarithms for numbers that no
// double can hold.
#include "verify/mixture.h"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/verify/null_streams.h"
#include "tests/verify/vectors.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

// The recursions of section 7 as they stand, in logarithms and long double.
class Reference {
 public:
  explicit Reference(size_t bets) : global_(bets, 0), start_(bets, -INFINITY) {
    for (const auto& [a, b] : kPairs) {
      for (size_t i = 0; i < bets; ++i) {
        human_.push_back(std::log(b / (a + b)));
        marked_.push_back(std::log(a / (a + b)));
      }
    }
  }

  void Push(const double* factors, double share, double rest) {
    const size_t bets = global_.size();
    for (size_t i = 0; i < bets; ++i) {
      const long double ln = std::log(static_cast<long double>(factors[i]));
      global_[i] += ln;
      start_[i] = Add(start_[i], std::log(static_cast<long double>(share))) + ln;
      for (size_t t = 0; t < 3; ++t) {
        const auto [a, b] = kPairs[t];
        long double& h = human_[t * bets + i];
        long double& m = marked_[t * bets + i];
        const long double human = Add(h + std::log1p(-a), m + std::log(b));
        m = Add(h + std::log(a), m + std::log1p(-b)) + ln;
        h = human;
      }
    }
    long double switching = -INFINITY;
    for (size_t c = 0; c < marked_.size(); ++c) switching = Add(switching, Add(human_[c], marked_[c]));
    now_[0] = Mean(global_);
    now_[1] = Add(Mean(start_), std::log(static_cast<long double>(rest)));
    now_[2] = switching - std::log(static_cast<long double>(marked_.size()));
    now_[3] = Add(Add(now_[0], now_[1]), now_[2]) - std::log(3.0L);
    for (size_t i = 0; i < 4; ++i) max_[i] = std::max(max_[i], now_[i]);
  }
  double log10_now(size_t i) const { return static_cast<double>(now_[i] / std::log(10.0L)); }
  double log10_max(size_t i) const { return static_cast<double>(max_[i] / std::log(10.0L)); }

 private:
  static constexpr std::pair<long double, long double> kPairs[] = {{1 / 4000.0L, 1 / 400.0L}, {1 / 1000.0L, 1 / 100.0L}, {1 / 1000.0L, 1 / 1000.0L}};
  static long double Add(long double x, long double y) {
    if (x < y) std::swap(x, y);
    return y == -INFINITY ? x : x + std::log1p(std::exp(y - x));
  }
  static long double Mean(const std::vector<long double>& ln) {
    long double sum = -INFINITY;
    for (const long double x : ln) sum = Add(sum, x);
    return sum - std::log(static_cast<long double>(ln.size()));
  }
  std::vector<long double> global_, start_, human_, marked_;
  long double now_[4] = {}, max_[4] = {};
};

void CheckAgainst(const Mixture& mixture, const Reference& reference, double tolerance) {
  const auto near = [&](double got, double want) {
    if (std::isinf(want)) return got == want;
    return std::fabs(got - want) <= tolerance * (1 + std::fabs(want) * 1e-2);
  };
  const Mixture::Parts now = mixture.log10_parts_now(), max = mixture.log10_parts_max();
  CHECK(near(now.global, reference.log10_now(0)));
  CHECK(near(now.start, reference.log10_now(1)));
  CHECK(near(now.switching, reference.log10_now(2)));
  CHECK(near(mixture.log10_now(), reference.log10_now(3)));
  CHECK(near(max.global, reference.log10_max(0)));
  CHECK(near(max.start, reference.log10_max(1)));
  CHECK(near(max.switching, reference.log10_max(2)));
  CHECK(near(mixture.log10_max(), reference.log10_max(3)));
}

struct Walk {
  double weight;  // probability of the scores under the null law
  Mixture known, stream;
};

}  // namespace

TEST_CASE("the three martingales, both shares of starts, equal exact rationals") {
  const auto vectors = ReadVectors("locate.json", {"source", "locate"});
  for (const auto& row : vectors["locate"]) {
    const std::string bits = row["bits"];
    const size_t n = row["n"];
    BetFactors factors(ParseGamma(row["gamma"]));
    Mixture known(kBets), stream(kBets);
    size_t next = 0, argmax = 0;
    for (size_t j = 1; j <= n; ++j) {
      const double* e = factors.Of(bits[j - 1] == '1');
      const double before = known.log10_max(), length = static_cast<double>(n), place = static_cast<double>(j);
      known.Push(e, 1 / length, (length - place) / length);
      stream.Push(e, 1 / (place * (place + 1)), 1 / (place + 1));
      if (known.log10_max() > before) argmax = j;
      const auto& wanted = row["values"][next];
      if (wanted[0] != j) continue;
      ++next;
      CAPTURE(j);
      const auto parts = known.log10_parts_now(), unbounded = stream.log10_parts_now();
      CHECK(CloseLog10(parts.global, std::log10(wanted[1].get<double>())));
      CHECK(CloseLog10(parts.start, std::log10(wanted[2].get<double>())));
      CHECK(CloseLog10(unbounded.start, std::log10(wanted[3].get<double>())));
      CHECK(CloseLog10(parts.switching, std::log10(wanted[4].get<double>())));
      CHECK(CloseLog10(known.log10_now(), std::log10(wanted[5].get<double>())));
    }
    CHECK(next == row["values"].size());
    CHECK(CloseLog10(known.log10_max(), std::log10(row["max_three"].get<double>())));
    CHECK(argmax == row["argmax_three"]);
  }
}

TEST_CASE("each part has mean 1 over all texts of up to 10 scores, weighted with their probability") {
  for (const auto& [law, n] : {std::pair{NullLaw::Bernoulli(1, 2), 10}, {NullLaw::Bernoulli(1, 4), 10}, {NullLaw::Bernoulli(1, 20), 10}, {NullLaw::TwoBernoulli(1, 1), 5}}) {
    std::vector<double> chance;
    if (law.kind == NullLaw::Kind::kBernoulli) {
      const double g = static_cast<double>(law.numerator) / law.denominator;
      chance = {1 - g, g};
    } else {
      chance = {.25, .25, .25, .25};  // 2 X + Y
    }
    BetFactors factors(law);
    std::vector<Walk> walks = {{1, Mixture(kBets), Mixture(kBets)}};
    for (int j = 1; j <= n; ++j) {
      std::vector<Walk> longer;
      double sums[7] = {};
      for (const Walk& walk : walks) {
        for (size_t score = 0; score < chance.size(); ++score) {
          Walk next = walk;
          next.weight *= chance[score];
          next.known.Push(factors.Of(score), 1.0 / n, static_cast<double>(n - j) / n);
          next.stream.Push(factors.Of(score), 1.0 / (j * (j + 1)), 1.0 / (j + 1));
          const auto parts = next.known.log10_parts_now(), unbounded = next.stream.log10_parts_now();
          const double logs[] = {parts.global, parts.start, parts.switching, next.known.log10_now(), unbounded.global, unbounded.start, next.stream.log10_now()};
          for (size_t i = 0; i < 7; ++i) sums[i] += next.weight * std::pow(10, logs[i]);
          longer.push_back(next);
        }
      }
      CAPTURE(j);
      for (const double sum : sums) CHECK(std::fabs(sum - 1) < 1e-12);
      walks = std::move(longer);
    }
  }
}

TEST_CASE("scaling: marked text that rises beyond 1e3000 and falls again, against logarithms") {
  std::mt19937_64 random(71);
  const NullLaw law = NullLaw::Bernoulli(1, 4);
  BetFactors factors(law);
  Mixture mixture(kBets);
  Reference reference(kBets);
  const size_t n = 120000;
  for (size_t j = 1; j <= n; ++j) {
    // Unmarked, strongly marked, unmarked, faintly marked, unmarked.
    const double rate = j < 30000 ? .25 : j < 40000 ? .9 : j < 80000 ? .25 : j < 100000 ? .33 : .25;
    const double* e = factors.Of(Uniform(random) < rate);
    const double share = 1.0 / n, rest = static_cast<double>(n - j) / n;
    mixture.Push(e, share, rest);
    reference.Push(e, share, rest);
    if (j % 10000 == 0) {
      CAPTURE(j);
      CheckAgainst(mixture, reference, 1e-9);
    }
  }
  CHECK(mixture.log10_max() > 3000);
}

TEST_CASE("scaling: factors of 0, of 1e-170 and of 1e170, one to twelve bets, against logarithms") {
  std::mt19937_64 random(72);
  for (const size_t bets : {size_t{1}, size_t{2}, size_t{5}, size_t{7}, size_t{12}}) {
    CAPTURE(bets);
    Mixture mixture(bets);
    Reference reference(bets);
    const size_t n = 3000;
    for (size_t j = 1; j <= n; ++j) {
      double e[Mixture::kMostBets];
      for (size_t i = 0; i < bets; ++i) {
        const uint64_t kind = random() % 400;
        const double wide = std::exp(800 * Uniform(random) - 400);
        e[i] = kind == 0 && j > n / 2 ? 0 : kind < 20 ? std::min(wide, Mixture::kLargestFactor) : std::exp(2 * Uniform(random) - 1.1);
      }
      const double share = 1.0 / n, rest = static_cast<double>(n - j) / n;
      mixture.Push(e, share, rest);
      reference.Push(e, share, rest);
      if (j % 100 == 0 || j < 10) CheckAgainst(mixture, reference, 1e-10);
    }
  }
}
