#include "verify/suspect/process.h"

#include <numbers>

#include "tests/verify/suspect/suspect_vectors.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

TEST_CASE("the e-process meets the vectors") {
  for (const auto& row : SuspectVectors()["steps"]) {
    const NullLaw law = LawOfVector(row["law"]);
    const double unit = law.kind == NullLaw::Kind::kGamma ? 0x1p32 : 1;
    std::vector<size_t> ends;
    std::vector<int32_t> a, negated;
    std::vector<uint64_t> scores;
    for (const auto& step : row["steps"]) {
      for (const int32_t value : step[0].get<std::vector<int32_t>>()) a.push_back(value), negated.push_back(-value);
      for (const double score : step[1].get<std::vector<double>>()) scores.push_back(static_cast<uint64_t>(std::llround(score * unit)));
      ends.push_back(a.size());
    }
    const Grid grid = Grid::Steps(ScoreLaw(law));
    // Scores of the vectors have six decimals; a unit of 2^-32 nat in each moves ln E by less than this.
    const double slack = law.kind == NullLaw::Kind::kGamma ? 1e-8 : 0;
    const auto check = [&](std::vector<std::vector<int32_t>> sets, const nlohmann::json& want) {
      std::vector<double> path;
      const auto outcome = EProcess(law, grid, ends, std::move(sets)).Run(scores, &path);
      REQUIRE(path.size() == want.size());
      double largest = 0;
      for (size_t i = 0; i < path.size(); ++i) {
        CHECK(std::fabs(path[i] - want[i].get<double>()) <= 1e-9 + slack + 1e-12 * std::fabs(path[i]));
        largest = std::max(largest, path[i]);
      }
      CHECK(outcome.ln_max == largest);
      CHECK(outcome.ln_end == path.back());
      return outcome;
    };
    const auto outcome = check({a}, row["ln_e"]);
    CHECK(std::fabs(-outcome.ln_max / std::numbers::ln10 - row["log10_p_anytime"].get<double>()) <= 1e-9 + slack);
    check({negated}, row["ln_e_negated"]);
    check({a, negated}, row["ln_e_mean_of_both"]);
  }
}

TEST_CASE("ln E without a path is the same") {
  const std::vector<size_t> ends = {2, 3, 3, 6};
  const std::vector<int32_t> a = {1023, -200, 512, 700, 3, -1023};
  const std::vector<uint64_t> scores = {1, 0, 1, 1, 0, 0};
  const EProcess process(NullLaw::Bernoulli(1, 4), Grid::Steps(ScoreLaw(NullLaw::Bernoulli(1, 4))), ends, {a});
  std::vector<double> path;
  const auto with = process.Run(scores, &path), without = process.Run(scores);
  CHECK(with.ln_max == without.ln_max);
  CHECK(with.ln_end == without.ln_end);
  CHECK(path.size() == ends.size());
}

TEST_CASE("a coefficient that looks at earlier draws keeps the level of the anytime p, exactly") {
  // Coefficient 1 until p <= level, then 0, within 400 windows: the chance by recursion over (n, k), against the vectors.
  const ScoreLaw law(NullLaw::Bernoulli(1, 4));
  const Grid grid = Grid::Steps(law);
  for (const auto& row : SuspectVectors()["predictable"]["chance that the rule is met"]) {
    const double level = row["level"];
    std::vector<double> alive = {1};
    double met = 0;
    for (int n = 1; n <= row["windows"].get<int>(); ++n) {
      std::vector<double> next(alive.size() + 1, 0);
      for (size_t k = 0; k < alive.size(); ++k) {
        next[k] += alive[k] * .75;
        next[k + 1] += alive[k] * .25;
      }
      for (size_t k = 0; k < next.size(); ++k) {
        double sum = 0;
        for (const double l : grid.nodes) sum += std::exp(l * (static_cast<double>(k) - n * .25) - n * law.LnM(l));
        if (sum / static_cast<double>(grid.divisor) >= 1 / level * (1 - 1e-12)) {
          met += next[k];
          next[k] = 0;
        }
      }
      alive = std::move(next);
    }
    CHECK(std::fabs(met - row["anytime p"].get<double>()) < 1e-9);
    CHECK(met <= level);
    CHECK(row["optimised bound"].get<double>() > level);
  }
}

TEST_CASE("looks pay their factors") {
  for (const auto& row : SuspectVectors()["decisions"]["looks"]) {
    std::vector<double> log10_p;
    for (const double ln_p : row["ln_p"].get<std::vector<double>>()) log10_p.push_back(ln_p / std::numbers::ln10);
    CHECK(CloseBound(Log10AfterLooks(log10_p) * std::numbers::ln10, row["ln_p_anytime"]));
  }
  CHECK(Log10AfterLooks({}) == 0);
}

TEST_CASE("nodes beyond the pole: out of the mean in a step grid, zero in an sd grid") {
  const ScoreLaw gumbel(NullLaw::Gamma());
  const Grid steps = Grid::Steps(gumbel);
  CHECK(steps.nodes.size() == 8);
  CHECK(steps.divisor == 8);
  const Grid wide = Grid::ByDeviation(gumbel, 4.0, 1.0);  // l = 2^(k/2) / 2 below 1: k = 0, 1
  CHECK(wide.nodes.size() == 2);
  CHECK(wide.divisor == 17);
}
