// Expected bands are sums of exact rationals (Python's fractions) or of 40-digit terms (mpmath): lower is the first k with
// P(X <= k) > .025 / K, upper the first with P(X > k) <= .025 / K.
#include "verify/report/uniformity.h"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "verify/binomial.h"

namespace verdigris::verify {
namespace {

TEST_CASE("band: exact quantiles of the binomial, at every size") {
  const struct {
    uint64_t m;
    double share;
    size_t bands;
    uint64_t lower, upper;
  } kRows[] = {{1, 0.5, 20, 0, 1},         {10, 0.05, 20, 0, 3},       {100, 0.05, 20, 0, 13},     {1000, 0.05, 20, 30, 72},
               {2000, 0.001, 31, 0, 8},    {2000, 0.999, 5, 1994, 2000}, {500, 0.5, 1, 228, 272},  {1'000'000, 0.05, 20, 49342, 50660},
               {1'000'000'000, 1e-5, 40, 9679, 10324}};
  for (const auto& row : kRows) {
    CAPTURE(row.m);
    CAPTURE(row.share);
    const CountBand band = BinomialBand(row.m, row.share, row.bands);
    CHECK(band.lower == row.lower);
    CHECK(band.upper == row.upper);
  }
}

TEST_CASE("band: of no documents is empty") {
  CHECK(BinomialBand(0, 0.5, 1).upper == 0);
}

TEST_CASE("band: counts outside are as rare as stated, and no rarer than their discreteness makes them") {
  for (const uint64_t m : {uint64_t{7}, uint64_t{321}, uint64_t{12'345}, uint64_t{100'000'000}}) {
    for (const double share : {1e-6, 0.01, 0.3, 0.97}) {
      for (const size_t bands : {size_t{1}, size_t{20}, size_t{150}}) {
        CAPTURE(m);
        CAPTURE(share);
        CAPTURE(bands);
        const double level = std::log((1 - kBandLevel) / 2 / static_cast<double>(bands));
        const Chance chance = Chance::FromReal(share);
        const CountBand band = BinomialBand(m, share, bands);
        REQUIRE(band.lower <= band.upper);
        if (band.lower > 0) CHECK(LnBinomialTails(m, band.lower, chance).ln_below <= level);
        if (band.lower < m) CHECK(LnBinomialTails(m, band.lower + 1, chance).ln_below > level);
        if (band.upper < m) CHECK(LnBinomialTails(m, band.upper + 1, chance).ln_at_least <= level);
        if (band.upper > 0) CHECK(LnBinomialTails(m, band.upper, chance).ln_at_least > level);
      }
    }
  }
}

}  // namespace
}  // namespace verdigris::verify
