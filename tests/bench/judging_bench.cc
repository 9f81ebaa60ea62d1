// What a text costs the detector: tokenizing it, and all that comes after.
//
//   build/release/tests/judging_bench
//
// Judge / Tokenize says how far detection is limited by the tokenizer alone.
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "tests/bench/bench_profile.h"
#include "verify/judge.h"
#include "verify/text/sentencepiece.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

struct World {
  std::unique_ptr<Tokenizer> tokenizer;
  std::string text;
  std::vector<uint32_t> ids;
};

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

World Load() {
  World world{std::move(*LoadSentencePiece(ReadAll(VERDIGRIS_SOURCE_DIR "/datasets/pocket_lm/tokenizer.model"))),
              ReadAll(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_corpus.txt").substr(0, 4000), {}};
  Scratch scratch;
  std::vector<Token> tokens;
  if (!world.tokenizer->Encode(world.text, scratch, tokens)) std::abort();
  for (const Token& token : tokens) world.ids.push_back(token.id);
  return world;
}

void Tokenize(benchmark::State& state) {
  const World world = Load();
  Scratch scratch;
  std::vector<Token> tokens;
  for (auto _ : state) benchmark::DoNotOptimize(world.tokenizer->Encode(world.text, scratch, tokens).has_value());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(world.text.size()));
}

void Judge(benchmark::State& state) {
  const World world = Load();
  const Profile profile = BenchProfile(world.tokenizer->vocab(), kFullShare, /*plain=*/false);
  const KeyFile key{KeyRole::kProvider, profile.scheme_id(), 0, "", "2027-01-01T00:00:00Z", Key(std::array<uint8_t, kKeyBytes>{})};
  const KeyFile* pointer = &key;
  const JudgeKeys keys = *JudgeKeys::Create(profile, {&pointer, 1}, false);
  for (auto _ : state) benchmark::DoNotOptimize(JudgeText(keys, world.ids, {}, nullptr).has_value());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(world.text.size()));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(world.ids.size()));
}

BENCHMARK(Tokenize);
BENCHMARK(Judge);

}  // namespace

BENCHMARK_MAIN();
