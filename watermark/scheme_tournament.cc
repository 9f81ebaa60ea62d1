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
  constexpr size_t kBatch = 256;
  uint32_t words[kBatch];
  for (size_t start = 0; start < ids.size(); start += kBatch) {
    const size_t batch = std::min(kBatch, ids.size() - start);
    WordsOfTuples(prf, tags.subspan(start, batch), ids.subspan(start, batch), words);
    for (size_t i = 0; i < batch; ++i) {
      scores[start + i] = static_cast<uint64_t>(std::popcount(words[i] & all) + std::popcount(words[i] & heavy));
    }
  }
}

// What the layers of one byte do to an id, by the value of its byte: q *= factor.
struct Byte {
  PerByte factor;
  PerByte ln_factor;
};

// Plays `layers` layers. mass[b]: sum of q over ids whose byte is b; used up. With H the share of the zeros, which is
// 1 - G, ones get the factor 1 + H = 2 - G and zeros H; H is summed and not subtracted, so it is good where G is nearly 1.
// The share of the ones of the first layer goes to `first_ones`.
void Play(unsigned layers, PerByte& mass, Byte& byte, double& first_ones) {
  byte.factor[0] = 1;
  byte.ln_factor[0] = 0;
  for (unsigned i = 0; i < layers; ++i) {
    // Bit i is the lowest of what is left of the byte.
    const size_t rest = size_t{1} << (layers - 1 - i), played = size_t{1} << i;
    double zeros = 0, ones = 0;
    for (size_t b = 0; b < rest; ++b) {
      zeros += mass[2 * b];
      ones += mass[2 * b + 1];
    }
    const double h = zeros / (zeros + ones), ln_h = std::log(h), ln_one = std::log1p(h);
    if (i == 0) first_ones = 1 - h;
    for (size_t b = 0; b < rest; ++b) mass[b] = mass[2 * b] * h + mass[2 * b + 1] * (1 + h);
    for (size_t b = 0; b < played; ++b) {
      byte.factor[b + played] = byte.factor[b] * (1 + h);
      byte.factor[b] *= h;
      byte.ln_factor[b + played] = byte.ln_factor[b] + ln_one;
      byte.ln_factor[b] += ln_h;
    }
  }
}

uint32_t ByteOf(uint32_t word, size_t k) { return word >> (8 * k) & 0xFF; }

// Product of the factors of the first kBytes bytes.
template <size_t kBytes>
double Factor(const std::array<Byte, kMaxBytes>& bytes, uint32_t word) {
  double factor = 1;
  for (size_t k = 0; k < kBytes; ++k) factor *= bytes[k].factor[ByteOf(word, k)];
  return factor;
}

template <size_t kBytes>
double LnFactor(const std::array<Byte, kMaxBytes>& bytes, uint32_t word) {
  double sum = 0;
  for (size_t k = 0; k < kBytes; ++k) sum += bytes[k].ln_factor[ByteOf(word, k)];
  return sum;
}

// Masses of the row by the value of byte k, once the bytes before it are played.
template <size_t k>
void Sum(const double* weights, const uint32_t* words, size_t count, const std::array<Byte, kMaxBytes>& bytes, PerByte& mass) {
  // Two tables in turn: entries of one value that follow each other do not wait for each other's sum.
  PerByte other{};
  mass.fill(0);
  size_t i = 0;
  for (; i + 2 <= count; i += 2) {
    mass[ByteOf(words[i], k)] += weights[i] * Factor<k>(bytes, words[i]);
    other[ByteOf(words[i + 1], k)] += weights[i + 1] * Factor<k>(bytes, words[i + 1]);
  }
  if (i < count) mass[ByteOf(words[i], k)] += weights[i] * Factor<k>(bytes, words[i]);
  for (size_t b = 0; b < mass.size(); ++b) mass[b] += other[b];
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

template <size_t kBytes, class Real>
void Write(const RowView<Real>& row, const double* weights, const uint32_t* words, const std::array<Byte, kMaxBytes>& bytes,
           double normalise, Divergence& divergence) {
  ForEachStretch(
      row,
      [&](size_t first, size_t end) {
        double qp = 0, pq = 0, tv = 0;
        for (size_t i = first; i < end; ++i) {
          const double ln_factor = LnFactor<kBytes>(bytes, words[i]);
          row.logits[i] = static_cast<Real>(row.logits[i] + (normalise + ln_factor));
          const double p = weights[i], q = p * Factor<kBytes>(bytes, words[i]);
          if (!(q > 0)) {  // a weight of 0, or ln 0
            if (p > 0) pq -= p * ln_factor;
            continue;
          }
          qp += q * ln_factor;
          pq -= p * ln_factor;
          tv += std::max(0.0, q - p);
        }
        divergence.qp += qp;
        divergence.pq += pq;
        divergence.tv += tv;
      },
      [&](size_t first, size_t end) {
        for (size_t i = first; i < end; ++i) row.logits[i] = static_cast<Real>(row.logits[i] + normalise);
      });
}

template <size_t kBytes, class Real>
void MarkBytes(unsigned layers, const RowView<Real>& row, const double* weights, const uint32_t* words, double normalise,
               Divergence& divergence, double& first_ones) {
  std::array<Byte, kMaxBytes> bytes;
  PerByte mass;
  const auto play = [&]<size_t k>() {
    double ones;
    Sum<k>(weights, words, row.count, bytes, mass);
    Play(std::min(kLayersPerByte, layers - static_cast<unsigned>(k) * kLayersPerByte), mass, bytes[k], k == 0 ? first_ones : ones);
  };
  play.template operator()<0>();
  if constexpr (kBytes > 1) play.template operator()<1>();
  if constexpr (kBytes > 2) play.template operator()<2>();
  if constexpr (kBytes > 3) play.template operator()<3>();
  Write<kBytes>(row, weights, words, bytes, normalise, divergence);
}

template <class Real>
void Mark(const Profile& profile, const Prf& prf, const Tag& tag, const RowView<Real>& row, Workspace& workspace, Masses* masses) {
  workspace.weights.resize(row.count);
  workspace.words.resize(row.count);
  const double* weights = workspace.weights.data();
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
    case 1: MarkBytes<1>(layers, row, weights, words, normalise, divergence, first_ones); break;
    case 2: MarkBytes<2>(layers, row, weights, words, normalise, divergence, first_ones); break;
    case 3: MarkBytes<3>(layers, row, weights, words, normalise, divergence, first_ones); break;
    default: MarkBytes<4>(layers, row, weights, words, normalise, divergence, first_ones); break;
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
