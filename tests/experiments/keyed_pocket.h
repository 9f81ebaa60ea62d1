// A marker and a judge under one key. Experiments take a fresh key for each text: under one key, texts of a scheme that
// fixes the next token by its window run together at their first common window and are no longer many.
#pragma once

#include <cstdint>
#include <string>

#include "tests/pocket_texts.h"
#include "tests/test_keys.h"
#include "verify/judge.h"

namespace verdigris::testing {

struct KeyedPocket {
  Marker marker;
  verify::JudgeKeys keys;
};

// Under TestKey(id, i).
inline KeyedPocket KeyedPocketOf(const Profile& profile, const std::string& id, uint32_t i) {
  const KeyFile key{KeyRole::kProvider, profile.scheme_id(), 0, "", "2027-01-01T00:00:00Z", TestKey(id, i)};
  const KeyFile* pointer = &key;
  return {Must(Marker::Create(profile, {&pointer, 1})), Must(verify::JudgeKeys::Create(profile, {&pointer, 1}, false))};
}

}  // namespace verdigris::testing
