// The profiles that the benchmarks share: h 2 and a scheme's defaults, as `profile new` makes them without options.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "watermark/json.h"
#include "watermark/profile.h"
#include "watermark/schemes.h"

namespace verdigris {

inline Profile BenchProfile(uint32_t vocab, int share, bool plain, std::string_view scheme = "green") {
  Json::Array special;
  special.emplace_back(Json::Array{int64_t{0}, int64_t{2}});  // in braces, clang would copy the inner array
  Json::Object members = {{"scheme", std::string(scheme)},
                          {"prf", "verdigris/1/aes256"},
                          {"normaliser", "none/1"},
                          {"tokenizer_sha256", std::string(64, 'a')},
                          {"unmarked_ids", std::move(special)},
                          {"window", int64_t{2}},
                          {"vocab", int64_t{vocab}},
                          {"provider_share", int64_t{share}}};
  for (const ParamSpec& param : FindScheme(scheme)->params) members.emplace_back(param.name, param.default_value);
  SamplerSettings sampler;
  if (plain) sampler.specials = SamplerSettings::Specials::kPlain;
  return *Profile::Create(Json::FromMembers(std::move(members)), sampler);
}

}  // namespace verdigris
