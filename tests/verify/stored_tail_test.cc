// BH, BY, Holm and e-BH from stored rows and a histogram against the same rules over the full list.
#include "verify/stored_tail.h"

#include <cmath>
#include <random>

#include "tests/verify/vectors.h"

using namespace verdigris::verify;
using namespace verdigris::testing;

TEST_CASE("stored tails: the vectors' certificates, bins and rejections") {
  const auto vectors = ReadVectors("multiple.json", {"source", "clopper_pearson", "sidak_log10", "harmonic", "bh_by_holm", "ebh",
                                                     "bh_from_histogram", "rank_p", "p_to_e_log10", "fisher_log10"});
  for (const auto& row : vectors["bh_from_histogram"]) {
    CAPTURE(row.dump());
    StoredTail tail;
    for (const auto& p : row["stored"]) tail.log10_p.push_back(std::log10(p.get<double>()));
    for (size_t i = 0; i < row["counts"].size(); ++i) {
      tail.bins.push_back({std::log10(row["edges"][i].get<double>()), std::log10(row["edges"][i + 1].get<double>()), row["counts"][i].get<uint64_t>()});
    }
    REQUIRE(tail.size() == row["m"].get<uint64_t>());
    const double alpha = std::log10(row["alpha"].get<double>());
    CHECK(Reject(Control::kBenjaminiHochberg, tail.log10_p, tail.size(), alpha).rejected == row["rejected_among_stored"].get<size_t>());
    const auto unresolved = UnresolvedBin(tail, alpha);
    const auto rejections = RejectFromTail(Control::kBenjaminiHochberg, tail, alpha);
    CHECK(rejections.has_value() == row["certified"].get<bool>());
    if (row["certified"].get<bool>()) {
      CHECK_FALSE(unresolved.has_value());
      CHECK(rejections->rejected == row["rejected_among_stored"].get<size_t>());
    } else {
      CHECK(unresolved == row["first_unresolved_bin"].get<size_t>());
      CHECK(rejections.error().message.find("bin " + std::to_string(*unresolved)) == 0);
    }
  }
}

TEST_CASE("stored tails: 20,000 random cases give what the full list gives, or are refused") {
  // Exact: no false alarm. Seed 82. e-values: e = 1/p, a case that e <= 1/p allows.
  std::mt19937_64 random(82);
  std::uniform_real_distribution<double> uniform(0, 1);
  int refused = 0, wrong_without_condition = 0, rejecting = 0;
  for (int round = 0; round < 20000; ++round) {
    const size_t m = 1 + random() % 60;
    const double alpha = std::log10(round % 2 ? 0.05 : 0.2), tau = -(1 + static_cast<double>(random() % 3)) / 2;
    StoredTail tail;
    const size_t bins = 1 + random() % 6;
    for (size_t i = 0; i < bins; ++i) {
      tail.bins.push_back({tau * static_cast<double>(bins - i) / static_cast<double>(bins), tau * static_cast<double>(bins - i - 1) / static_cast<double>(bins), 0});
    }
    tail.bins.back().log10_to = 0;
    std::vector<double> all;
    const double share = uniform(random);
    for (size_t i = 0; i < m; ++i) {
      const double p = std::log10(uniform(random) * (uniform(random) < share ? 0.02 : 1.0));
      all.push_back(p);
      if (p <= tau) {
        tail.log10_p.push_back(p);
        continue;
      }
      size_t bin = 0;
      while (p > tail.bins[bin].log10_to) ++bin;
      ++tail.bins[bin].count;
    }
    for (const Control control : {Control::kBenjaminiHochberg, Control::kBenjaminiYekutieli, Control::kHolm}) {
      const Rejections full = Reject(control, all, m, alpha);
      const auto stored = RejectFromTail(control, tail, alpha);
      const Rejections blind = Reject(control, tail.log10_p, m, alpha);
      if (control == Control::kBenjaminiHochberg) {
        refused += !stored;
        wrong_without_condition += blind.rejected != full.rejected;
        rejecting += full.rejected > 0;
      }
      if (!stored) continue;
      CAPTURE(round);
      REQUIRE(stored->rejected == full.rejected);
      REQUIRE(stored->log10_adjusted.size() >= stored->rejected);
      for (size_t i = 0; i < stored->log10_adjusted.size(); ++i) {
        REQUIRE(std::fabs(stored->log10_adjusted[i] - full.log10_adjusted[i]) <= 1e-12);
      }
    }
    std::vector<double> e_of_rows, e_of_all;
    for (const double p : tail.log10_p) e_of_rows.push_back(-p);
    for (const double p : all) e_of_all.push_back(-p);
    if (const auto stored = RejectByEFromTail(tail, e_of_rows, alpha)) REQUIRE(*stored == RejectByE(e_of_all, m, alpha));
  }
  MESSAGE("refused " << refused << " of 20000; without the condition " << wrong_without_condition << " wrong; " << rejecting << " reject");
  CHECK(refused > 200);
  CHECK(refused < 10000);
  CHECK(wrong_without_condition > 100);  // the control
  CHECK(rejecting > 5000);
}

TEST_CASE("stored tails: what the refusal names would do, and what is no tail is refused") {
  StoredTail tail{{-5}, {{-3, -2, 40}, {-2, -1, 58}, {-1, 0, 900}}};
  const auto refusal = RejectFromTail(Control::kBenjaminiHochberg, tail, std::log10(.05));
  REQUIRE_FALSE(refusal);
  CHECK(refusal.error().message == "bin 0, log10 p in (-3.0000,-2.0000], may hold rejections: rows are needed up to log10 tau -2.0000");
  // Where a later bin is unresolved as well, its end is what is needed: .05 * 941 / 1000 is above 10^-1.4.
  const StoredTail later{{-5}, {{-3, -1.4, 40}, {-1.4, -1, 900}, {-1, 0, 59}}};
  CHECK(RejectFromTail(Control::kBenjaminiHochberg, later, std::log10(.05)).error().message ==
        "bin 0, log10 p in (-3.0000,-1.4000], may hold rejections: rows are needed up to log10 tau -1.0000");
  tail.bins[1].log10_above = -1.5;
  CHECK(RejectFromTail(Control::kHolm, tail, -2).error().message == "bin 1 of the histogram does not follow the one before");
  tail.bins[1].log10_above = -2;
  tail.log10_p.push_back(-2.5);
  CHECK(RejectFromTail(Control::kHolm, tail, -2).error().message == "a stored row lies above tau");
  tail.log10_p.pop_back();
  CHECK(RejectByEFromTail(tail, std::vector<double>{1, 2}, -2).error().message == "2 e-values for 1 rows");
}
