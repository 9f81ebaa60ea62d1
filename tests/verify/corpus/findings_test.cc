// Findings from a stored tail: against the full lists they stand for, and the share of false ones.
#include "verify/corpus/findings.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <doctest/doctest.h>

#include "verify/law.h"
#include "verify/martingale.h"
#include "verify/multiplicity.h"

using namespace verdigris;
using namespace verdigris::verify;

namespace {

struct Corpus {
  std::vector<double> log10_p, log10_e;  // of all documents
  std::vector<double> rows, rows_e;      // of those with p <= tau
  std::vector<uint64_t> histogram;

  void Add(double p, double e, int tau) {
    log10_p.push_back(p);
    log10_e.push_back(e);
    if (p <= -tau / 100.0) {
      rows.push_back(p);
      rows_e.push_back(e);
    } else {
      ++histogram[static_cast<size_t>(-p * 100)];
    }
  }
};

// Documents of 20 to 200 fair bits, a share of them with more ones.
Corpus RandomCorpus(std::mt19937_64& random, int tau) {
  Corpus corpus;
  corpus.histogram.resize(static_cast<size_t>(tau));
  const size_t m = 1 + random() % 120;
  const double share = static_cast<double>(random() % 5) / 8;
  const NullLaw law = NullLaw::Bernoulli(1, 2);
  for (size_t i = 0; i < m; ++i) {
    const uint64_t n = 20 + random() % 180;
    const double rate = static_cast<double>(random() >> 11) * 0x1p-53 < share ? .65 : .5;
    const uint64_t k = std::binomial_distribution<uint64_t>(n, rate)(random);
    corpus.Add(Log10UpperTail(law, n, k), Log10Martingale(law, n, k), tau);
  }
  return corpus;
}

uint64_t FullRejections(CorpusControl control, const Corpus& corpus, double log10_alpha) {
  switch (control) {
    case CorpusControl::kBh: return Reject(Control::kBenjaminiHochberg, corpus.log10_p, corpus.log10_p.size(), log10_alpha).rejected;
    case CorpusControl::kBy: return Reject(Control::kBenjaminiYekutieli, corpus.log10_p, corpus.log10_p.size(), log10_alpha).rejected;
    case CorpusControl::kHolm: return Reject(Control::kHolm, corpus.log10_p, corpus.log10_p.size(), log10_alpha).rejected;
    default: return RejectByE(corpus.log10_e, corpus.log10_e.size(), log10_alpha);
  }
}

// The condition of statistics.md 8.2, written out.
bool ConditionHolds(const Corpus& corpus, double log10_alpha) {
  const double m = static_cast<double>(corpus.log10_p.size());
  uint64_t up_to = corpus.rows.size();
  for (size_t i = corpus.histogram.size(); i-- > 0;) {
    up_to += corpus.histogram[i];
    if (corpus.histogram[i] > 0 && std::pow(10, -static_cast<double>(i + 1) / 100) < std::pow(10, log10_alpha) * static_cast<double>(up_to) / m * (1 - 1e-12)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("20,000 random corpora: the tail decides as the full list, or is refused exactly where the condition fails") {
  std::mt19937_64 random(11);
  const CorpusControl controls[] = {CorpusControl::kBh, CorpusControl::kBy, CorpusControl::kEbh, CorpusControl::kHolm};
  uint64_t refused = 0, wrong_without_condition = 0, rejected = 0;
  for (int round = 0; round < 20'000; ++round) {
    const int tau = round % 3 == 0 ? 50 : round % 3 == 1 ? 100 : 200;
    const Corpus corpus = RandomCorpus(random, tau);
    const double log10_alpha = round % 2 == 0 ? std::log10(.05) : std::log10(.2);
    for (const CorpusControl control : controls) {
      CAPTURE(round);
      CAPTURE(ControlName(control));
      const double harmonic = control == CorpusControl::kBy ? std::log10(HarmonicNumber(corpus.log10_p.size())) : 0;
      const auto findings = Findings::Decide(control, TailOf(corpus.rows, corpus.histogram, 1), corpus.rows_e, log10_alpha);
      const uint64_t full = FullRejections(control, corpus, log10_alpha);
      REQUIRE(findings.has_value() == ConditionHolds(corpus, log10_alpha - harmonic));
      if (!findings) {
        REQUIRE(findings.error().kind == ErrorKind::kFailedPrecondition);
        ++refused;
        // Control: the rows alone, without asking.
        Corpus rows_alone = corpus;
        rows_alone.log10_p = corpus.rows;
        rows_alone.log10_p.resize(corpus.log10_p.size(), 0);
        rows_alone.log10_e = corpus.rows_e;
        rows_alone.log10_e.resize(corpus.log10_e.size(), -300);
        wrong_without_condition += FullRejections(control, rows_alone, log10_alpha) != full;
        continue;
      }
      REQUIRE(findings->rejected() == full);
      rejected += full;
      uint64_t marked = 0;
      for (size_t i = 0; i < corpus.rows.size(); ++i) {
        const bool is = findings->Rejects(corpus.rows[i], corpus.rows_e[i]);
        marked += is;
        const auto adjusted = findings->Log10Adjusted(corpus.rows[i]);
        if (adjusted) REQUIRE((*adjusted <= log10_alpha + 1e-12) == is);
      }
      REQUIRE(marked == full);
    }
  }
  CHECK(refused > 4000);
  CHECK(wrong_without_condition > 1000);
  CHECK(rejected > 10'000);
}

TEST_CASE("the family of several runs multiplies m") {
  std::mt19937_64 random(12);
  const double log10_alpha = std::log10(.05);
  uint64_t compared = 0;
  for (int round = 0; round < 500; ++round) {
    Corpus corpus = RandomCorpus(random, 100);
    const auto findings = Findings::Decide(CorpusControl::kBh, TailOf(corpus.rows, corpus.histogram, 4), {}, log10_alpha);
    corpus.log10_p.resize(4 * corpus.log10_p.size(), 0);
    if (!findings) continue;
    ++compared;
    CHECK(findings->rejected() == FullRejections(CorpusControl::kBh, corpus, log10_alpha));
  }
  CHECK(compared > 100);
}

TEST_CASE("without control each p at or below alpha is a finding, and alpha above tau is refused") {
  const std::vector<double> rows = {-4, -3.5, -3};
  const std::vector<uint64_t> histogram(300, 1);
  const auto findings = Findings::Decide(CorpusControl::kNone, TailOf(rows, histogram, 1), {}, -3.5);
  REQUIRE(findings);
  CHECK(findings->rejected() == 2);
  CHECK(findings->Rejects(-3.5, 0));
  CHECK(!findings->Rejects(-3, 0));
  const auto refused = Findings::Decide(CorpusControl::kNone, TailOf(rows, histogram, 1), {}, -2);
  REQUIRE(!refused);
  CHECK(refused.error().message.find("-2.0000") != std::string::npos);
}

TEST_CASE("1,000 corpora of 2,000 documents, 100 of them marked: the mean false share of BH is at most .05") {
  // Bits of chance 1/2, n = 200; marked ones such that p <= .0025 with chance about a half. False alarm: 3e-7, the mean against
  // .05 + 5 standard errors. Control: p <= .05 each.
  std::mt19937_64 random(13);
  const NullLaw law = NullLaw::Bernoulli(1, 2);
  const double log10_alpha = std::log10(.05);
  std::vector<double> p_of(201);
  for (uint64_t k = 0; k <= 200; ++k) p_of[k] = Log10UpperTail(law, 200, k);
  double sum = 0, squares = 0, control = 0;
  uint64_t found = 0;
  constexpr int kCorpora = 1000;
  for (int round = 0; round < kCorpora; ++round) {
    Corpus corpus;
    corpus.histogram.resize(100);
    std::vector<bool> marked;
    std::vector<double> row_marked;
    uint64_t each = 0, each_false = 0;
    for (int i = 0; i < 2000; ++i) {
      const bool is_marked = i < 100;
      const double log10_p = p_of[std::binomial_distribution<uint64_t>(200, is_marked ? .6 : .5)(random)];
      corpus.Add(log10_p, 0, 100);
      if (log10_p <= -1) marked.push_back(is_marked);
      each += log10_p <= log10_alpha;
      each_false += log10_p <= log10_alpha && !is_marked;
    }
    const auto findings = Findings::Decide(CorpusControl::kBh, TailOf(corpus.rows, corpus.histogram, 1), {}, log10_alpha);
    REQUIRE(findings);
    uint64_t rejected = 0, wrong = 0;
    for (size_t i = 0; i < corpus.rows.size(); ++i) {
      if (!findings->Rejects(corpus.rows[i], 0)) continue;
      ++rejected;
      wrong += !marked[i];
    }
    found += rejected - wrong;
    const double share = rejected == 0 ? 0 : static_cast<double>(wrong) / static_cast<double>(rejected);
    sum += share;
    squares += share * share;
    control += static_cast<double>(each_false) / static_cast<double>(each);
  }
  const double mean = sum / kCorpora, error = std::sqrt((squares / kCorpora - mean * mean) / kCorpora);
  CAPTURE(mean);
  CHECK(mean <= .05 + 5 * error);
  CHECK(found > 30 * kCorpora);  // it finds something
  CHECK(control / kCorpora > .3);
}
