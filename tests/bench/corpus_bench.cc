// Files of a corpus, one thread (corpus.md C17).
//
//   build/release/tests/corpus_bench
//
// Reading alone: documents of 3.5 KB as JSON lines in zstd, and as WET records in members of gzip, against the inflating alone. The
// command line's peers, `zstd -dc` and `igzip -dc` into /dev/null, are timed on the same files where they are
// installed; "of_peer" is their processor time over ours, which other programs on the machine disturb least.
//
// A scan of text: one unit of JSON lines in zstd, from the file to the bytes of its unit file, under one green key, h 2; with our
// reading of a SentencePiece BPE model, and with libsentencepiece in its place. Bytes are those of text.
#include <benchmark/benchmark.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <sentencepiece_processor.h>
#include <zstd.h>

#include "tests/bench/bench_profile.h"
#include "tests/bench/bench_texts.h"
#include "tests/gzip.h"
#include "verify/corpus/inflate.h"
#include "verify/corpus/reader.h"
#include "verify/corpus/scan.h"
#include "verify/text/sentencepiece.h"
#include "watermark/json.h"
#include "watermark/key_file.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

constexpr size_t kTextBytes = size_t{256} << 20;
constexpr size_t kDocumentBytes = 3500;

// Words of a Zipf-like law: text as far as compressors see it.
std::string Document(std::mt19937& random) {
  static const std::vector<std::string> words = [] {
    std::mt19937 seeded(1);
    std::vector<std::string> out;
    for (int i = 0; i < 20000; ++i) {
      std::string word;
      for (uint32_t letters = 2 + seeded() % 9; letters > 0; --letters) word += static_cast<char>('a' + seeded() % 26);
      out.push_back(std::move(word));
    }
    return out;
  }();
  std::string out;
  while (out.size() < kDocumentBytes) {
    const double u = static_cast<double>(random()) / 4294967296.0;
    out += words[static_cast<size_t>(19999.0 * u * u * u)];
    out += random() % 12 == 0 ? '\n' : ' ';
  }
  return out;
}

std::string Zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\\n") : std::string(1, c);
  return out;
}

struct Folder {
  std::filesystem::path path;

  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "verdigris-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
  Folder(const Folder&) = delete;
};

struct Files {
  Folder folder;
  std::string jsonl = folder.path / "x.jsonl.zst", wet = folder.path / "x.wet.gz";
  uint64_t jsonl_bytes = 0, wet_bytes = 0;

  Files() {
    std::mt19937 random(2);
    std::string lines;
    std::ofstream gzip(wet, std::ios::binary);
    for (size_t done = 0; done < kTextBytes;) {
      const std::string text = Document(random);
      done += text.size();
      lines += "{\"id\":\"" + std::to_string(random()) + "\",\"text\":\"" + Escaped(text) + "\",\"url\":\"https://example.org/a\"}\n";
      const std::string record = "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://example.org/a\r\nWARC-Record-ID: <urn:uuid:" + std::to_string(random()) +
                                 ">\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text + "\r\n\r\n";
      gzip << verdigris::testing::Gzip(record);
      wet_bytes += record.size();
    }
    jsonl_bytes = lines.size();
    std::ofstream(jsonl, std::ios::binary) << Zstd(lines);
  }
};

const Files& TheFiles() {
  static const Files files;
  return files;
}

Input InputOf(const std::string& path, Format format) {
  Input input;
  input.path = path;
  input.format = format;
  return input;
}

double ProcessorSeconds(int who) {
  rusage used{};
  ::getrusage(who, &used);
  auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec); };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Processor time of a peer's command, the best of three; 0 where it is not there.
double PeerSeconds(const std::string& command) {
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    const double begin = ProcessorSeconds(RUSAGE_CHILDREN);
    if (std::system((command + " >/dev/null 2>&1").c_str()) != 0) return 0;
    const double took = ProcessorSeconds(RUSAGE_CHILDREN) - begin;
    best = i == 0 ? took : std::min(best, took);
  }
  return best;
}

void ReadAll(benchmark::State& state, const Input& input, uint64_t inflated, const std::string& peer, uint64_t first = 0) {
  double best = 0;
  for (auto _ : state) {
    const double begin = ProcessorSeconds(RUSAGE_SELF);
    auto reader = OpenReader(input, {}, first, UINT64_MAX);
    Record record;
    size_t bytes = 0;
    while ((*reader)->Next(record).value()) bytes += record.text.size();
    benchmark::DoNotOptimize(bytes);
    const double took = ProcessorSeconds(RUSAGE_SELF) - begin;
    best = best == 0 ? took : std::min(best, took);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * inflated));
  state.counters["of_peer"] = PeerSeconds(peer) / best;
}

void Inflate(benchmark::State& state, const Input& input, uint64_t inflated) {
  std::vector<char> block(InflatedStream::kBlockBytes);
  for (auto _ : state) {
    auto stream = InflatedStream::Open(input, {}, 0);
    while (stream->Read(block.data()).value() > 0) benchmark::DoNotOptimize(block.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * inflated));
}

void JsonlZst(benchmark::State& state) {
  ReadAll(state, InputOf(TheFiles().jsonl, Format::kJsonl), TheFiles().jsonl_bytes, "zstd -dc --single-thread " + TheFiles().jsonl);
}
void WetGz(benchmark::State& state) { ReadAll(state, InputOf(TheFiles().wet, Format::kWarc), TheFiles().wet_bytes, "igzip -dc " + TheFiles().wet); }
void InflateZstd(benchmark::State& state) { Inflate(state, InputOf(TheFiles().jsonl, Format::kJsonl), TheFiles().jsonl_bytes); }
void InflateGzip(benchmark::State& state) { Inflate(state, InputOf(TheFiles().wet, Format::kWarc), TheFiles().wet_bytes); }
// Going on at the last segment of one gzip: the rest is passed over.
void ResumeInGzip(benchmark::State& state) {
  ReadAll(state, InputOf(TheFiles().wet, Format::kWarc), TheFiles().wet_bytes, "igzip -dc " + TheFiles().wet, TheFiles().wet_bytes / ReadOptions().unit_bytes);
}

// ---- scanning

// libsentencepiece in the place of a tokenizer, as far as a scan asks one for ids.
class LibraryTokenizer final : public Tokenizer {
 public:
  LibraryTokenizer(const std::string& model, const Tokenizer& like) : like_(like) {
    if (!processor_.LoadFromSerializedProto(model).ok()) std::abort();
  }
  Result<void> Encode(std::string_view document, Scratch&, std::vector<Token>& out) const override {
    out.clear();
    for (const int id : processor_.EncodeAsIds(document)) out.push_back({static_cast<uint32_t>(id), 0, 0});
    return {};
  }
  Result<void> Decode(std::span<const uint32_t> ids, std::string& out) const override { return like_.Decode(ids, out); }
  uint32_t vocab() const override { return like_.vocab(); }
  std::array<uint8_t, 32> digest() const override { return like_.digest(); }
  std::span<const IdRange> special_ids() const override { return like_.special_ids(); }
  std::string_view kind() const override { return like_.kind(); }

 private:
  sentencepiece::SentencePieceProcessor processor_;
  const Tokenizer& like_;
};

struct TextScan {
  std::string model = BpeModel();
  std::unique_ptr<Tokenizer> tokenizer = std::move(*LoadSentencePiece(model));
  LibraryTokenizer peer{model, *tokenizer};
  Profile profile = BenchProfile(tokenizer->vocab(), kFullShare, /*plain=*/false);
  KeyFile key{KeyRole::kProvider, profile.scheme_id(), 0, "", "2027-01-01T00:00:00Z", Key(std::array<uint8_t, kKeyBytes>{})};
  const KeyFile* pointer = &key;
  JudgeKeys keys = *JudgeKeys::Create(profile, {&pointer, 1}, false);
  RunObject run;
  ScanSetup setup;
  GroupNamer namer = *GroupNamer::Create("none");

  TextScan() {
    run.profile = profile.digest();
    run.tests = TestsOf(keys, false);
    run.tokenizer = tokenizer->digest();
    setup.keys = &keys;
    setup.run = &run;
    setup.places = PlacesOf(keys, run);
  }
};

void ScanText(benchmark::State& state, bool with_peer, size_t text_bytes) {
  TextScan scan;
  scan.setup.tokenizer = with_peer ? static_cast<const Tokenizer*>(&scan.peer) : scan.tokenizer.get();
  const std::vector<std::string> documents = MixedDocuments();
  std::string lines;
  size_t bytes = 0;
  for (size_t i = 0; bytes < text_bytes; ++i) {
    const std::string& text = documents[i % documents.size()];
    lines += WriteJson(Json::FromMembers({{"text", text}})) + "\n";
    bytes += text.size();
  }
  const Folder folder;
  const std::vector<std::string> paths = {folder.path / "x.jsonl.zst"};
  std::ofstream(paths[0], std::ios::binary) << Zstd(lines);
  struct : InputSink {
    bool OnInput(Input input) override {
      listed = std::move(input);
      return true;
    }
    bool OnFailure(InputFailure) override { return true; }
    Input listed;
  } sink;
  ReadOptions read;
  read.unit_bytes = 2 * lines.size();  // all of it in one unit
  if (!ListInputs(paths, "", {}, sink)) state.SkipWithError("ListInputs");
  for (auto _ : state) {
    const auto unit = ComputeUnit(scan.setup, sink.listed, read, scan.namer, folder.path, 0);
    if (!unit) state.SkipWithError(unit.error().message.c_str());
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes * state.iterations()));
}
// About as much as a unit of the default size holds; with the library, which takes 20 times as long, an eighth of it.
BENCHMARK_CAPTURE(ScanText, ours, false, size_t{60} << 20)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ScanText, libsentencepiece, true, size_t{8} << 20)->Unit(benchmark::kMillisecond);

BENCHMARK(InflateZstd)->Unit(benchmark::kMillisecond);
BENCHMARK(JsonlZst)->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(InflateGzip)->Unit(benchmark::kMillisecond);
BENCHMARK(WetGz)->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(ResumeInGzip)->Unit(benchmark::kMillisecond)->Iterations(5);

}  // namespace

BENCHMARK_MAIN();
