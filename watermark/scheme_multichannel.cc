// multichannel: every id draws one of l segments and every window one of l channels; the channel's segment gets as much
// mass as an unbiased rule can give it. Unbiased over channels, whatever the segments are.
//
// Source   MCmark, arXiv:2502.11268. Departure: segments by independent draws, not by a permutation into equal parts
//          (native-schemes.md N8.4, with the proof).
// Draws    words (N7): segment(v) = W(v) * l >> 32; the channel comes from the tag's channel word in the same way.
// Tested by tests/watermark/multichannel_test.cc (native.json `marks`, `words`, `scored`) and all_schemes_test.cc.
#include <array>
#include <cmath>
#include <limits>

#include "watermark/profile.h"
#include "watermark/scheme.h"
#include "watermark/words.h"

namespace verdigris {
namespace {

constexpr ParamSpec kParams[] = {{"segments", 2, 256, 20}};
constexpr size_t kMaxSegments = 256;
using PerSegment = std::array<double, kMaxSegments>;

uint32_t Segments(const Profile& profile) { return static_cast<uint32_t>(profile.params()[0]); }

uint32_t SegmentOf(uint32_t word, uint32_t segments) { return static_cast<uint32_t>(uint64_t{word} * segments >> 32); }

// The true rate of hits is above 1/l by less than 2^-57 (N8.4), which no double near it can say.
NullLaw Law(const Profile& profile) { return NullLaw::Bernoulli(1, Segments(profile)); }

// Of a simulation (command-line.md L4): 0.576 standard deviations of the null law above its mean.
double ReferenceEffect(const Profile& profile) {
  const double g = 1.0 / Segments(profile);
  return g + 0.576 * std::sqrt(g * (1 - g));
}

void Score(const Profile& profile, const Prf& prf, std::span<const Tag> tags, std::span<const uint32_t> ids, uint64_t* scores) {
  const uint32_t segments = Segments(profile);
  ForEachTupleWord(prf, tags, ids, [&](size_t i, uint32_t word) { scores[i] = SegmentOf(word, segments) == SegmentOf(tags[i].channel(), segments); });
}

// Segment of every entry, and the share of the markable mass that each segment has.
void Split(const Prf& prf, const Tag& tag, const uint32_t* ids, size_t count, const double* weights, double markable,
           uint32_t segments, uint8_t* segment_of, PerSegment& share) {
  // Four tables in turn: entries of one segment that follow each other do not wait for each other's sum.
  std::array<PerSegment, 4> sums{};
  ForEachWords(prf, tag, ids, count, [&](size_t start, std::span<const uint32_t> words) {
    uint8_t* to = segment_of + start;
    const double* from = weights + start;
    for (size_t i = 0; i < words.size(); ++i) to[i] = static_cast<uint8_t>(SegmentOf(words[i], segments));
    size_t i = 0;
    for (; i + 4 <= words.size(); i += 4) {
      for (size_t j = 0; j < 4; ++j) sums[j][to[i + j]] += from[i + j];
    }
    for (; i < words.size(); ++i) sums[0][to[i]] += from[i];
  });
  for (size_t j = 0; j < segments; ++j) share[j] = ((sums[0][j] + sums[1][j]) + (sums[2][j] + sums[3][j])) / markable;
}

// Shares after marking, from those before: N8.4's l * pi(c, j).
void Reweight(const PerSegment& before, uint32_t segments, uint32_t channel, PerSegment& after) {
  double over_all = 0;  // D
  for (size_t j = 0; j < segments; ++j) over_all += std::max(0.0, segments * before[j] - 1);
  const double hit = std::min(1.0, segments * before[channel]);
  for (size_t j = 0; j < segments; ++j) {
    const double over = std::max(0.0, segments * before[j] - 1);
    after[j] = over > 0 ? (1 - hit) * (over / over_all) : 0;
  }
  after[channel] = hit;
}

template <class Real>
void Mark(const Profile& profile, const Prf& prf, const Tag& tag, const RowView<Real>& row, Workspace& workspace, Masses* masses) {
  workspace.weights.resize(row.count);
  workspace.bits.resize(row.count);
  uint8_t* segment_of = workspace.bits.data();
  const Weights sums = Weigh(row, workspace.weights.data());
  const double normalise = -static_cast<double>(row.max) - std::log(sums.all());  // ln P = logit + normalise
  if (masses != nullptr) *masses = {.special = sums.special_share()};
  if (!(sums.markable > 0)) return Shift(row, normalise);
  const uint32_t segments = Segments(profile), channel = SegmentOf(tag.channel(), segments);
  PerSegment before, after, ln_factor;
  Split(prf, tag, row.ids, row.count, workspace.weights.data(), sums.markable, segments, segment_of, before);
  Reweight(before, segments, channel, after);
  for (size_t j = 0; j < segments; ++j) {
    ln_factor[j] = after[j] > 0 ? std::log(after[j] / before[j]) : -std::numeric_limits<double>::infinity();
  }
  PerSegment shift;
  for (size_t j = 0; j < segments; ++j) shift[j] = normalise + ln_factor[j];
  ForEachStretch(
      row,
      [&](size_t first, size_t end) {
        for (size_t i = first; i < end; ++i) row.logits[i] = static_cast<Real>(row.logits[i] + shift[segment_of[i]]);
      },
      [&](size_t first, size_t end) {
        for (size_t i = first; i < end; ++i) row.logits[i] = static_cast<Real>(row.logits[i] + normalise);
      });
  if (masses == nullptr) return;
  double kl_qp = 0, kl_pq = 0, tv = 0;
  for (size_t j = 0; j < segments; ++j) {
    if (after[j] > 0) kl_qp += after[j] * ln_factor[j];
    if (before[j] > 0) kl_pq -= before[j] * ln_factor[j];
    tv += std::max(0.0, after[j] - before[j]);
  }
  masses->green = before[channel];
  // Differences of nearly equal numbers may come out as -1e-17 where there is no price.
  masses->kl_qp = sums.markable_share() * std::max(0.0, kl_qp);
  masses->kl_pq = sums.markable_share() * std::max(0.0, kl_pq);
  masses->tv = sums.markable_share() * tv;
}

}  // namespace

extern const Scheme kMultichannel;
const Scheme kMultichannel = {
    "multichannel",
    "MCmark, arXiv:2502.11268",
    "ids fall into segments, a window's channel names the one that gets the most mass it can without bias",
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
