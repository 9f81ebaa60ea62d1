// Tokenizers, bytes per second of one thread over documents of about 3.5 KB: cold (each document once, with an empty cache) and
// warm (a second pass); SentencePiece models beside libsentencepiece, and with two threads. Vocabularies and text of the folder
// shared/ beside the repository; where that is absent, the small ones of tests/data over their corpus.
// tests/bench/tokenizer_peers.py runs this beside tiktoken.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <sentencepiece_processor.h>

#include "tests/bench/bench_texts.h"
#include "verify/text/bpe_files.h"
#include "verify/text/sentencepiece.h"
#include "verify/text/sentencepiece_fast.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

const std::vector<std::string> kFiles = {"text/wikitext2_valid.txt", "text/waterbench_lcc_code.jsonl", "text/wagahaiwa_ja.txt", "text/udhr/hin.xml",
                                         "text/udhr/arb.xml",        "text/udhr/vie.xml",             "text/udhr/cmn_hans.xml"};

std::unique_ptr<Tokenizer> Load(Pattern pattern, const std::string& name) {
  std::string file = ReadBench(kShared + "tokenizers/" + name);
  auto ranks = Inflated(file.empty() ? ReadBench(kTiny + "tiny.tiktoken") : std::move(file));
  TokenizerDescriptor descriptor;
  descriptor.pattern = pattern;
  const auto vocab = VocabOfFile(false, *ranks);
  if (!vocab) return nullptr;
  descriptor.vocab = *vocab;
  auto tokenizer = LoadDescribed(descriptor, *ranks, "");
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

void Run(benchmark::State& state, const Tokenizer& tokenizer, bool warm) {
  const std::vector<std::string> documents = BenchDocuments(kFiles);
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

// ---- SentencePiece

std::string UnigramModel() { return ModelFile("sp_unigram1000.model", "tiny_unigram.model"); }
std::string JapaneseModel() { return ModelFile("sp_ja_unigram8000.model", "tiny_unigram.model"); }

size_t BytesOf(const std::vector<std::string>& documents) {
  size_t bytes = 0;
  for (const std::string& document : documents) bytes += document.size();
  return bytes;
}

void Ours(benchmark::State& state, const std::string& model, bool warm) {
  static const std::vector<std::string> documents = MixedDocuments();
  const auto tokenizer = LoadSentencePiece(model);
  std::vector<Token> tokens;
  Scratch kept;
  const auto pass = [&](Scratch& scratch) {
    for (const std::string& document : documents) {
      if (!(*tokenizer)->Encode(document, scratch, tokens)) state.SkipWithError("Encode");
      benchmark::DoNotOptimize(tokens.data());
    }
  };
  if (warm) pass(kept);
  for (auto _ : state) {
    Scratch fresh;
    pass(warm ? kept : fresh);
  }
  state.SetBytesProcessed(static_cast<int64_t>(BytesOf(documents) * state.iterations()));
}

void Library(benchmark::State& state, const std::string& model) {
  static const std::vector<std::string> documents = MixedDocuments();
  sentencepiece::SentencePieceProcessor processor;
  if (!processor.LoadFromSerializedProto(model).ok()) state.SkipWithError("Load");
  for (auto _ : state) {
    for (const std::string& document : documents) benchmark::DoNotOptimize(processor.EncodeAsImmutableProto(document).pieces_size());
  }
  state.SetBytesProcessed(static_cast<int64_t>(BytesOf(documents) * state.iterations()));
}

void SentencePieceBpe(benchmark::State& state) { Ours(state, BpeModel(), state.range(0) != 0); }
void SentencePieceUnigram(benchmark::State& state) { Ours(state, UnigramModel(), state.range(0) != 0); }
void SentencePieceUnigramJapanese(benchmark::State& state) { Ours(state, JapaneseModel(), state.range(0) != 0); }
void LibraryBpe(benchmark::State& state) { Library(state, BpeModel()); }
void LibraryUnigram(benchmark::State& state) { Library(state, UnigramModel()); }
void LibraryUnigramJapanese(benchmark::State& state) { Library(state, JapaneseModel()); }
BENCHMARK(LibraryBpe)->Unit(benchmark::kMillisecond);
BENCHMARK(SentencePieceBpe)->ArgName("warm")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(LibraryUnigram)->Unit(benchmark::kMillisecond);
BENCHMARK(SentencePieceUnigram)->ArgName("warm")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(LibraryUnigramJapanese)->Unit(benchmark::kMillisecond);
BENCHMARK(SentencePieceUnigramJapanese)->ArgName("warm")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// One tokenizer, a Scratch for each thread.
void SentencePieceThreads(benchmark::State& state) {
  static const std::vector<std::string> documents = MixedDocuments();
  static const auto tokenizer = LoadSentencePiece(BpeModel());
  Scratch scratch;
  std::vector<Token> tokens;
  for (auto _ : state) {
    for (const std::string& document : documents) {
      if (!(*tokenizer)->Encode(document, scratch, tokens)) state.SkipWithError("Encode");
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(BytesOf(documents) * state.iterations()));
}
BENCHMARK(SentencePieceThreads)->Threads(1)->Threads(2)->UseRealTime()->Unit(benchmark::kMillisecond);

// Share of the segments that the cache serves after 10 MB of one language: news in English, met for the first time.
void SentencePieceHits(benchmark::State& state) {
  const std::string file = BpeModel();
  const auto model = ReadSentencePieceModel(file);
  const FastSentencePiece tokenizer(*model, kDefaultCacheBytes);
  const std::vector<std::string> documents = BenchDocuments({"text/wikitext2_valid.txt", "text/wikitext2_test.txt", "text/waterbench_multi_news.jsonl",
                                                        "text/waterbench_longform_qa.jsonl", "text/waterbench_alpacafarm.jsonl", "text/cnn_dailymail.jsonl"});
  const size_t bytes = BytesOf(documents), tail = std::min<size_t>(bytes / 10, 1'000'000);
  std::vector<Token> tokens;
  FastSentencePiece::Counts before, after;
  for (auto _ : state) {
    Scratch scratch;
    size_t done = 0;
    for (const std::string& document : documents) {
      if (done < bytes - tail) before = tokenizer.CountsOf(scratch);
      tokenizer.Encode(document, scratch, tokens);
      done += document.size();
    }
    after = tokenizer.CountsOf(scratch);
  }
  state.counters["megabytes"] = static_cast<double>(bytes) / 1e6;
  state.counters["hit_rate_of_last"] = 1 - static_cast<double>(after.missed - before.missed) / static_cast<double>(after.segments - before.segments);
}
BENCHMARK(SentencePieceHits)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
