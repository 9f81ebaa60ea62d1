// Keys that are nobody's, the same in every run.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "watermark/key.h"

namespace verdigris::testing {

// derive(tagged("decoy-seed", id), "decoy", u32be(i)): the test keys of statistics.md section 11.
inline Key TestKey(const std::string& id, uint32_t i) {
  const Key seed(TaggedHash("decoy-seed", {AsBytes(id)}));
  const uint8_t number[4] = {static_cast<uint8_t>(i >> 24), static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
  std::array<uint8_t, kKeyBytes> bytes;
  Derive(seed, "decoy", number, bytes);
  return Key(bytes);
}

}  // namespace verdigris::testing
