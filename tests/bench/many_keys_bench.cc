// What a search over keys costs: one item is one key, on texts of 1,000 and 1,256 distinct tuples.
//
//   build/release/tests/many_keys_bench
//
// Argument 1: tuples. Argument 2: 1 with futility at the reference effect. Items a second say how long a million keys take.
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "tests/bench/bench_profile.h"
#include "verify/many_keys.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

// Random ids: every position is a tuple of its own.
std::vector<uint32_t> Ids(size_t tuples) {
  std::mt19937_64 random(3);
  std::vector<uint32_t> ids(tuples + 2);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(3 + random() % 128000);
  return ids;
}

void Search(benchmark::State& state, const Profile& profile, double effect) {
  const std::vector<uint32_t> ids = Ids(static_cast<size_t>(state.range(0)));
  Tuples tuples;
  for (size_t i = 2; i < ids.size(); ++i) {
    tuples.windows.push_back(&ids[i - 2]);
    tuples.ids.push_back(ids[i]);
  }
  KeyScorer scorer = *KeyScorer::Create(profile, tuples, state.range(1) ? std::optional(Futility{effect}) : std::nullopt);
  const Deriver accounts{Key(std::array<uint8_t, kKeyBytes>{})};
  uint32_t i = 0;
  uint64_t scored = 0;
  for (auto _ : state) {
    uint8_t key[kKeyBytes];
    uint8_t number[4];
    WriteBe32(i++, number);
    accounts.Derive("decoy", number, key);
    scored += scorer.Score(key).scored;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["tuples_a_key"] = benchmark::Counter(static_cast<double>(scored), benchmark::Counter::kAvgIterations);
}

void GreenQuarter(benchmark::State& state) {
  const Profile profile = BenchProfile(128256, kFullShare, /*plain=*/false);
  Search(state, profile, profile.scheme().reference_effect(profile));
}

// The profile of the benches with another scheme and its parameters.
Profile Like(const char* scheme, Json::Object params) {
  Json::Object members = *BenchProfile(128256, kFullShare, /*plain=*/false).scheme_object().object();
  std::erase_if(members, [](const Json::Member& member) {
    return member.first == "scheme" || member.first == "planes" || member.first == "threshold";
  });
  members.push_back({"scheme", scheme});
  members.insert(members.end(), params.begin(), params.end());
  return *Profile::Create(Json::FromMembers(members), {});
}

// The example of statistics.md 8.4.
void GreenHalfAtPointSix(benchmark::State& state) {
  Search(state, Like("green", {{"planes", int64_t{1}}, {"threshold", int64_t{1}}}), 0.6);
}

void Gumbel(benchmark::State& state) {
  const Profile profile = Like("gumbel", {});
  Search(state, profile, profile.scheme().reference_effect(profile));
}

// Key changes alone.
void DeriveAndRekey(benchmark::State& state) {
  Prf prf = *Prf::Create(Key(std::array<uint8_t, kKeyBytes>{}));
  const Deriver accounts{Key(std::array<uint8_t, kKeyBytes>{})};
  uint32_t i = 0;
  for (auto _ : state) {
    uint8_t key[kKeyBytes];
    uint8_t number[4];
    WriteBe32(i++, number);
    accounts.Derive("decoy", number, key);
    prf.Rekey(key);
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(GreenQuarter)->ArgsProduct({{1000, 1256}, {0, 1}});
BENCHMARK(GreenHalfAtPointSix)->ArgsProduct({{1000, 1256}, {0, 1}});
BENCHMARK(Gumbel)->ArgsProduct({{1000}, {0, 1}});
BENCHMARK(DeriveAndRekey);

}  // namespace

BENCHMARK_MAIN();
