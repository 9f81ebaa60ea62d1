// Ten million answer tokens of a suspect (suspect-models.md S16): rows with and without lists of 20, then what a test costs.
//
//   suspect_bench                       all of it, some minutes
//   suspect_bench --benchmark_filter=Test
//
// The answers come from a made-up source: windows of two ids over 20,000 words with Zipf's frequencies, lists of 20 ids. Memory
// is the budget of 2 GiB.
#include <benchmark/benchmark.h>

#include <algorithm>

#include <array>
#include <chrono>
#include <memory>
#include <random>
#include <vector>

#include "tests/bench/bench_profile.h"
#include "tests/test_keys.h"
#include "verify/suspect/trial.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

constexpr uint32_t kWords = 20'000;
constexpr size_t kRecord = 500, kList = 20;

class Source {
 public:
  Source() : cumulative_(kWords) {
    double sum = 0;
    for (uint32_t i = 0; i < kWords; ++i) cumulative_[i] = sum += 1.0 / (i + 3);
    for (double& x : cumulative_) x /= sum;
  }
  uint32_t Word(uint64_t random) const {
    const double u = static_cast<double>(random >> 11) * 0x1p-53;
    return 3 + static_cast<uint32_t>(std::lower_bound(cumulative_.begin(), cumulative_.end(), u) - cumulative_.begin());
  }

 private:
  std::vector<double> cumulative_;
};

// One record of the source. Which words are likely next depends on the last one alone, so windows repeat as text does.
void WriteRecord(const Source& source, uint64_t seed, std::vector<uint32_t>& output, Lists& suspect, Lists& reference) {
  std::mt19937_64 random(seed);
  output.clear();
  suspect.Clear();
  reference.Clear();
  std::array<ListEntry, kList> list{}, other{};
  for (size_t t = 0; t < kRecord; ++t) {
    const uint32_t last = output.empty() ? 0 : output.back();
    std::mt19937_64 next(last);
    for (size_t i = 0; i < kList; ++i) {
      const uint32_t id = source.Word(next());
      list[i] = {id, kProbabilityOne / (4 + 3 * i)};
      other[i] = {id, kProbabilityOne / (5 + 3 * i)};
    }
    suspect.Add(list);
    reference.Add(other);
    output.push_back(list[random() % kList].id);
  }
}

std::unique_ptr<SuspectEvidence> Build(size_t tokens, bool lists, double* seconds) {
  const Source source;
  const SuspectEvidence::Options options{2, 1, Showing::kClosed, uint64_t{2} << 30, {}};
  const IdRange special[] = {{0, 2}};
  auto evidence = std::make_unique<SuspectEvidence>(options, SpecialIds(special, 32000));
  std::vector<uint32_t> output;
  Lists suspect, reference;
  for (size_t record = 0; record < tokens / kRecord; ++record) {
    WriteRecord(source, record, output, suspect, reference);
    const auto began = std::chrono::steady_clock::now();
    const SuspectRecord view{{}, output, lists ? &suspect : nullptr, {&reference}};
    if (!evidence->AddUnit(record, {&view, 1})) std::abort();
    *seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }
  return evidence;
}

// arguments: answer tokens, lists or not
void Rows(benchmark::State& state) {
  for (auto _ : state) {
    double seconds = 0;
    const auto evidence = Build(static_cast<size_t>(state.range(0)), state.range(1) != 0, &seconds);
    state.SetIterationTime(seconds);
    state.counters["rows"] = static_cast<double>(evidence->rows());
    state.counters["windows"] = static_cast<double>(evidence->windows());
    state.counters["share"] = evidence->share();
  }
}
BENCHMARK(Rows)->Args({10'000'000, 0})->Args({10'000'000, 1})->UseManualTime()->Iterations(1)->Unit(benchmark::kSecond);

// Coefficients, one key's scores and the p, of each test.
void Test(benchmark::State& state) {
  static double unused = 0;
  static const auto evidence = Build(10'000'000, true, &unused);
  const Profile profile = BenchProfile(32000, kFullShare, false);
  const KeyFile key{KeyRole::kProvider, profile.scheme_id(), 0, "", "2027-01-01T00:00:00Z", testing::TestKey("bench", 0)};
  const KeyFile* pointer = &key;
  const Layers layers = *Layers::Create(profile, {&pointer, 1});
  TrialOptions options;
  options.rule = static_cast<CoefficientRule>(state.range(0));
  state.SetLabel(std::string(RuleName(options.rule)));
  for (auto _ : state) {
    Trial trial = *Trial::Create(profile, layers, *evidence, options);
    const auto scored = trial.Score(key.key.secret());
    const auto began = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(trial.Judge(scored));
    state.counters["p_seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    state.counters["rows"] = static_cast<double>(trial.scored());
    state.counters["levels"] = static_cast<double>(trial.levels().size());
  }
}
BENCHMARK(Test)->Arg(int(CoefficientRule::kRoot))->Arg(int(CoefficientRule::kResidual))->Arg(int(CoefficientRule::kDifference))->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace

BENCHMARK_MAIN();
