// What a document costs once its ids are there (corpus.md C17), without and with the tuples of a group; text: corpus_bench.cc.
//
//   build/release/tests/corpus_scan_bench
//
// Documents of 900 tokens, one green key, h 2. Items are tokens.
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "tests/bench/bench_profile.h"
#include "verify/corpus/document_scan.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

constexpr uint32_t kVocab = 32000;

struct World {
  Profile profile = BenchProfile(kVocab, kFullShare, /*plain=*/false);
  KeyFile key{KeyRole::kProvider, profile.scheme_id(), 0, "", "2027-01-01T00:00:00Z", Key(std::array<uint8_t, kKeyBytes>{})};
  const KeyFile* pointer = &key;
  JudgeKeys keys = *JudgeKeys::Create(profile, {&pointer, 1}, false);
  std::vector<std::vector<uint32_t>> documents;

  World() {
    // Ids as in text: half of them among a few hundred frequent ones.
    std::mt19937_64 random(1);
    for (int d = 0; d < 1000; ++d) {
      auto& ids = documents.emplace_back(900);
      for (uint32_t& id : ids) id = 3 + static_cast<uint32_t>(random() % 2 ? random() % 300 : random() % (kVocab - 3));
    }
  }
};

void ScanIds(benchmark::State& state) {
  const World world;
  DocumentScanner scanner(world.keys, Rule::kFirst, nullptr);
  int64_t tokens = 0;
  for (auto _ : state) {
    for (const auto& ids : world.documents) {
      benchmark::DoNotOptimize(scanner.Scan(ids)->front().statistic);
      tokens += static_cast<int64_t>(ids.size());
    }
  }
  state.SetItemsProcessed(tokens);
}

void ScanIdsInGroups(benchmark::State& state) {
  const World world;
  DocumentScanner scanner(world.keys, Rule::kFirst, nullptr);
  const Fingerprinter fingerprinter = *Fingerprinter::Create(world.key.key);
  int64_t tokens = 0;
  for (auto _ : state) {
    Sample sample(65536, 6);
    std::vector<SampledTuple> tuples;
    for (const auto& ids : world.documents) {
      benchmark::DoNotOptimize(scanner.Scan(ids)->front().statistic);
      tuples.clear();
      scanner.GroupTuples(0, {&fingerprinter, nullptr}, 6, tuples);
      for (const SampledTuple& tuple : tuples) {
        if (sample.Takes(tuple.fingerprint)) sample.Add(tuple.fingerprint, tuple.score);
      }
      tokens += static_cast<int64_t>(ids.size());
    }
  }
  state.SetItemsProcessed(tokens);
}

BENCHMARK(ScanIds);
BENCHMARK(ScanIdsInGroups);

}  // namespace

BENCHMARK_MAIN();
