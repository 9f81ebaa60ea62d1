// Language models of a few ids, whose next-token law depends on the last two: enough to mark text, to be trained on it, and
// to copy from a prompt, thousands of times in a test.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "tests/watermark/testing.h"
#include "verify/suspect/evidence.h"
#include "watermark/schemes.h"

namespace verdigris::testing {

class ToyModel {
 public:
  static constexpr uint32_t kVocab = 32;
  static constexpr uint32_t kFirstId = 3;  // ids 0 to 2 are special and are never written

  // Logits: one normal an id, and one an id and window.
  explicit ToyModel(uint64_t seed) : logits_(kVocab * kVocab * kVocab) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    std::vector<double> common(kVocab);
    for (double& x : common) x = 1.2 * normal(random);
    for (size_t i = 0; i < logits_.size(); ++i) logits_[i] = static_cast<float>(common[i % kVocab] + 1.6 * normal(random));
    Normalize();
  }
  // Near the first, but a model of its own.
  static ToyModel Relative(const ToyModel& model, uint64_t seed) {
    ToyModel out(seed);
    for (size_t i = 0; i < out.logits_.size(); ++i) out.logits_[i] = 0.8f * model.logits_[i] + 0.6f * out.logits_[i];
    out.Normalize();
    return out;
  }

  // ln p of each id after a, b; -inf for the special ones.
  std::span<const float> After(uint32_t a, uint32_t b) const { return {logits_.data() + (a * kVocab + b) * kVocab, kVocab}; }

  std::vector<verify::ListEntry> ListAfter(uint32_t a, uint32_t b) const {
    std::vector<verify::ListEntry> list;
    for (uint32_t id = kFirstId; id < kVocab; ++id) list.push_back({id, verify::FixedProbability(After(a, b)[id])});
    return list;
  }

 private:
  void Normalize() {
    for (size_t w = 0; w < logits_.size(); w += kVocab) {
      double sum = 0;
      for (uint32_t id = 0; id < kVocab; ++id) {
        if (id < kFirstId) logits_[w + id] = -std::numeric_limits<float>::infinity();
        sum += std::exp(static_cast<double>(logits_[w + id]));
      }
      for (uint32_t id = 0; id < kVocab; ++id) logits_[w + id] -= static_cast<float>(std::log(sum));
    }
  }
  std::vector<float> logits_;
};

inline Profile ToyProfile(const Scheme& scheme) {
  nlohmann::json object = SchemeObject(scheme, ToyModel::kVocab);
  SamplerSettings sampler;
  if (!scheme.unbiased) sampler.delta_milli = 3000;
  return *MakeProfile(object, sampler);
}

inline uint32_t Draw(std::span<const float> ln_p, std::mt19937_64& random) {
  double left = static_cast<double>(random() >> 11) * 0x1p-53;
  for (uint32_t id = 0; id < ln_p.size(); ++id) {
    left -= std::exp(static_cast<double>(ln_p[id]));
    if (left < 0) return id;
  }
  return ToyModel::kVocab - 1;
}

// `length` ids, the first two at random. `marker`: null for unmarked text. `copy`: with weight .3 the next id is what last
// followed the same window in these ids.
inline std::vector<uint32_t> WriteToy(const ToyModel& model, const Marker* marker, size_t length, std::mt19937_64& random,
                                      const std::vector<uint32_t>* copy = nullptr) {
  std::vector<uint32_t> ids;
  std::vector<float> row;
  while (ids.size() < length) {
    if (ids.size() < 2) {
      ids.push_back(ToyModel::kFirstId + static_cast<uint32_t>(random() % (ToyModel::kVocab - ToyModel::kFirstId)));
      continue;
    }
    const uint32_t a = ids[ids.size() - 2], b = ids.back();
    if (copy != nullptr && random() % 10 < 3) {
      bool found = false;
      for (size_t t = copy->size(); t-- > 2 && !found;) {
        if ((*copy)[t - 2] == a && (*copy)[t - 1] == b) ids.push_back((*copy)[t]), found = true;
      }
      if (found) continue;
    }
    const auto ln_p = model.After(a, b);
    row.assign(ln_p.begin(), ln_p.end());
    if (marker != nullptr) {
      const auto price = marker->Mark(ids, Repeat::kFind, Mode::kDistribution, {LogitType::kF32, row.data(), row.size()});
      if (!price) std::abort();
    }
    ids.push_back(Draw(row, random));
  }
  return ids;
}

}  // namespace verdigris::testing
