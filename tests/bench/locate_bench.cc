// Localisation, in tokens a second on one core: the p of the document alone, with segments, and as a stream.
//
//   build/release/tests/locate_bench
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "tests/verify/null_streams.h"
#include "verify/locate.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

NullLaw LawOf(int64_t argument) {
  return argument == 0 ? NullLaw::Bernoulli(1, 4) : argument == 1 ? NullLaw::Gamma() : NullLaw::TwoBernoulli(15, 15);
}
constexpr const char* kNames[] = {"bits", "surprises", "two kinds of bits"};

std::vector<uint64_t> Scores(const NullLaw& law) {
  std::mt19937_64 random(5);
  return testing::NullStream(law, 200000, random);
}

void Finish(benchmark::State& state, size_t n) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(n));
  state.SetLabel(kNames[state.range(0)]);
}

void DocumentP(benchmark::State& state) {
  const NullLaw law = LawOf(state.range(0));
  const auto scores = Scores(law);
  for (auto _ : state) {
    StreamLocator locator(law);  // the same steps as a document's, without segments
    for (const uint64_t score : scores) locator.Push(score);
    benchmark::DoNotOptimize(locator.log10_max());
  }
  Finish(state, scores.size());
}

void DocumentPAndSegments(benchmark::State& state) {
  const NullLaw law = LawOf(state.range(0));
  const auto scores = Scores(law);
  for (auto _ : state) benchmark::DoNotOptimize(Locate(law, scores, -6, nullptr).log10_p);
  Finish(state, scores.size());
}

void Segments(benchmark::State& state) {
  const NullLaw law = LawOf(state.range(0));
  const auto scores = Scores(law);
  for (auto _ : state) benchmark::DoNotOptimize(FindSegments(law, scores, -6).size());
  Finish(state, scores.size());
}

BENCHMARK(DocumentP)->DenseRange(0, 2);
BENCHMARK(DocumentPAndSegments)->DenseRange(0, 2);
BENCHMARK(Segments)->DenseRange(0, 2);

}  // namespace

BENCHMARK_MAIN();
