// green: a keyed green list a window; ids on it get delta nats.
//
// Source   Kirchenbauer et al. 2023, arXiv:2301.10226, alg. 2. Departure: green by a draw per id (native-schemes.md
//          N8.1), so the list has gamma*V ids on average, not exactly, and colours of different ids are independent.
// Draws    bit planes (N7): 128 ids share one block a plane; u(v) is read with the first plane as its highest bit, and v
//          is green iff u(v) < threshold, so gamma = threshold / 2^planes exactly.
// Tested by tests/watermark/green_test.cc (native.json `green_masks`, `green_thresholds`, `marks`, `prices`, `scored`)
// and all_schemes_test.cc.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "watermark/profile.h"
#include "watermark/scheme.h"

namespace verdigris {
namespace {

constexpr ParamSpec kParams[] = {{"planes", 1, 8, 2}, {"threshold", 1, 255, 1}};
constexpr uint32_t kIdsPerGroup = 128;
constexpr size_t kMaxPlanes = 8;

struct Colours {
  explicit Colours(const Profile& profile)
      : planes(static_cast<size_t>(profile.params()[0])), threshold(static_cast<uint32_t>(profile.params()[1])) {}
  size_t planes;
  uint32_t threshold;
};

const char* Check(std::span<const int64_t> params) {
  return params[1] < int64_t{1} << params[0] ? nullptr : "threshold must be below 2^planes";
}

NullLaw Law(const Profile& profile) {
  const Colours colours(profile);
  return NullLaw::Bernoulli(colours.threshold, uint32_t{1} << colours.planes);
}

// g a / (1 - g + g a), a = exp(delta / 3); divided by a, so that a large delta does not overflow.
double ReferenceEffect(const Profile& profile) {
  const NullLaw law = Law(profile);
  const double g = static_cast<double>(law.numerator) / law.denominator;
  return g / (g + (1 - g) * std::exp(-profile.delta_nats() / 3));
}

// Greens of whole groups: `planes` blocks a group in, 16 bytes of mask a group out. Compares bit by bit from the
// highest plane: less is set once a plane is 0 where the threshold has 1, as long as all planes before were equal.
template <size_t kPlanes>
void CompareGroups(const uint8_t* blocks, size_t groups, uint32_t threshold, uint8_t* mask) {
  uint64_t wanted[kPlanes];
  for (size_t p = 0; p < kPlanes; ++p) wanted[p] = threshold >> (kPlanes - 1 - p) & 1 ? ~uint64_t{0} : 0;
  for (size_t g = 0; g < groups; ++g) {
    for (size_t half = 0; half < 2; ++half) {
      uint64_t less = 0, equal = ~uint64_t{0};
      for (size_t p = 0; p < kPlanes; ++p) {
        uint64_t plane;
        std::memcpy(&plane, blocks + (g * kPlanes + p) * kBlockBytes + 8 * half, sizeof plane);
        less |= equal & ~plane & wanted[p];
        equal &= ~(plane ^ wanted[p]);
      }
      std::memcpy(mask + g * kBlockBytes + 8 * half, &less, sizeof less);
    }
  }
}

using CompareFunction = void (*)(const uint8_t*, size_t, uint32_t, uint8_t*);
constexpr CompareFunction kCompare[kMaxPlanes] = {CompareGroups<1>, CompareGroups<2>, CompareGroups<3>, CompareGroups<4>,
                                                  CompareGroups<5>, CompareGroups<6>, CompareGroups<7>, CompareGroups<8>};

// Raw mask of ids 0..count-1.
void MaskOfAll(const Colours& colours, const Prf& prf, const Tag& tag, size_t count, uint8_t* bits) {
  const size_t groups_at_once = Prf::kChunkBlocks / colours.planes;
  alignas(64) uint8_t blocks[Prf::kChunkBlocks * kBlockBytes];
  const size_t whole = count / kIdsPerGroup;
  for (size_t g = 0; g < whole; g += groups_at_once) {
    const size_t groups = std::min(groups_at_once, whole - g);
    prf.Keystream(tag, static_cast<uint32_t>(g * colours.planes), groups * colours.planes, blocks);
    kCompare[colours.planes - 1](blocks, groups, colours.threshold, bits + g * kBlockBytes);
  }
  if (const size_t rest = count % kIdsPerGroup; rest != 0) {
    uint8_t last[kBlockBytes];
    prf.Keystream(tag, static_cast<uint32_t>(whole * colours.planes), colours.planes, blocks);
    kCompare[colours.planes - 1](blocks, 1, colours.threshold, last);
    if (rest % 8 != 0) last[rest / 8] = static_cast<uint8_t>(last[rest / 8] & ((1u << rest % 8) - 1));
    std::memcpy(bits + whole * kBlockBytes, last, (rest + 7) / 8);
  }
}

// Colours of single tuples, `visit(i, green)`; tags[i] is that of ids[i]'s window.
template <size_t kPlanes, class Visit>
void ColourEachOf(uint32_t threshold, const Prf& prf, DrawTags tags, const uint32_t* ids, size_t count, Visit&& visit) {
  constexpr size_t kBatch = 256 / kPlanes;
  uint32_t first[kBatch];
  uint8_t blocks[kBatch * kPlanes * kBlockBytes];
  for (size_t start = 0; start < count; start += kBatch) {
    const size_t batch = std::min(kBatch, count - start);
    for (size_t i = 0; i < batch; ++i) first[i] = kPlanes * (ids[start + i] / kIdsPerGroup);
    prf.Blocks<kPlanes>(tags.From(start), first, batch, blocks);
    for (size_t i = 0; i < batch; ++i) {
      const uint32_t v = ids[start + i];
      const uint8_t* byte = blocks + i * kPlanes * kBlockBytes + (v % kIdsPerGroup) / 8;
      uint32_t u = 0;
      for (size_t p = 0; p < kPlanes; ++p) u = u << 1 | (byte[p * kBlockBytes] >> (v & 7) & 1u);
      visit(start + i, u < threshold);
    }
  }
}

template <class Visit>
void ColourEach(const Colours& colours, const Prf& prf, DrawTags tags, const uint32_t* ids, size_t count, Visit&& visit) {
  const auto run = [&]<size_t kPlanes>() { ColourEachOf<kPlanes>(colours.threshold, prf, tags, ids, count, visit); };
  switch (colours.planes) {
    case 1: return run.template operator()<1>();
    case 2: return run.template operator()<2>();
    case 3: return run.template operator()<3>();
    case 4: return run.template operator()<4>();
    case 5: return run.template operator()<5>();
    case 6: return run.template operator()<6>();
    case 7: return run.template operator()<7>();
    default: return run.template operator()<8>();
  }
}

void Mask(const Profile& profile, const Prf& prf, const Tag& tag, const uint32_t* ids, size_t count, uint8_t* bits) {
  const Colours colours(profile);
  if (ids == nullptr) return MaskOfAll(colours, prf, tag, count, bits);
  std::memset(bits, 0, (count + 7) / 8);
  ColourEach(colours, prf, DrawTags(tag), ids, count,
             [&](size_t i, bool green) { bits[i >> 3] = static_cast<uint8_t>(bits[i >> 3] | (green ? 1u : 0u) << (i & 7)); });
}

void Score(const Profile& profile, const Prf& prf, std::span<const Tag> tags, std::span<const uint32_t> ids, uint64_t* scores) {
  ColourEach(Colours(profile), prf, DrawTags(tags), ids.data(), ids.size(),
             [&](size_t i, bool green) { scores[i] = green; });
}

void Draws(const Profile& profile, const Prf& prf, std::span<const Tag> tags, std::span<const uint32_t> ids, uint32_t* draws) {
  ColourEach(Colours(profile), prf, DrawTags(tags), ids.data(), ids.size(),
             [&](size_t i, bool green) { draws[i] = green; });
}

template <class Real>
void Mark(const Profile& profile, const Prf& prf, const Tag& tag, const RowView<Real>& row, Workspace& workspace, Masses* masses) {
  workspace.bits.resize((row.count + 7) / 8);
  uint8_t* bits = workspace.bits.data();
  Mask(profile, prf, tag, row.ids, row.count, bits);
  ClearBits(row.special, bits);
  const Sums sums = SumExp(row, bits);
  // Where special ids hold all but rounding, the difference may come out as 0 or below, which no part of it can be.
  const double special = std::min(1.0, sums.special / sums.all);
  const double markable = std::max(sums.all - sums.special, sums.chosen);
  const double green = markable > 0 ? std::min(1.0, sums.chosen / markable) : 0;
  const double delta = profile.delta_nats(), a_minus_1 = std::expm1(delta);
  const bool preserve = profile.sampler().specials == SamplerSettings::Specials::kPreserve;
  // Under `plain` special ids take part as ids that are never green.
  const double g = preserve ? green : std::min(1.0, sums.chosen / sums.all);
  const double marked_share = preserve ? 1 - special : 1;
  const double ln_z = std::log1p(a_minus_1 * g);
  const double normalise = -static_cast<double>(row.max) - std::log(sums.all);  // ln P = logit + normalise
  ShiftWhere(row, bits, normalise + delta - ln_z, normalise - ln_z, preserve ? normalise : normalise - ln_z);
  if (masses == nullptr) return;
  const double z = std::exp(ln_z), green_q = (1 + a_minus_1) * g / z;
  masses->green = green;
  masses->special = special;
  // Differences of nearly equal numbers may come out as -1e-17 where there is no price.
  masses->kl_qp = std::max(0.0, marked_share * (delta * green_q - ln_z));
  masses->kl_pq = std::max(0.0, marked_share * (ln_z - delta * g));
  masses->tv = marked_share * a_minus_1 * g * (1 - g) / z;
}

}  // namespace

extern const Scheme kGreen;
const Scheme kGreen = {
    "green",
    "Kirchenbauer et al. 2023, arXiv:2301.10226",
    "ids of a keyed green list get delta nats; the price is known exactly",
    kParams,
    /*unbiased=*/false,
    Check,
    Law,
    ReferenceEffect,
    Score,
    Mark<float>,
    Mark<double>,
    Mask,
    Draws,
};

}  // namespace verdigris
