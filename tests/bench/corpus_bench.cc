// Reading alone (corpus.md C17): documents of 3.5 KB as JSON lines in zstd, and as WET records in members of gzip, against the
// inflating alone. The command line's peers, `zstd -dc` and `igzip -dc` into /dev/null, are timed on the same files where they are
// installed; "of_peer" is their processor time over ours, which other programs on the machine disturb least.
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

#include <zstd.h>

#include "tests/gzip.h"
#include "verify/corpus/inflate.h"
#include "verify/corpus/reader.h"

namespace {

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

struct Files {
  std::filesystem::path folder;
  std::string jsonl, wet;
  uint64_t jsonl_bytes = 0, wet_bytes = 0;

  Files() {
    std::string name = (std::filesystem::temp_directory_path() / "verdigris-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder = name;
    jsonl = folder / "x.jsonl.zst";
    wet = folder / "x.wet.gz";
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
  ~Files() {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
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

BENCHMARK(InflateZstd)->Unit(benchmark::kMillisecond);
BENCHMARK(JsonlZst)->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(InflateGzip)->Unit(benchmark::kMillisecond);
BENCHMARK(WetGz)->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(ResumeInGzip)->Unit(benchmark::kMillisecond)->Iterations(5);

}  // namespace

BENCHMARK_MAIN();
