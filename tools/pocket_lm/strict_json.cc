// nlohmann-json keeps the last of two members with one name, so two readers of a file could take it for two models; the
// names of every open object are kept here to see it. Its parser and its destructor do not recurse, so depth costs
// memory only; the bound on depth is for the code that walks the value.
//
// Tested by tests/tools/safetensors_test.cc, tests/tools/pocket_lm_test.cc and tests/fuzz/fuzz_safetensors.cc.
#include "tools/pocket_lm/strict_json.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace verdigris::pocket {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kMaxQuoted = 128;

}  // namespace

Result<nlohmann::json> ParseStrictJson(std::string_view text, size_t max_bytes, std::string_view what) {
  const std::string name(what);
  if (text.size() > max_bytes) {
    return Fail(ErrorKind::kLimit, name + " must have at most " + std::to_string(max_bytes) + " bytes, has " +
                                       std::to_string(text.size()));
  }
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::set<std::string>> names;  // of the objects that are open
  bool twice = false, deep = false;
  const auto watch = [&](int depth, Event event, nlohmann::json& value) {
    deep = deep || depth > kMaxDepth;
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key) twice = !names.back().insert(value.get_ref<const std::string&>()).second || twice;
    return true;
  };
  nlohmann::json value = nlohmann::json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (value.is_discarded()) return Fail(ErrorKind::kMalformed, name + " is not JSON");
  if (deep) return Fail(ErrorKind::kMalformed, name + " is nested deeper than " + std::to_string(kMaxDepth));
  if (twice) return Fail(ErrorKind::kMalformed, name + " has two members of one name");
  if (!value.is_object()) return Fail(ErrorKind::kMalformed, name + " is not a JSON object");
  return value;
}

std::string Quoted(std::string_view text) {
  const bool harmless = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (harmless && text.size() <= kMaxQuoted) return "'" + std::string(text) + "'";
  return "of " + std::to_string(text.size()) + " bytes";
}

}  // namespace verdigris::pocket
