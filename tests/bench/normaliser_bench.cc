// The normaliser, bytes per second of one thread over documents of about 3.5 KB: ASCII, the mixed corpus of tokenizer_bench.cc, and what
// it has most work with. Texts of the folder shared/ beside the repository; where that is absent, those of tests/.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "verify/text/normalize.h"

namespace {

using namespace verdigris::verify;

const std::string kShared = VERDIGRIS_SOURCE_DIR "/../shared/data/text/";

std::string Get(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The texts, each cut into documents at the first character from 3,500 bytes on.
std::vector<std::string> Documents(const std::vector<std::string>& texts) {
  constexpr size_t kDocumentBytes = 3500;
  std::vector<std::string> documents;
  for (const std::string& text : texts) {
    for (size_t at = 0, end; at < text.size(); at = end) {
      for (end = std::min(at + kDocumentBytes, text.size()); end < text.size() && (text[end] & 0xC0) == 0x80;) ++end;
      documents.push_back(text.substr(at, end - at));
    }
  }
  return documents;
}

std::string Corpus() { return Get(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_corpus.txt"); }

std::vector<std::string> Mixed() {
  std::vector<std::string> texts;
  for (const char* name : {"wikitext2_valid.txt", "waterbench_lcc_code.jsonl", "wagahaiwa_ja.txt", "udhr/hin.xml", "udhr/arb.xml", "udhr/vie.xml", "udhr/cmn_hans.xml"}) {
    texts.push_back(Get(kShared + name));
  }
  if (texts.front().empty()) texts = {nlohmann::json::parse(Get(VERDIGRIS_SOURCE_DIR "/tests/vectors/normaliser.json"))["rows"].dump()};
  return texts;
}

void Run(benchmark::State& state, const std::vector<std::string>& texts) {
  const std::vector<std::string> documents = Documents(texts);
  const Normaliser normaliser = *Normaliser::Create(kTextNormaliser);
  size_t bytes = 0;
  for (const std::string& document : documents) bytes += document.size();
  std::string out;
  ByteMap map;
  for (auto _ : state) {
    for (const std::string& document : documents) {
      if (!normaliser.Apply(document, out, map)) state.SkipWithError("Apply");
      benchmark::DoNotOptimize(out.data());
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes * state.iterations()));
}

void Ascii(benchmark::State& state) {
  std::string text = Get(kShared + "waterbench_lcc_code.jsonl");
  if (text.empty()) text = Corpus();
  std::erase_if(text, [](char c) { return static_cast<uint8_t>(c) >= 0x80; });
  Run(state, {text});
}
void MixedText(benchmark::State& state) { Run(state, Mixed()); }
// Every third character a hidden one: every word is worked over.
void Hidden(benchmark::State& state) {
  std::string text;
  size_t i = 0;
  for (const char c : Corpus()) {
    text += c;
    if (++i % 3 == 0) text += "\u200B";
  }
  Run(state, {text});
}
void Decomposed(benchmark::State& state) {
  std::string text;
  for (const char c : Corpus()) text += c == 'e' ? "e\u0302\u0323" : std::string(1, c);
  Run(state, {text});
}

BENCHMARK(Ascii);
BENCHMARK(MixedText);
BENCHMARK(Hidden);
BENCHMARK(Decomposed);

}  // namespace

BENCHMARK_MAIN();
