// Members of one JSON text, found without building it (corpus.md C2, C15).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace verdigris::verify {

// The names, or places in arrays, that lead from the top to a value: of a name it is that name, of a JSON Pointer (RFC 6901) its
// parts.
using JsonPath = std::vector<std::string>;
JsonPath ParseJsonPath(std::string_view field);

// A value as it stands in the text; empty where there is none.
struct JsonSpan {
  std::string_view raw;
  bool duplicate = false;  // a name on the path to it stands twice in one object; `raw` is the first

  bool is_string() const { return !raw.empty() && raw[0] == '"'; }
};

// Finds the value behind each of `paths`. False where `text` is not one JSON value with white space around it (RFC 8259), or is
// nested above 64 levels. Of UTF-8 nothing is asked: ill-formed bytes in strings are left to who reads them.
bool FindInJson(std::string_view text, std::span<const JsonPath> paths, std::span<JsonSpan> found);

// What a string stands for; a view of `raw` where it has no escape, else of `buffer`, which only grows. A surrogate that is not one of a pair becomes
// its three bytes, which are no UTF-8. Precondition: `raw` comes from FindInJson and is_string().
std::string_view DecodeJsonString(std::string_view raw, std::string& buffer);

enum class JsonIds { kIds, kNotIds, kOutOfRange };
// An array of integers from 0 to 2^24 - 1. Precondition: `raw` comes from FindInJson.
JsonIds DecodeJsonIds(std::string_view raw, std::vector<uint32_t>& ids);

}  // namespace verdigris::verify
