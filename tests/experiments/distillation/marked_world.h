// The marked teacher of the reference experiment: keys, profile, answers.
#pragma once

#include <optional>

#include "tests/pocket_texts.h"
#include "tests/test_keys.h"

namespace verdigris::testing {

constexpr size_t kAnswerTokens = 240;

// green, gamma 1/4, delta 3. Without accounts every position is the provider's; with them, half of the windows.
inline Profile DistillationProfile(const PocketWorld& world, int64_t window, bool accounts) {
  SamplerSettings sampler;
  sampler.delta_milli = 3000;
  return PocketProfile(world, *FindScheme("green"), accounts ? kFullShare / 2 : kFullShare,
                       {{"window", window}, {"planes", 2}, {"threshold", 1}}, sampler);
}

inline KeyFile DistillationKey(const Profile& profile, KeyRole role, const std::string& account, const std::string& id, uint32_t i) {
  return {role, profile.scheme_id(), 1, account, "2027-01-01T00:00:00Z", TestKey(id, i)};
}

// The keys of one seed; with an account, its own and the selector beside the provider's.
inline std::vector<KeyFile> DistillationKeys(const Profile& profile, uint32_t seed, std::optional<uint32_t> account) {
  std::vector<KeyFile> keys;
  keys.push_back(DistillationKey(profile, KeyRole::kProvider, "", "distillation", seed));
  if (account) {
    const std::string id = "distillation-account-" + std::to_string(seed);
    keys.push_back(DistillationKey(profile, KeyRole::kSelector, "", "distillation-selector", seed));
    keys.push_back(DistillationKey(profile, KeyRole::kAccount, "account-" + std::to_string(*account), id, *account));
  }
  return keys;
}

inline Marker DistillationMarker(const Profile& profile, const std::vector<KeyFile>& keys) {
  std::vector<const KeyFile*> pointers;
  for (const KeyFile& key : keys) pointers.push_back(&key);
  return Must(Marker::Create(profile, pointers));
}

struct MarkedAnswer {
  std::vector<uint32_t> ids;
  bool ended = false;  // by the end of text; else cut at kAnswerTokens
};

inline MarkedAnswer WriteAnswer(const PocketWorld& world, const Marker* marker, const std::vector<uint32_t>& prompt, uint64_t seed) {
  std::mt19937_64 random(seed);
  pocket::Session session(world.model);
  const uint32_t bos = world.model.bos_id();
  Must(session.Feed({&bos, 1}));
  Must(session.Feed(prompt));
  MarkedAnswer answer;
  SamplerBuffers buffers;
  SamplingOptions sampling;
  sampling.top_p = .95;
  std::vector<float> logits;
  while (answer.ids.size() < kAnswerTokens) {
    logits.assign(session.logits().begin(), session.logits().end());
    for (uint32_t id : {0u, bos}) logits[id] = -std::numeric_limits<float>::infinity();
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
    const Drawn drawn = Must(DrawToken(logits, sampling, marker, answer.ids, Repeat::kFind, uniform, buffers));
    answer.ended = drawn.id == world.model.eos_id();
    if (answer.ended) break;
    answer.ids.push_back(drawn.id);
    Must(session.Feed({&drawn.id, 1}));
  }
  return answer;
}

}  // namespace verdigris::testing
