// Cost of the statistics. Goals (statistics.md T12): binomial and gamma tails below 20 us at n = 1e6; a weighted sum of
// bits below 3 ms at n = 1,000.
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "verify/law.h"
#include "verify/martingale.h"
#include "verify/power.h"
#include "verify/weighted.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

constexpr NullLaw kQuarter = NullLaw::Bernoulli(1, 4);
constexpr NullLaw kHalf = NullLaw::Bernoulli(1, 2);
constexpr NullLaw kGumbel = NullLaw::Gamma();
constexpr NullLaw kTournament = NullLaw::TwoBernoulli(15, 15);

// Where the tails of these laws are walked: standard deviations above the mean.
Statistic StatisticAt(const NullLaw& law, uint64_t n, int64_t deviations) {
  const double mean = MeanScore(law), size = static_cast<double>(n), z = static_cast<double>(deviations);
  const double deviation = law.kind == NullLaw::Kind::kGamma ? mean : std::sqrt(law.heavy + law.light / 4.0);
  return static_cast<Statistic>(mean * size + z * deviation * std::sqrt(size));
}

// Second argument: standard deviations above the mean. The mean of 1/2 is the dearest place of all.
void BinomialTail(benchmark::State& state) {
  const auto n = static_cast<uint64_t>(state.range(0));
  const uint64_t k =
      n / 2 + static_cast<uint64_t>(static_cast<double>(state.range(1)) * std::sqrt(static_cast<double>(n)) / 2);
  for (auto _ : state) benchmark::DoNotOptimize(Log10UpperTail(kHalf, n, k));
}
BENCHMARK(BinomialTail)->ArgsProduct({{1000, 1'000'000, 10'000'000}, {0, 1, 5, 30}})->Unit(benchmark::kMicrosecond);

// As above; the mean is again the dearest.
void GammaTail(benchmark::State& state) {
  const auto n = static_cast<uint64_t>(state.range(0));
  const Statistic s = StatisticAt(kGumbel, n, state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(Log10UpperTail(kGumbel, n, s));
}
BENCHMARK(GammaTail)->ArgsProduct({{1000, 1'000'000, 10'000'000}, {0, 1, 5, 30}})->Unit(benchmark::kMicrosecond);

void TwoBernoulliTail(benchmark::State& state) {
  const auto n = static_cast<uint64_t>(state.range(0));
  const Statistic s = StatisticAt(kTournament, n, state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(Log10UpperTail(kTournament, n, s));
}
BENCHMARK(TwoBernoulliTail)->ArgsProduct({{100, 1000, 1'000'000}, {0, 5, 30}})->Unit(benchmark::kMicrosecond);

// Weights 1..15 of n scores in all; coefficients of a suspect test, 31 levels from -1023 to 1023. Second argument as
// above.
void WeightedBitsTail(benchmark::State& state) {
  const auto n = static_cast<uint64_t>(state.range(0));
  const bool coefficients = state.range(2) != 0;
  std::vector<WeightedBits> levels;
  double mean = 0, variance = 0;
  for (int i = 1; i <= (coefficients ? 31 : 15); ++i) {
    const int32_t weight = coefficients ? -1023 + 66 * i : i;
    levels.push_back({weight, n / (coefficients ? 31 : 15) + 1, 1, 4});
    mean += weight * static_cast<double>(levels.back().n) / 4;
    variance += static_cast<double>(weight) * weight * static_cast<double>(levels.back().n) * 3 / 16;
  }
  const auto s = static_cast<Int128>(mean + static_cast<double>(state.range(1)) * std::sqrt(variance)) + 1;
  for (auto _ : state) benchmark::DoNotOptimize(Log10WeightedBitsUpperTail(levels, s));
}
BENCHMARK(WeightedBitsTail)->ArgsProduct({{150, 1000, 100'000}, {0, 5}, {0, 1}})->Unit(benchmark::kMicrosecond);

// Proxy weights 2^(j/4) - 1, j = 1..80, lower tail.
void WeightedExponentialsTail(benchmark::State& state) {
  std::vector<WeightedExponentials> levels;
  double mean = 0;
  for (int j = 1; j <= 80; ++j) {
    levels.push_back({std::exp2(j / 4.0) - 1,
                      1 + static_cast<uint64_t>(static_cast<double>(state.range(0)) * std::exp2(-j / 8.0) / 11)});
    mean += levels.back().weight * static_cast<double>(levels.back().n);
  }
  for (auto _ : state) benchmark::DoNotOptimize(Log10WeightedExponentialsTail(levels, mean / 20, Tail::kLower));
}
BENCHMARK(WeightedExponentialsTail)->Arg(200)->Arg(20'000)->Unit(benchmark::kMicrosecond);

void CriticalValueAt(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(CriticalValue(kQuarter, static_cast<uint64_t>(state.range(0)), -6));
}
BENCHMARK(CriticalValueAt)->Arg(1000)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMicrosecond);

// Time a token; second argument: green rate in percent, 25 for unmarked text.
void RunningMaximumPush(benchmark::State& state) {
  const auto n = static_cast<size_t>(state.range(0));
  std::mt19937_64 random(1);
  std::vector<uint8_t> bits(n);
  for (uint8_t& bit : bits) bit = random() % 100 < static_cast<uint64_t>(state.range(1));
  for (auto _ : state) {
    RunningMaximum running(kQuarter);
    for (uint8_t bit : bits) running.Push(bit);
    benchmark::DoNotOptimize(running.log10_max());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * n));
}
BENCHMARK(RunningMaximumPush)->ArgsProduct({{1000, 1'000'000}, {25, 26, 40, 70}})->Unit(benchmark::kMillisecond);

// Time a token of unmarked text, and of text with a mean score of 1.7.
void RunningMaximumPushOfSums(benchmark::State& state) {
  const NullLaw& law = state.range(0) == 0 ? kGumbel : kTournament;
  std::mt19937_64 random(1);
  std::vector<uint64_t> scores(1000);
  for (uint64_t& score : scores) {
    score = law.kind == NullLaw::Kind::kGamma
                ? static_cast<uint64_t>(
                      std::exponential_distribution<>(100.0 / static_cast<double>(state.range(1)))(random) * 0x1p32)
                : static_cast<uint64_t>(state.range(1)) * 22 / 100 + random() % 2;
  }
  for (auto _ : state) {
    RunningMaximum running(law);
    for (uint64_t score : scores) running.Push(score);
    benchmark::DoNotOptimize(running.log10_max());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * scores.size()));
}
BENCHMARK(RunningMaximumPushOfSums)->ArgsProduct({{0, 1}, {100, 170}})->Unit(benchmark::kMicrosecond);

// Argument: effect above the null mean, in 1e-4.
void TokensNeededAt(benchmark::State& state) {
  const double effect = 0.25 + static_cast<double>(state.range(0)) * 1e-4;
  for (auto _ : state) benchmark::DoNotOptimize(TokensNeeded(kQuarter, effect, -6, 0.9));
}
BENCHMARK(TokensNeededAt)->Arg(1440)->Arg(300)->Arg(100)->Arg(12)->Unit(benchmark::kMillisecond);

// What a finding costs beside its tail, at effects met in marked text of 1.2 bit a token: power at 300 scores and
// tokens needed. 0 bits, 1 gumbel, 2 tournament.
void PowerOfFinding(benchmark::State& state) {
  const NullLaw& law = state.range(0) == 0 ? kQuarter : state.range(0) == 1 ? kGumbel : kTournament;
  const double effect = state.range(0) == 0 ? 0.394 : state.range(0) == 1 ? 1.7 : 24.48;
  for (auto _ : state) {
    benchmark::DoNotOptimize(PowerAt(law, 300, effect, -6));
    benchmark::DoNotOptimize(TokensNeeded(law, effect, -6, 0.9));
  }
}
BENCHMARK(PowerOfFinding)->DenseRange(0, 2)->Unit(benchmark::kMicrosecond);

void DetectableEffectAt(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(DetectableEffect(kQuarter, static_cast<uint64_t>(state.range(0)), -6, 0.9));
}
BENCHMARK(DetectableEffectAt)->Arg(1000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
