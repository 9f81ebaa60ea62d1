// Marking and scoring next to what they are measured by, in one run and one thread.
//
//   build/release/tests/marking_bench
//
// Ratios to read: Bias / AddReadyMask and Bias / AddReadyMaskVector, goal at most 2; Distribution / Softmax (of the same
// row, with the same exponential, written back in place), goal at most 1.3 for green and 3 for gumbel and multichannel, at
// 128,256. Candidates of 1,000: goal 20 us for gumbel and tournament. Mask and ScoreTuples stand beside AesBlocks, the same
// number of blocks and nothing else, which is their floor on this machine; rows of the word schemes beside Words.
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <Eigen/Core>
#include <benchmark/benchmark.h>

#include "tests/bench/bench_profile.h"
#include "watermark/marker.h"
#include "watermark/schemes.h"
#include "watermark/words.h"

namespace {

using namespace verdigris;

Key BenchKey(uint8_t seed) {
  std::array<uint8_t, kKeyBytes> bytes{};
  bytes[0] = seed;
  return Key(bytes);
}

Marker BenchMarker(uint32_t vocab, int share, bool plain, std::string_view scheme = "green") {
  const Profile profile = BenchProfile(vocab, share, plain, scheme);
  const KeyFile keys[] = {{KeyRole::kProvider, profile.scheme_id(), 0, "", "2027-01-01T00:00:00Z", BenchKey(1)},
                          {KeyRole::kSelector, profile.scheme_id(), 0, "", "2027-01-01T00:00:00Z", BenchKey(2)},
                          {KeyRole::kAccount, profile.scheme_id(), 0, "a", "2027-01-01T00:00:00Z", BenchKey(3)}};
  const KeyFile* pointers[] = {&keys[0], &keys[1], &keys[2]};
  return *Marker::Create(profile, pointers);
}

std::vector<float> Logits(size_t count) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(count);
  for (float& x : logits) x = normal(random);
  return logits;
}

uint32_t window_counter = 100;
std::array<uint32_t, 2> NextWindow() {
  window_counter = (window_counter + 1) % 30000;
  return {window_counter + 3, 77};
}

// The floor of any biased marking: the mask is there already and only the add is left.
void AddReadyMask(benchmark::State& state) {
  std::vector<float> logits = Logits(static_cast<size_t>(state.range(0)));
  std::vector<uint8_t> mask(logits.size() / 8 + 1, 0x5A);
  for (auto _ : state) {
    float* z = logits.data();
    for (size_t i = 0; i < logits.size(); ++i) {
      if (mask[i >> 3] >> (i & 7) & 1) z[i] += 2.0f;
    }
    benchmark::DoNotOptimize(logits.data());
    benchmark::ClobberMemory();
  }
}

// The same by our own vector loop, the hardest comparison: what is left of Bias above it is drawing the mask.
void AddReadyMaskVector(benchmark::State& state) {
  std::vector<float> logits = Logits(static_cast<size_t>(state.range(0)));
  std::vector<uint8_t> mask(logits.size() / 8 + 1, 0x5A);
  for (auto _ : state) {
    AddWhere(mask.data(), logits.size(), 2.0f, logits.data());
    benchmark::DoNotOptimize(logits.data());
    benchmark::ClobberMemory();
  }
}

// The same with a mask of one float an id, which is the fastest loop that a compiler makes of it and eight times the memory.
void AddReadyFloats(benchmark::State& state) {
  std::vector<float> logits = Logits(static_cast<size_t>(state.range(0))), bonus(logits.size(), 0.0f);
  for (size_t i = 0; i < bonus.size(); i += 4) bonus[i] = 2.0f;
  for (auto _ : state) {
    for (size_t i = 0; i < logits.size(); ++i) logits[i] += bonus[i];
    benchmark::DoNotOptimize(logits.data());
    benchmark::ClobberMemory();
  }
}

void Bias(benchmark::State& state) {
  const Marker marker = BenchMarker(static_cast<uint32_t>(state.range(0)), kFullShare, /*plain=*/true);
  std::vector<float> logits = Logits(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    const auto output = NextWindow();
    benchmark::DoNotOptimize(marker.Mark(output, Repeat::kNew, Mode::kBias, {LogitType::kF32, logits.data(), logits.size()}).has_value());
  }
}

// Same shape as the marked row, with the same exponential: largest entry, sum of exponentials, one pass that writes ln P.
void Softmax(benchmark::State& state) {
  const std::vector<float> original = Logits(static_cast<size_t>(state.range(0)));
  std::vector<float> logits = original;
  constexpr size_t kBlock = 512;
  double e[kBlock];
  for (auto _ : state) {
    std::copy(original.begin(), original.end(), logits.begin());
    const double max = ScanRow(logits.data(), logits.size())->max;
    double sum = 0;
    for (size_t start = 0; start < logits.size(); start += kBlock) {
      sum += ExpDifferences(logits.data() + start, std::min(kBlock, logits.size() - start), max, e);
    }
    const auto shift = static_cast<float>(max + std::log(sum));
    for (float& x : logits) x -= shift;
    benchmark::DoNotOptimize(logits.data());
    benchmark::ClobberMemory();
  }
}

// The same as Eigen has it.
void SoftmaxEigen(benchmark::State& state) {
  const std::vector<float> original = Logits(static_cast<size_t>(state.range(0)));
  std::vector<float> logits = original;
  constexpr Eigen::Index kBlock = 512;
  Eigen::Array<double, kBlock, 1> e;
  for (auto _ : state) {
    std::copy(original.begin(), original.end(), logits.begin());
    const auto size = static_cast<Eigen::Index>(logits.size());
    Eigen::Map<Eigen::ArrayXf> row(logits.data(), size);
    const double max = row.maxCoeff();
    double sum = 0;
    for (Eigen::Index start = 0; start < size; start += kBlock) {
      const Eigen::Index n = std::min(kBlock, size - start);
      e.head(n) = (row.segment(start, n).cast<double>() - max).exp();
      sum += e.head(n).sum();
    }
    row -= static_cast<float>(max + std::log(sum));
    benchmark::DoNotOptimize(logits.data());
    benchmark::ClobberMemory();
  }
}

// Marked from the same logits each time: a row that was marked before is another one, with absent entries under gumbel.
void Distribution(benchmark::State& state, std::string_view scheme) {
  const Marker marker = BenchMarker(static_cast<uint32_t>(state.range(0)), kFullShare, /*plain=*/false, scheme);
  const std::vector<float> original = Logits(static_cast<size_t>(state.range(0)));
  std::vector<float> logits = original;
  for (auto _ : state) {
    std::copy(original.begin(), original.end(), logits.begin());
    const auto output = NextWindow();
    benchmark::DoNotOptimize(marker.Mark(output, Repeat::kNew, Mode::kDistribution, {LogitType::kF32, logits.data(), logits.size()}).has_value());
  }
}

void Mask(benchmark::State& state) {
  const Marker marker = BenchMarker(static_cast<uint32_t>(state.range(0)), kFullShare, /*plain=*/false);
  std::vector<uint8_t> mask(marker.mask_bytes());
  for (auto _ : state) {
    const auto output = NextWindow();
    benchmark::DoNotOptimize(marker.Mask(output, Repeat::kNew, mask).has_value());
  }
}

// The keystream that a mask of this many ids takes, and nothing else.
void AesBlocks(benchmark::State& state) {
  const Prf prf = *Prf::Create(BenchKey(4));
  const uint32_t window[2] = {5, 6};
  const Tag tag = prf.mac().TagOf(window, 2);
  const size_t blocks = 2 * ((static_cast<size_t>(state.range(0)) + 127) / 128);
  std::vector<uint8_t> out(blocks * kBlockBytes);
  for (auto _ : state) {
    prf.Keystream(tag, 0, blocks, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(blocks));
}

// All words of a row, and nothing else: the draws of the word schemes.
void Words(benchmark::State& state) {
  const Prf prf = *Prf::Create(BenchKey(4));
  const uint32_t window[2] = {5, 6};
  const Tag tag = prf.mac().TagOf(window, 2);
  uint32_t sum = 0;
  for (auto _ : state) {
    ForEachWords(prf, tag, nullptr, static_cast<size_t>(state.range(0)), [&](size_t, std::span<const uint32_t> words) { sum += words[0]; });
    benchmark::DoNotOptimize(sum);
  }
}

// A truncated candidate list, as engines hand it over.
void Candidates(benchmark::State& state, std::string_view scheme) {
  const Marker marker = BenchMarker(128256, 128, /*plain=*/false, scheme);
  struct Candidate { uint32_t id; float logit, p; };
  std::vector<Candidate> list(static_cast<size_t>(state.range(0)));
  const std::vector<float> logits = Logits(list.size());
  for (size_t i = 0; i < list.size(); ++i) list[i] = {static_cast<uint32_t>((i * 7919 + 5) % 128256), logits[i], 0};
  const std::vector<Candidate> original = list;
  for (auto _ : state) {
    std::copy(original.begin(), original.end(), list.begin());
    const auto output = NextWindow();
    benchmark::DoNotOptimize(marker.Mark(output, Repeat::kNew, Mode::kDistribution,
                                         {LogitType::kF32, &list[0].logit, list.size(), sizeof(Candidate), &list[0].id, sizeof(Candidate)}).has_value());
  }
}

void HistoryPush(benchmark::State& state) {
  std::mt19937_64 random(2);
  std::vector<uint32_t> ids(4096);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % 128000);
  for (auto _ : state) {
    History history(2);
    for (const uint32_t& id : ids) {
      history.Push({&id, 1});
      benchmark::DoNotOptimize(history.Next());
    }
  }
  state.SetItemsProcessed(state.iterations() * 4096);
}

void AccountMarker(benchmark::State& state) {
  const Marker marker = BenchMarker(128256, 128, /*plain=*/false);
  const KeyFile account{KeyRole::kAccount, marker.profile().scheme_id(), 0, "b", "2027-01-01T00:00:00Z", BenchKey(9)};
  for (auto _ : state) benchmark::DoNotOptimize(marker.WithAccount(account).has_value());
}

// Distinct eligible tuples under one layer (arg 0) or with the selector and two layers (arg 1): what scoring costs once a
// text is tokenized and its tuples are known.
void ScoreTuples(benchmark::State& state, std::string_view scheme) {
  const Marker marker = BenchMarker(128256, state.range(0) ? 128 : kFullShare, /*plain=*/false, scheme);
  std::mt19937_64 random(3);
  std::vector<uint32_t> ids(1 << 16);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(3 + random() % 128000);
  const size_t n = ids.size() - 2;
  std::vector<const uint32_t*> windows(n);
  std::vector<uint64_t> scores(n);
  std::vector<Layer> layers(n);
  for (size_t i = 0; i < n; ++i) windows[i] = &ids[i];
  for (auto _ : state) {
    marker.layers().Assign(marker.profile(), windows.data(), n, layers.data());
    marker.layers().Score(marker.profile(), Layer::kProvider, windows.data(), &ids[2], n, scores.data());
    benchmark::DoNotOptimize(scores.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(n));
}

// Everything that stands between ids and integers: positions, repeats, duplicates, layers, scores.
void ScoreSequence(benchmark::State& state) {
  const Marker marker = BenchMarker(128256, kFullShare, /*plain=*/false);
  std::mt19937_64 random(4);
  std::vector<uint32_t> ids(1 << 16);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(3 + random() % 128000);
  for (auto _ : state) benchmark::DoNotOptimize(marker.ScoreSequence(ids, Rule::kTuple, nullptr).has_value());
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(ids.size()));
}

constexpr int64_t kSmall = 32000, kMiddle = 128256, kLarge = 262144;
BENCHMARK(AddReadyMask)->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK(AddReadyMaskVector)->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK(AddReadyFloats)->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK(Bias)->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK(Softmax)->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK(SoftmaxEigen)->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK_CAPTURE(Distribution, green, "green")->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK_CAPTURE(Distribution, gumbel, "gumbel")->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK_CAPTURE(Distribution, tournament, "tournament")->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK_CAPTURE(Distribution, multichannel, "multichannel")->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK(Mask)->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK(Words)->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK(AesBlocks)->Arg(kSmall)->Arg(kMiddle)->Arg(kLarge);
BENCHMARK_CAPTURE(Candidates, green, "green")->Arg(40)->Arg(200)->Arg(1000);
BENCHMARK_CAPTURE(Candidates, gumbel, "gumbel")->Arg(40)->Arg(200)->Arg(1000);
BENCHMARK_CAPTURE(Candidates, tournament, "tournament")->Arg(40)->Arg(200)->Arg(1000);
BENCHMARK_CAPTURE(Candidates, multichannel, "multichannel")->Arg(40)->Arg(200)->Arg(1000);
BENCHMARK(HistoryPush);
BENCHMARK(AccountMarker);
BENCHMARK_CAPTURE(ScoreTuples, green, "green")->Arg(0)->Arg(1);
BENCHMARK_CAPTURE(ScoreTuples, gumbel, "gumbel")->Arg(0)->Arg(1);
BENCHMARK_CAPTURE(ScoreTuples, tournament, "tournament")->Arg(0)->Arg(1);
BENCHMARK_CAPTURE(ScoreTuples, multichannel, "multichannel")->Arg(0)->Arg(1);
BENCHMARK(ScoreSequence);

}  // namespace

BENCHMARK_MAIN();
