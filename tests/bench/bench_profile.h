// The profile that the benchmarks share: green, gamma 1/4, h 2, as `profile new` makes it without options.
#pragma once

#include <cstdint>
#include <string>

#include "watermark/json.h"
#include "watermark/profile.h"

namespace verdigris {

inline Profile BenchProfile(uint32_t vocab, int share, bool plain) {
  const Json object = Json::FromMembers({{"scheme", "green"},
                                         {"prf", "verdigris/1/aes256"},
                                         {"normaliser", "none/1"},
                                         {"tokenizer_sha256", std::string(64, 'a')},
                                         {"unmarked_ids", Json::Array{Json::Array{int64_t{0}, int64_t{2}}}},
                                         {"window", int64_t{2}},
                                         {"vocab", int64_t{vocab}},
                                         {"provider_share", int64_t{share}},
                                         {"planes", int64_t{2}},
                                         {"threshold", int64_t{1}}});
  SamplerSettings sampler;
  if (plain) sampler.specials = SamplerSettings::Specials::kPlain;
  return *Profile::Create(object, sampler);
}

}  // namespace verdigris
