// tournament: m layers, each of which doubles the ids whose bit is 1 against those whose bit is 0, as far as there are
// both. Unbiased over keys.
//
// Source   SynthID-Text, Nature 2024, doi:10.1038/s41586-024-08025-4, the tournament of two in closed form. Departure: our
//          PRF; the g-values of an id are the low m bits of its word; other weights of the layers (native-schemes.md N8.3).
// Draws    words (N7). Layer i uses bit i.
// Speed    A layer needs no more of the row than the mass of its ones. The masses of a row by the value of one byte of the
//          word hold that for eight layers, so a row is read once for each byte and not once for each layer.
// Tested by tests/watermark/tournament_test.cc (native.json `marks`, `words`, `scored`) and all_schemes_test.cc.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "watermark/profile.h"
#include "watermark/scheme.h"
#include "watermark/words.h"

namespace verdigris {
namespace {

constexpr ParamSpec kParams[] = {{"layers", 1, 32, 30}};
constexpr unsigned kLayersPerByte = 8;
constexpr size_t kMaxBytes = 4;
using PerByte = std::array<double, 256>;

unsigned Layers(const Profile& profile) { return static_cast<unsigned>(profile.params()[0]); }

// The low `layers` bits: 2^layers - 1.
uint32_t LowBits(unsigned layers) { return static_cast<uint32_t>((uint64_t{1} << layers) - 1); }

// Layers of weight 2: the first half, where the lift is largest. The others have weight 1.
unsigned Heavy(unsigned layers) { return (layers + 1) / 2; }

NullLaw Law(const Profile& profile) {
  const unsigned layers = Layers(profile);
  return NullLaw::TwoBernoulli(Heavy(layers), layers - Heavy(layers));
}

// Of a simulation (command-line.md L4): 0.457 standard deviations of the null law above its mean.
double ReferenceEffect(const Profile& profile) {
  const NullLaw law = Law(profile);
  return (2.0 * law.heavy + law.light) / 2 + 0.457 * std::sqrt((4.0 * law.heavy + law.light) / 4);
}

void Score(const Profile& profile, const Prf& prf, std::span<const Tag> tags, std::span<const uint32_t> ids, uint64_t* scores) {
  const uint32_t all = LowBits(Layers(profile)), heavy = LowBits(Heavy(Layers(profile)));
  ForEachTupleWord(prf, tags, ids, [&](size_t i, uint32_t word) {
    scores[i] = static_cast<uint64_t>(std::popcount(word & all) + std::popcount(word & heavy));
  });
}

// Two entries at once; GCC and Clang make of it what the processor has.
using Pair [[gnu::vector_size(16)]] = double;
Pair LoadPair(const double* from) {
  Pair pair;
  std::memcpy(&pair, from, sizeof pair);
  return pair;
}
void StorePair(Pair pair, double* to) { std::memcpy(to, &pair, sizeof pair); }

// What each layer does to an id: q *= factors[bit].
using LayerFactors = std::array<std::array<double, 2>, kMaxBytes * kLayersPerByte>;

// Plays `layers` layers, the first of them being layer 0 of `layer`. mass[b]: sum of q over ids whose byte is b; used up.
// With H the share of the zeros, which is 1 - G, ones get the factor 1 + H = 2 - G and zeros H; H is summed and not
// subtracted, so it is good where G is nearly 1.
void Play(unsigned layers, PerByte& mass, std::array<double, 2>* layer) {
  // {zeros, ones} of the next layer, whose bit is the lowest of what is left of the byte.
  Pair sums{}, more{};
  for (size_t b = 0; b < size_t{1} << layers; b += 4) {
    sums += LoadPair(&mass[b]);
    more += LoadPair(&mass[b + 2]);  // 0 where the byte has one layer
  }
  sums += more;
  for (unsigned i = 0; i < layers; ++i) {
    const double h = sums[0] / (sums[0] + sums[1]);
    layer[i] = {h, 1 + h};
    sums = Pair{};
    const size_t rest = size_t{1} << (layers - 1 - i);
    for (size_t b = 0; b + 2 <= rest; b += 2) {
      const Pair low = LoadPair(&mass[2 * b]), high = LoadPair(&mass[2 * b + 2]);
      const Pair both = Pair{low[0], high[0]} * h + Pair{low[1], high[1]} * (1 + h);
      sums += both;
      StorePair(both, &mass[b]);
    }
  }
}

// What a byte's layers do together, by the value of the byte: combine(a, b) over its bits, for layers that it lacks 1 or 0.
template <class Combine>
void FillTable(unsigned layers, const std::array<double, 2>* layer, double none, Combine&& combine, PerByte& table) {
  // Half a byte each, and the whole byte from the two.
  std::array<double, 16> halves[2];
  for (unsigned half = 0; half < 2; ++half) {
    halves[half].fill(none);
    for (unsigned i = 4 * half; i < std::min(layers, 4 * half + 4); ++i) {
      for (size_t b = 0; b < 16; ++b) halves[half][b] = combine(halves[half][b], layer[i][b >> (i % 4) & 1]);
    }
  }
  for (size_t high = 0; high < 16; ++high) {
    for (size_t low = 0; low < 16; ++low) table[16 * high + low] = combine(halves[0][low], halves[1][high]);
  }
}

uint32_t ByteOf(uint32_t word, size_t k) { return word >> (8 * k) & 0xFF; }

// Plays byte k - 1 on q, which for k = 0 starts as the weights, and sums q by the value of byte k.
template <size_t k>
void Sum(const double* weights, const uint32_t* words, size_t count, const PerByte* factors, double* q, PerByte& mass) {
  mass.fill(0);
  for (size_t i = 0; i < count; ++i) {
    if constexpr (k == 0) {
      mass[ByteOf(words[i], k)] += weights[i];
    } else {
      const double before = k == 1 ? weights[i] : q[i];
      mass[ByteOf(words[i], k)] += q[i] = before * factors[k - 1][ByteOf(words[i], k - 1)];
    }
  }
}

// The words of a row, cut to the layers in use.
void FillWords(const Prf& prf, const Tag& tag, const uint32_t* ids, size_t count, uint32_t used, uint32_t* out) {
  ForEachWords(prf, tag, ids, count, [&](size_t start, std::span<const uint32_t> words) {
    for (size_t i = 0; i < words.size(); ++i) out[start + i] = words[i] & used;
  });
}

// Divergences of the row, in units of the markable weight.
struct Divergence {
  double qp = 0, pq = 0, tv = 0;
};

// Plays the last byte on q and writes ln Q = logit + normalise + the sum of the bytes' ln_factor.
template <size_t kBytes, class Real>
void Write(const RowView<Real>& row, const double* weights, const double* before_last, const uint32_t* words,
           const PerByte& last_factor, const PerByte* ln_factors, bool finite, double normalise, Divergence& divergence) {
  constexpr size_t kLast = kBytes - 1;
  const auto one = [&](size_t i) {
    double ln_factor = 0;
    for (size_t k = 0; k < kBytes; ++k) ln_factor += ln_factors[k][ByteOf(words[i], k)];
    row.logits[i] = static_cast<Real>(row.logits[i] + (normalise + ln_factor));
    const double p = weights[i], q = before_last[i] * last_factor[ByteOf(words[i], kLast)];
    if (p > 0) divergence.pq -= p * ln_factor;
    if (q > 0) divergence.qp += q * ln_factor;
    divergence.tv += std::max(0.0, q - p);
  };
  const auto markable = [&](size_t first, size_t end) {
    size_t i = first;
    if (finite) {  // so no product below is 0 times infinity
      Pair qp{}, pq{}, tv{};
      for (; i + 2 <= end; i += 2) {
        const uint32_t a = words[i], b = words[i + 1];
        Pair ln_factor{ln_factors[0][ByteOf(a, 0)], ln_factors[0][ByteOf(b, 0)]};
        for (size_t k = 1; k < kBytes; ++k) ln_factor += Pair{ln_factors[k][ByteOf(a, k)], ln_factors[k][ByteOf(b, k)]};
        const Pair ln_q = Pair{static_cast<double>(row.logits[i]), static_cast<double>(row.logits[i + 1])} + (ln_factor + normalise);
        row.logits[i] = static_cast<Real>(ln_q[0]);
        row.logits[i + 1] = static_cast<Real>(ln_q[1]);
        const Pair p = LoadPair(weights + i);
        const Pair q = LoadPair(before_last + i) * Pair{last_factor[ByteOf(a, kLast)], last_factor[ByteOf(b, kLast)]};
        const Pair gain = q - p;
        qp += q * ln_factor;
        pq += p * ln_factor;
        tv += gain > 0 ? gain : Pair{};
      }
      divergence.qp += qp[0] + qp[1];
      divergence.pq -= pq[0] + pq[1];
      divergence.tv += tv[0] + tv[1];
    }
    for (; i < end; ++i) one(i);
  };
  ForEachStretch(row, markable, [&](size_t first, size_t end) {
    for (size_t i = first; i < end; ++i) row.logits[i] = static_cast<Real>(row.logits[i] + normalise);
  });
}

template <size_t kBytes, class Real>
void MarkBytes(unsigned layers, const RowView<Real>& row, const double* weights, double* q, const uint32_t* words,
               double normalise, Divergence& divergence, double& first_ones) {
  PerByte factors[kBytes], ln_factors[kBytes], mass;
  LayerFactors layer;
  const auto layers_of = [&](size_t k) { return std::min(kLayersPerByte, layers - static_cast<unsigned>(k) * kLayersPerByte); };
  const auto play = [&]<size_t k>() {
    Sum<k>(weights, words, row.count, factors, q, mass);
    Play(layers_of(k), mass, &layer[k * kLayersPerByte]);
    FillTable(layers_of(k), &layer[k * kLayersPerByte], 1, std::multiplies<>(), factors[k]);
  };
  play.template operator()<0>();
  if constexpr (kBytes > 1) play.template operator()<1>();
  if constexpr (kBytes > 2) play.template operator()<2>();
  if constexpr (kBytes > 3) play.template operator()<3>();
  first_ones = 1 - layer[0][0];
  LayerFactors ln_layer;
  bool finite = true;
  for (unsigned i = 0; i < layers; ++i) {
    ln_layer[i] = {std::log(layer[i][0]), std::log(layer[i][1])};
    finite = finite && layer[i][0] > 0;
  }
  for (size_t k = 0; k < kBytes; ++k) FillTable(layers_of(k), &ln_layer[k * kLayersPerByte], 0, std::plus<>(), ln_factors[k]);
  Write<kBytes>(row, weights, kBytes > 1 ? q : weights, words, factors[kBytes - 1], ln_factors, finite, normalise, divergence);
}

template <class Real>
void Mark(const Profile& profile, const Prf& prf, const Tag& tag, const RowView<Real>& row, Workspace& workspace, Masses* masses) {
  workspace.weights.resize(row.count);
  workspace.marked_weights.resize(row.count);
  workspace.words.resize(row.count);
  const double* weights = workspace.weights.data();
  double* q = workspace.marked_weights.data();
  const uint32_t* words = workspace.words.data();
  const Weights sums = Weigh(row, workspace.weights.data());
  const double normalise = -static_cast<double>(row.max) - std::log(sums.all());  // ln P = logit + normalise
  if (masses != nullptr) *masses = {.special = sums.special_share()};
  if (!(sums.markable > 0)) return Shift(row, normalise);
  const unsigned layers = Layers(profile);
  FillWords(prf, tag, row.ids, row.count, LowBits(layers), workspace.words.data());
  Divergence divergence;
  double first_ones = 0;
  switch ((layers + kLayersPerByte - 1) / kLayersPerByte) {
    case 1: MarkBytes<1>(layers, row, weights, q, words, normalise, divergence, first_ones); break;
    case 2: MarkBytes<2>(layers, row, weights, q, words, normalise, divergence, first_ones); break;
    case 3: MarkBytes<3>(layers, row, weights, q, words, normalise, divergence, first_ones); break;
    default: MarkBytes<4>(layers, row, weights, q, words, normalise, divergence, first_ones); break;
  }
  if (masses == nullptr) return;
  masses->green = first_ones;
  // Differences of nearly equal numbers may come out as -1e-17 where there is no price.
  masses->kl_qp = std::max(0.0, divergence.qp) / sums.all();
  masses->kl_pq = std::max(0.0, divergence.pq) / sums.all();
  masses->tv = divergence.tv / sums.all();
}

}  // namespace

extern const Scheme kTournament;
const Scheme kTournament = {
    "tournament",
    "Dathathri et al. 2024, SynthID-Text, doi:10.1038/s41586-024-08025-4",
    "layers of keyed bits, each of which favours the ids whose bit is 1 as far as it can without bias",
    kParams,
    /*unbiased=*/true,
    /*check=*/nullptr,
    Law,
    ReferenceEffect,
    Score,
    Mark<float>,
    Mark<double>,
    /*mask=*/nullptr,
};

}  // namespace verdigris
