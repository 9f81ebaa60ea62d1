// Byte-level BPE, bytes per second of one thread over documents of about 3.5 KB: cold (each document once, with an empty cache) and
// warm (a second pass). Vocabularies and text of the folder shared/ beside the repository; where that is absent, the small
// tokenizer of tests/data over its corpus. tests/bench/tokenizer_peers.py runs this beside tiktoken.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "verify/text/bpe_files.h"

namespace {

using namespace verdigris::verify;

const std::string kShared = VERDIGRIS_SOURCE_DIR "/../shared/data/";
const std::string kTiny = VERDIGRIS_SOURCE_DIR "/tests/data/";

std::string Get(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The texts, each cut into documents at the first character from 3,500 bytes on.
std::vector<std::string> Documents() {
  constexpr size_t kDocumentBytes = 3500;
  std::vector<std::string> documents;
  for (const char* name : {"text/wikitext2_valid.txt", "text/waterbench_lcc_code.jsonl", "text/wagahaiwa_ja.txt", "text/udhr/hin.xml", "text/udhr/arb.xml",
                           "text/udhr/vie.xml", "text/udhr/cmn_hans.xml"}) {
    const std::string text = Get(kShared + name);
    for (size_t at = 0, end; at < text.size(); at = end) {
      for (end = std::min(at + kDocumentBytes, text.size()); end < text.size() && (text[end] & 0xC0) == 0x80;) ++end;
      documents.push_back(text.substr(at, end - at));
    }
  }
  if (documents.empty()) documents.push_back(Get(kTiny + "tiny_corpus.txt"));
  return documents;
}

std::unique_ptr<Tokenizer> Load(Pattern pattern, const std::string& name) {
  std::string file = Get(kShared + "tokenizers/" + name);
  auto ranks = Inflated(file.empty() ? Get(kTiny + "tiny.tiktoken") : std::move(file));
  TokenizerDescriptor descriptor;
  descriptor.pattern = pattern;
  const auto vocab = VocabOfFile(false, *ranks);
  if (!vocab) return nullptr;
  descriptor.vocab = *vocab;
  auto tokenizer = LoadDescribed(descriptor, *ranks, "");
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

void Run(benchmark::State& state, const Tokenizer& tokenizer, bool warm) {
  const std::vector<std::string> documents = Documents();
  size_t bytes = 0;
  for (const std::string& document : documents) bytes += document.size();
  std::vector<Token> tokens;
  const auto pass = [&](Scratch& scratch) {
    for (const std::string& document : documents) {
      if (!tokenizer.Encode(document, scratch, tokens)) state.SkipWithError("Encode");
      benchmark::DoNotOptimize(tokens.data());
    }
  };
  Scratch kept;
  pass(kept);
  for (auto _ : state) {
    if (warm) {
      pass(kept);
    } else {
      Scratch fresh;
      pass(fresh);
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes * state.iterations()));
}

void Cl100kCold(benchmark::State& state) { Run(state, *Load(Pattern::kCl100k, "cl100k_base.tiktoken.gz"), false); }
void Cl100kWarm(benchmark::State& state) { Run(state, *Load(Pattern::kCl100k, "cl100k_base.tiktoken.gz"), true); }
void O200kCold(benchmark::State& state) { Run(state, *Load(Pattern::kO200k, "o200k_base.tiktoken.gz"), false); }
void O200kWarm(benchmark::State& state) { Run(state, *Load(Pattern::kO200k, "o200k_base.tiktoken.gz"), true); }
BENCHMARK(Cl100kCold)->Unit(benchmark::kMillisecond);
BENCHMARK(Cl100kWarm)->Unit(benchmark::kMillisecond);
BENCHMARK(O200kCold)->Unit(benchmark::kMillisecond);
BENCHMARK(O200kWarm)->Unit(benchmark::kMillisecond);

void LoadCl100k(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Load(Pattern::kCl100k, "cl100k_base.tiktoken.gz"));
}
BENCHMARK(LoadCl100k)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
