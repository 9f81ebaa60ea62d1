// Cost of the statistics of bits. Goal (statistics.md T12): a binomial tail below 20 us at n = 1e6.
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "verify/law.h"
#include "verify/martingale.h"
#include "verify/power.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

constexpr NullLaw kQuarter = NullLaw::Bernoulli(1, 4);
constexpr NullLaw kHalf = NullLaw::Bernoulli(1, 2);

// Second argument: standard deviations above the mean. The mean of 1/2 is the dearest place of all.
void BinomialTail(benchmark::State& state) {
  const auto n = static_cast<uint64_t>(state.range(0));
  const uint64_t k =
      n / 2 + static_cast<uint64_t>(static_cast<double>(state.range(1)) * std::sqrt(static_cast<double>(n)) / 2);
  for (auto _ : state) benchmark::DoNotOptimize(Log10UpperTail(kHalf, n, k));
}
BENCHMARK(BinomialTail)->ArgsProduct({{1000, 1'000'000, 10'000'000}, {0, 1, 5, 30}})->Unit(benchmark::kMicrosecond);

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

// Argument: effect above the null mean, in 1e-4.
void TokensNeededAt(benchmark::State& state) {
  const double effect = 0.25 + static_cast<double>(state.range(0)) * 1e-4;
  for (auto _ : state) benchmark::DoNotOptimize(TokensNeeded(kQuarter, effect, -6, 0.9));
}
BENCHMARK(TokensNeededAt)->Arg(1440)->Arg(300)->Arg(100)->Arg(12)->Unit(benchmark::kMillisecond);

void DetectableEffectAt(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(DetectableEffect(kQuarter, static_cast<uint64_t>(state.range(0)), -6, 0.9));
}
BENCHMARK(DetectableEffectAt)->Arg(1000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
