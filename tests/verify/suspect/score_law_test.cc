#include "verify/suspect/score_law.h"

#include <map>
#include <numbers>
#include <vector>

#include "tests/verify/suspect/suspect_vectors.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

// Coefficients are small rationals; bounds and e-values do not change when coefficients and T grow by one factor.
std::vector<Level> Scaled(const nlohmann::json& coefficients, double factor) {
  std::map<int32_t, uint64_t> counts;
  for (const auto& a : coefficients) {
    const double scaled = factor * (a.is_string() ? Fraction(a) : a.get<double>());
    REQUIRE(scaled == std::round(scaled));
    ++counts[static_cast<int32_t>(scaled)];
  }
  std::vector<Level> levels;
  for (const auto& [a, n] : counts) levels.push_back({a, n});
  return levels;
}

void CheckPoint(const NullLaw& law, const std::vector<Level>& levels, const nlohmann::json& point, double factor) {
  const ScoreLaw score(law);
  const double T = factor * (point.at("T").is_string() ? Fraction(point["T"]) : point["T"].get<double>());
  CHECK_MESSAGE(CloseBound(LnChernoff(score, levels, T) / std::numbers::ln10, point.at("log10_chernoff")), point.dump());
  CHECK_MESSAGE(CloseBound(LnFixedE(score, levels, T), point.at("ln_e")), point.dump());
}

}  // namespace

TEST_CASE("cumulants meet the vectors") {
  for (const auto& row : SuspectVectors()["laws"]) {
    const ScoreLaw law(LawOfVector(row["law"]));
    const double x = row["x"];
    CHECK_MESSAGE(std::fabs(law.LnM(x) - row["log_m"].get<double>()) <= 1e-15 + 1e-12 * std::fabs(row["log_m"].get<double>()), row.dump());
    CHECK_MESSAGE(CloseBound(law.Slope(x), row["d1"]), row.dump());
    CHECK_MESSAGE(CloseBound(law.Curvature(x), row["d2"]), row.dump());
  }
}

TEST_CASE("Chernoff bounds and e-values of fixed coefficients meet the vectors") {
  size_t points = 0;
  for (const auto& row : SuspectVectors()["fixed"]) {
    for (const auto& point : row["points"]) CheckPoint(LawOfVector(row["law"]), Scaled(row["A"], 8), point, 8), ++points;
  }
  for (const auto& row : SuspectVectors()["gumbel"]) CheckPoint(NullLaw::Gamma(), Scaled(row["A"], 4), row, 4), ++points;
  for (const auto& row : SuspectVectors()["tournament"]) CheckPoint(NullLaw::TwoBernoulli(2, 2), Scaled(row["A"], 2), row, 2), ++points;
  CHECK(points > 150);
}

TEST_CASE("the mean of an e-value under the null hypothesis is 1") {
  // Twelve bits at gamma 1/4 with residual-like coefficients, all 4,096 outcomes.
  const std::vector<int32_t> a = {11, -3, -4, 7, -5, 6, -2, -4, 20, -9, 1, -1};
  std::vector<Level> levels;
  for (const int32_t value : a) levels.push_back({value, 1});
  const ScoreLaw law(NullLaw::Bernoulli(1, 4));
  double mean = 0, by_chernoff = 0;
  for (unsigned outcome = 0; outcome < 1u << a.size(); ++outcome) {
    double T = 0, chance = 1;
    for (size_t i = 0; i < a.size(); ++i) {
      const bool one = (outcome >> i & 1) != 0;
      T += a[i] * (one - 0.25);
      chance *= one ? 0.25 : 0.75;
    }
    mean += chance * std::exp(LnFixedE(law, levels, T));
    by_chernoff += LnChernoff(law, levels, T) <= std::log(0.05) ? chance : 0;
  }
  CHECK(std::fabs(mean - 1) < 1e-9);
  CHECK(by_chernoff <= 0.05);
}
