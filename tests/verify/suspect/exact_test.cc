#include "verify/suspect/exact.h"

#include <numbers>
#include <random>

#include "tests/verify/suspect/suspect_vectors.h"
#include "verify/suspect/coefficients.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

TEST_CASE("numerators become integers as the vectors have them") {
  for (const auto& row : SuspectVectors()["integers"]["quantise"]) {
    const auto numerators = row["numerators"].get<std::vector<int64_t>>();
    Int128 largest = 0;
    for (const int64_t a : numerators) largest = std::max<Int128>(largest, a < 0 ? -a : a);
    std::vector<int32_t> got;
    for (const int64_t a : numerators) got.push_back(Quantise(a, largest));
    CHECK(got == row["a"].get<std::vector<int32_t>>());
  }
}

TEST_CASE("exact p of weighted bits meets enumeration and the second implementation") {
  const auto& integers = SuspectVectors()["integers"];
  for (const auto& row : integers["bits"]) {
    const auto levels = LevelsOf(row["a"].get<std::vector<int32_t>>());
    const NullLaw law = ParseGamma(row["gamma"]);
    const double log10_p = Log10FixedP(law, levels, row["T"].get<int64_t>()).log10_p;
    CHECK_MESSAGE(CloseLog10P(log10_p, row["log10_p"]), row.dump());
    double mean = 0;
    for (const Level& level : levels) mean += level.coefficient * static_cast<double>(level.n) * law.numerator / law.denominator;
    const double bound = LnChernoff(ScoreLaw(law), levels, row["T"].get<double>() - mean) / std::numbers::ln10;
    CHECK_MESSAGE(CloseBound(bound, row["log10_chernoff"]), row.dump());
    CHECK(log10_p <= bound + 1e-9);
  }
  for (const auto& row : integers["bits_levels"]) {
    std::vector<Level> levels;
    for (const auto& level : row["levels"]) levels.push_back({level[0], level[1]});
    CHECK_MESSAGE(CloseLog10P(Log10FixedP(ParseGamma(row["gamma"]), levels, row["T"].get<int64_t>()).log10_p, row["log10_p"]), row["T"].dump());
  }
}

TEST_CASE("p of weighted exponentials meets the second implementation") {
  for (const auto& row : SuspectVectors()["integers"]["gumbel"]) {
    const auto a = row["a"].get<std::vector<int32_t>>();
    const auto scores = row["score"].get<std::vector<uint64_t>>();
    Int128 seen = 0;
    for (size_t i = 0; i < a.size(); ++i) seen += Int128{a[i]} * static_cast<Int128>(scores[i]);
    const double log10_p = Log10FixedP(NullLaw::Gamma(), LevelsOf(a), seen).log10_p;
    CHECK_MESSAGE(CloseLog10P(log10_p, row["log10_p"]), row["log10_p"].dump() << " got " << log10_p);
    CHECK(log10_p <= row["log10_chernoff"].get<double>() + 1e-6);
  }
}

// S3: every outcome of up to 20 rows, against the sum of their chances.
TEST_CASE("exact p meets enumeration, never passes Chernoff") {
  std::mt19937_64 random(3);
  for (int set = 0; set < 60; ++set) {
    const size_t rows = 1 + random() % 16;
    std::vector<int32_t> a(rows);
    for (int32_t& value : a) value = static_cast<int32_t>(random() % 2047) - 1023;
    const NullLaw law = NullLaw::Bernoulli(1, set % 2 == 0 ? 4 : 2);
    const double g = 1.0 / law.denominator;
    const auto levels = LevelsOf(a);
    std::vector<std::pair<int64_t, double>> outcomes;
    for (uint32_t bits = 0; bits < 1u << rows; ++bits) {
      int64_t T = 0;
      double chance = 1;
      for (size_t i = 0; i < rows; ++i) {
        const bool one = (bits >> i & 1) != 0;
        T += one ? a[i] : 0;
        chance *= one ? g : 1 - g;
      }
      outcomes.emplace_back(T, chance);
    }
    double mean = 0;
    for (const int32_t value : a) mean += value * g;
    for (int pick = 0; pick < 5; ++pick) {
      const int64_t T = outcomes[random() % outcomes.size()].first;
      double tail = 0;
      for (const auto& [value, chance] : outcomes) tail += value >= T ? chance : 0;
      const double log10_p = Log10FixedP(law, levels, T).log10_p;
      CHECK(std::fabs(std::pow(10, log10_p) / tail - 1) < 1e-9);
      CHECK(log10_p <= LnChernoff(ScoreLaw(law), levels, static_cast<double>(T) - mean) / std::numbers::ln10 + 1e-9);
    }
  }
}

TEST_CASE("1,000 random level sets: the exact p lies below Chernoff and above its floor") {
  std::mt19937_64 random(4);
  for (int set = 0; set < 1000; ++set) {
    std::vector<Level> levels;
    double mean = 0, squares = 0;
    const NullLaw law = NullLaw::Bernoulli(1, 4);
    for (int32_t a = -static_cast<int32_t>(random() % 40); a <= static_cast<int32_t>(random() % 400); a += 1 + static_cast<int32_t>(random() % 30)) {
      if (a == 0) continue;
      levels.push_back({a, 1 + random() % 3000});
      mean += a * static_cast<double>(levels.back().n) / 4;
      squares += static_cast<double>(a) * a * static_cast<double>(levels.back().n) * 3 / 16;
    }
    if (levels.empty()) continue;
    double most = 0;
    for (const Level& level : levels) most += level.coefficient > 0 ? level.coefficient * static_cast<double>(level.n) : 0;
    const double z = static_cast<double>(random() % 1200) / 100;
    const auto T = static_cast<int64_t>(std::min(mean + z * std::sqrt(squares), most));
    const double log10_p = Log10FixedP(law, levels, T).log10_p, bound = LnChernoff(ScoreLaw(law), levels, static_cast<double>(T) - mean) / std::numbers::ln10;
    CHECK(log10_p <= bound + 1e-9);
    // Bahadur and Rao: the bound is too large by a factor of order sd times the saddle, not by more.
    CHECK(log10_p >= bound - 4);
  }
}

TEST_CASE("nothing scored, and statistics at the ends") {
  CHECK(Log10FixedP(NullLaw::Bernoulli(1, 4), {}, 0).log10_p == 0);
  CHECK(Log10FixedP(NullLaw::Gamma(), {}, 0).log10_p == 0);
  const std::vector<Level> negative = {{-3, 5}};
  CHECK(Log10FixedP(NullLaw::Bernoulli(1, 4), negative, -15).log10_p == 0);
  CHECK(CloseLog10P(Log10FixedP(NullLaw::Bernoulli(1, 4), negative, 0).log10_p, 5 * std::log10(0.75)));
  // A sum of exponentials with negative coefficients that falls together to 0: five scores below a cell.
  const TailResult none = Log10FixedP(NullLaw::Gamma(), negative, 0);
  CHECK(none.status == LawStatus::kBound);
  CHECK(CloseLog10(none.log10_p, -5 * 32 * std::log10(2.0)));
  CHECK(Log10FixedP(NullLaw::Gamma(), std::vector<Level>{{2, 3}}, 0).log10_p == 0);
}

// Control of S3: a normal tail is no p-value (20,000 keys, gamma 1/4 of few heavy rows: it reports less than chance has it).
TEST_CASE("the normal tail is caught") {
  std::vector<Level> levels = {{1, 30}};
  const double z = (24 - 7.5) / std::sqrt(30 * 3.0 / 16);
  const double normal = std::log10(std::erfc(z / std::sqrt(2.0)) / 2);
  const double exact = Log10FixedP(NullLaw::Bernoulli(1, 4), levels, 24).log10_p;
  CHECK(exact > normal + 1.5);  // by 1.5 decades and more it accuses without ground
}
