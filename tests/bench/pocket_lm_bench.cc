// Speed of the pocket model on one core, built for the baseline of the processor. Goal: 2,000 tokens a second when one
// text is written.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "tools/pocket_lm/pocket_lm.h"

namespace {

using verdigris::pocket::PocketLm;
using verdigris::pocket::Session;

const char* const kFolder = VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm";

void Load(benchmark::State& state) {
  for (auto _ : state) {
    if (!PocketLm::Load(kFolder)) state.SkipWithError("the model does not load");
  }
}
BENCHMARK(Load)->Unit(benchmark::kMillisecond);

// Greedy, from the beginning; argument: tokens. Beyond 512 the context slides.
void Generate(benchmark::State& state) {
  const auto model = PocketLm::Load(kFolder);
  if (!model) return state.SkipWithError("the model does not load");
  for (auto _ : state) {
    Session session(*model);
    uint32_t id = model->bos_id();
    for (int64_t i = 0; i < state.range(0); ++i) {
      if (!session.Feed({&id, 1})) return state.SkipWithError("feed");
      const auto logits = session.logits();
      id = static_cast<uint32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Generate)->Arg(100)->Arg(500)->Arg(3000)->Unit(benchmark::kMillisecond);

// Reading a prompt; argument: tokens.
void Prompt(benchmark::State& state) {
  const auto model = PocketLm::Load(kFolder);
  if (!model) return state.SkipWithError("the model does not load");
  std::vector<uint32_t> ids(static_cast<size_t>(state.range(0)));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<uint32_t>(i * 7919 % model->vocab());
  for (auto _ : state) {
    Session session(*model);
    if (!session.Feed(ids)) return state.SkipWithError("feed");
    benchmark::DoNotOptimize(session.logits().data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Prompt)->Arg(32)->Arg(256)->Arg(512)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
