// What the tests of watermark/ share: vectors into our types, and keys that are nobody's.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "tests/test_keys.h"
#include "watermark/json.h"
#include "watermark/key.h"
#include "watermark/key_file.h"
#include "watermark/marker.h"
#include "watermark/profile.h"

namespace verdigris::testing {

inline nlohmann::json ReadJsonFile(const std::string& name) {
  std::ifstream in(VERDIGRIS_SOURCE_DIR "/tests/vectors/" + name);
  REQUIRE_MESSAGE(in.good(), name);
  return nlohmann::json::parse(in);
}

inline std::vector<uint8_t> Unhex(const std::string& text) {
  std::vector<uint8_t> bytes(text.size() / 2);
  REQUIRE(ParseHex(text, bytes));
  return bytes;
}

inline Key KeyFromHex(const std::string& text) {
  const auto bytes = Unhex(text);
  REQUIRE(bytes.size() == kKeyBytes);
  return Key(std::span<const uint8_t, kKeyBytes>(bytes.data(), kKeyBytes));
}

inline Json ToJson(const nlohmann::json& value) {
  auto json = ParseJson(value.dump());
  REQUIRE(json.has_value());
  return *json;
}

inline Result<Profile> MakeProfile(const nlohmann::json& scheme, const SamplerSettings& sampler = {}) {
  return Profile::Create(ToJson(scheme), sampler);
}

// A scheme object of the table's defaults.
inline nlohmann::json SchemeObject(const Scheme& scheme, uint32_t vocab, int share = kFullShare, int window = 2) {
  nlohmann::json object = {{"scheme", std::string(scheme.name)}, {"prf", "verdigris/1/aes256"}, {"normaliser", "none/1"},
                           {"tokenizer_sha256", std::string(64, 'a')}, {"unmarked_ids", nlohmann::json::array({{0, 2}})},
                           {"window", window}, {"vocab", vocab}, {"provider_share", share}};
  if (vocab <= 3) object["unmarked_ids"] = nlohmann::json::array();
  for (const ParamSpec& param : scheme.params) object[std::string(param.name)] = param.default_value;
  return object;
}

inline KeyFile LayerKeyFile(const Profile& profile, KeyRole role, Key key, const std::string& account = "") {
  return KeyFile{role, profile.scheme_id(), 0, account, "2027-01-01T00:00:00Z", std::move(key)};
}

inline std::string Sha256Hex(std::span<const uint8_t> bytes) { return Hex(Sha256(bytes)); }

}  // namespace verdigris::testing
