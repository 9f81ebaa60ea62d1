// Rules for many tests against multiple.json (mpmath, exact rationals) and against their definitions.
#include "verify/multiplicity.h"

#include <cmath>
#include <random>

#include "tests/bands.h"
#include "tests/verify/vectors.h"
#include "verify/law.h"

using namespace verdigris::verify;
using namespace verdigris::testing;

namespace {

const nlohmann::json& Vectors() {
  static const nlohmann::json vectors =
      ReadVectors("multiple.json", {"source", "clopper_pearson", "sidak_log10", "harmonic", "bh_by_holm", "ebh",
                                    "bh_from_histogram", "rank_p", "p_to_e_log10", "fisher_log10"});
  return vectors;
}

std::vector<double> Log10Each(const nlohmann::json& values) {
  std::vector<double> out;
  for (const auto& value : values) out.push_back(std::log10(value.get<double>()));  // 0 becomes -inf
  return out;
}

}  // namespace

TEST_CASE("step rules reject as many as exact rationals say, equality included, and give their adjusted p") {
  for (const auto& row : Vectors()["bh_by_holm"]) {
    CAPTURE(row.dump());
    const std::vector<double> p = Log10Each(row["p"]);
    const double alpha = std::log10(row["alpha"].get<double>());
    const auto check = [&](Control control, const char* rejected, const char* adjusted) {
      const Rejections got = Reject(control, p, p.size(), alpha);
      CHECK(got.rejected == row[rejected].get<size_t>());
      for (size_t i = 1; i < p.size(); ++i) CHECK(p[got.order[i - 1]] <= p[got.order[i]]);
      if (adjusted == nullptr) return;
      REQUIRE(got.log10_adjusted.size() == p.size());
      for (size_t i = 0; i < p.size(); ++i) CHECK(std::pow(10, got.log10_adjusted[i]) == doctest::Approx(row[adjusted][i].get<double>()).epsilon(1e-12));
    };
    check(Control::kBonferroni, "rejected_bonferroni", nullptr);
    check(Control::kHolm, "rejected_holm", "sorted_adjusted_holm");
    check(Control::kBenjaminiHochberg, "rejected_bh", "sorted_adjusted_bh");
    check(Control::kBenjaminiYekutieli, "rejected_by", nullptr);
  }
}

TEST_CASE("tests that are not listed count as p = 1") {
  const std::vector<double> few = {-4, -2.5, -1.2};
  std::vector<double> all = few;
  all.resize(50, 0);
  for (const Control control : {Control::kBonferroni, Control::kHolm, Control::kBenjaminiHochberg, Control::kBenjaminiYekutieli}) {
    const Rejections listed = Reject(control, few, 50, -1), full = Reject(control, all, 50, -1);
    CHECK(listed.rejected == full.rejected);
    for (size_t i = 0; i < few.size(); ++i) CHECK(listed.log10_adjusted[i] == full.log10_adjusted[i]);
  }
  CHECK(Reject(Control::kHolm, {}, 0, -2).rejected == 0);
}

TEST_CASE("e-BH rejects as many as exact rationals say") {
  for (const auto& row : Vectors()["ebh"]) {
    CAPTURE(row.dump());
    CHECK(RejectByE(Log10Each(row["e"]), row["e"].size(), std::log10(row["alpha"].get<double>())) == row["rejected"].get<size_t>());
  }
}

TEST_CASE("harmonic numbers have 15 digits from 1 to 1e12, and the series meets the sum") {
  for (const auto& row : Vectors()["harmonic"]) {
    CAPTURE(row.dump());
    CHECK(HarmonicNumber(row[0].get<uint64_t>()) == doctest::Approx(row[1].get<double>()).epsilon(1e-15));
  }
  CHECK(HarmonicNumber(64) - HarmonicNumber(63) == doctest::Approx(1. / 64).epsilon(1e-13));
}

TEST_CASE("Sidak in logs") {
  for (const auto& row : Vectors()["sidak_log10"]) {
    CAPTURE(row.dump());
    const double got = Log10Sidak(row[0].get<double>(), row[1].get<uint64_t>()), want = row[2].get<double>();
    CHECK(std::fabs(got - want) <= 1e-12 * std::max(1.0, std::fabs(want)));
    CHECK(got <= Log10Bonferroni(row[0].get<double>(), row[1].get<uint64_t>()) + 1e-12);
  }
}

TEST_CASE("p to e by both calibrators, and Fisher's tail") {
  for (const auto& row : Vectors()["p_to_e_log10"]) {
    CAPTURE(row.dump());
    CHECK(Log10EBySquareRoot(row[0].get<double>()) == doctest::Approx(row[1].get<double>()).epsilon(1e-13));
    CHECK(Log10EByMixture(row[0].get<double>()) == doctest::Approx(row[2].get<double>()).epsilon(1e-13));
  }
  CHECK(Log10EByMixture(0) == doctest::Approx(std::log10(0.5)).epsilon(1e-15));  // its limit at p = 1
  CHECK(Log10EByMixture(-0.43429448190325) == doctest::Approx(Log10EByMixture(-0.43429448190327)).epsilon(1e-12));
  for (const auto& row : Vectors()["fisher_log10"]) {
    CAPTURE(row.dump());
    CHECK(CloseLog10(Log10Fisher(row[0].get<std::vector<double>>()), row[1].get<double>()));
  }
}

TEST_CASE("Clopper-Pearson bands") {
  for (const auto& row : Vectors()["clopper_pearson"]) {
    CAPTURE(row.dump());
    const auto n = row[0].get<uint64_t>(), k = row[1].get<uint64_t>();
    const double level = std::stod(row[2].get<std::string>());
    const Band band = ClopperPearson(n, k, level);
    CHECK(band.lower == doctest::Approx(row[3].get<double>()).epsilon(1e-9));
    CHECK(band.upper == doctest::Approx(row[4].get<double>()).epsilon(1e-9));
    // A share inside and one outside of each end, as ratios.
    constexpr uint32_t kAll = 1000000000;
    const auto contains = [&](double share) { return BandContains(n, k, level, static_cast<uint32_t>(share * kAll), kAll); };
    const double lower = row[3].get<double>(), upper = row[4].get<double>();
    if (lower > 1e-4) {
      CHECK(contains(lower * 1.001));
      CHECK_FALSE(contains(lower * 0.999));
    }
    if (upper < 0.999) {
      CHECK(contains(upper * 0.999));
      CHECK_FALSE(contains(upper * 1.001));
    }
  }
}

TEST_CASE("two-sided binomial p: both directions, impossible and certain counts") {
  CHECK(std::pow(10, Log10TwoSidedBinomial(10, 0, std::log10(0.5))) == doctest::Approx(2. / 1024));
  CHECK(std::pow(10, Log10TwoSidedBinomial(10, 10, std::log10(0.5))) == doctest::Approx(2. / 1024));
  CHECK(Log10TwoSidedBinomial(10, 5, std::log10(0.5)) == 0);
  CHECK(Log10TwoSidedBinomial(10, 0, -5000) == 0);
  CHECK(Log10TwoSidedBinomial(10, 1, -5000) < -4000);
  CHECK(Log10TwoSidedBinomial(10, 10, 0) == 0);
}

TEST_CASE("P5: p-values combined from parts of 100,000 null streams stay valid, and the plain minimum does not") {
  // n 400, g 1/4; seed 5; at most .05 and .01, 1e-6 each, four combinations. False alarm: 8e-6. The parts: the whole and its
  // first half (dependent), its two halves (independent).
  std::vector<double> p_of_whole(401), p_of_half(201);
  for (uint64_t k = 0; k <= 400; ++k) p_of_whole[k] = Log10BinomialUpperTail(400, k, 1, 4);
  for (uint64_t k = 0; k <= 200; ++k) p_of_half[k] = Log10BinomialUpperTail(200, k, 1, 4);
  std::mt19937_64 random(5);
  constexpr uint64_t kStreams = 100000;
  struct Count {
    const char* name;
    uint64_t at_05 = 0, at_01 = 0;
    void Add(double log10_p) {
      at_05 += log10_p <= std::log10(.05);
      at_01 += log10_p <= -2;
    }
  } twice{"twice the smaller"}, bonferroni{"bonferroni"}, sidak{"sidak of halves"}, fisher{"fisher of halves"}, plain{"plain minimum"};
  for (uint64_t stream = 0; stream < kStreams; ++stream) {
    size_t half[2] = {};
    for (size_t& count : half) {
      for (int word = 0; word < 25; ++word) {  // 8 bits of chance 1/4 from 16 fair ones
        const uint64_t bits = random();
        count += static_cast<size_t>(__builtin_popcountll(bits & (bits >> 1) & 0x5555));
      }
    }
    const double first = p_of_half[half[0]], second = p_of_half[half[1]], whole = p_of_whole[half[0] + half[1]];
    const double halves[2] = {first, second};
    twice.Add(Log10TwiceTheSmaller(whole, first));
    bonferroni.Add(Log10Bonferroni(std::min({whole, first, second}), 3));
    sidak.Add(Log10Sidak(std::min(first, second), 2));
    fisher.Add(Log10Fisher(halves));
    plain.Add(std::min({whole, first, second}));
  }
  for (const Count& count : {twice, bonferroni, sidak, fisher}) {
    CAPTURE(count.name);
    CHECK(AtMostBinomial(count.at_05, kStreams, .05, 1e-6));  // up to 5,331
    CHECK(AtMostBinomial(count.at_01, kStreams, .01, 1e-6));  // up to 1,153
  }
  CHECK_FALSE(AtMostBinomial(plain.at_05, kStreams, .05, 1e-6));
  CHECK_FALSE(AtMostBinomial(plain.at_01, kStreams, .01, 1e-6));
  CHECK(twice.at_05 > 3000);  // not by being idle
}
