// A tokenizer.json is a program of parts; the parts that byte-level models are made of are known here and every other one is refused
// by its name: a part that was passed over would change ids without a word. Regular expressions are recognised, never run.
//
// Two things of the library that its file does not show. Added tokens that are `normalized` are looked for after the others, in what
// those left. And ids of added tokens are given by the library, whatever the file says: a file that says otherwise is refused.
// Tested by tests/verify/text/tokenizer_json_test.cc.
#include "verify/text/tokenizer_json.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "verify/text/bpe_names.h"

namespace verdigris::verify {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::string_view kHint = "; for a SentencePiece tokenizer give its .model file";

// `hint`: what to do instead, if anything.
Unexpected Refused(const std::string& name, std::string_view hint = "") {
  return Fail(ErrorKind::kUnsupported, name + " is not supported" + std::string(hint));
}
Unexpected Wrong(const std::string& name, std::string_view must) { return Fail(ErrorKind::kMalformed, name + " must be " + std::string(must)); }

bool IsNull(object from, std::string_view name) {
  element value;
  return from[name].get(value) != simdjson::SUCCESS || value.is_null();
}

// Every member is one of `known`, and there once.
Result<void> CheckMembers(object from, const std::string& path, std::initializer_list<std::string_view> known) {
  std::set<std::string_view> seen;
  for (const auto& field : from) {
    const std::string name = path + std::string(field.key);
    if (std::find(known.begin(), known.end(), field.key) == known.end()) return Refused(name);
    if (!seen.insert(field.key).second) return Fail(ErrorKind::kMalformed, name + " is there twice");
  }
  return {};
}

Result<std::string_view> TextOf(object from, const std::string& path, std::string_view name) {
  std::string_view text;
  if (from[name].get(text) != simdjson::SUCCESS) return Wrong(path + std::string(name), "a string");
  return text;
}

Result<bool> BoolOf(object from, const std::string& path, std::string_view name) {
  bool value = false;
  if (from[name].get(value) != simdjson::SUCCESS) return Wrong(path + std::string(name), "true or false");
  return value;
}

// Absent, or null, is `absent`.
Result<bool> BoolOr(object from, const std::string& path, std::string_view name, bool absent) {
  return IsNull(from, name) ? Result<bool>(absent) : BoolOf(from, path, name);
}

// NFC, or a sequence of these; true where there is one.
Result<bool> ReadNormalizer(element value, int depth = 0) {
  if (value.is_null()) return false;
  object part;
  if (value.get(part) != simdjson::SUCCESS) return Wrong("normalizer", "an object or null");
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view type, TextOf(part, "normalizer.", "type"));
  if (type == "NFC") {
    VERDIGRIS_RETURN_IF_ERROR(CheckMembers(part, "normalizer.NFC.", {"type"}));
    return true;
  }
  if (type != "Sequence" || depth > 0) return Refused("normalizer." + std::string(type), kHint);
  VERDIGRIS_RETURN_IF_ERROR(CheckMembers(part, "normalizer.Sequence.", {"type", "normalizers"}));
  array parts;
  if (part["normalizers"].get(parts) != simdjson::SUCCESS) return Wrong("normalizer.Sequence.normalizers", "an array");
  bool composes = false;
  for (const element each : parts) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool one, ReadNormalizer(each, 1));
    composes = composes || one;
  }
  return composes;
}

// What one pre-tokenizer does.
struct Step {
  enum class Kind : uint8_t { kBytes, kGpt2Bytes, kSplit, kDigits } kind;
  Pattern pattern = Pattern::kGpt2;
};

Result<Step> ReadStep(element value) {
  object part;
  if (value.get(part) != simdjson::SUCCESS) return Wrong("pre_tokenizer", "an object");
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view type, TextOf(part, "pre_tokenizer.", "type"));
  const std::string path = "pre_tokenizer." + std::string(type) + ".";
  if (type == "ByteLevel") {
    VERDIGRIS_RETURN_IF_ERROR(CheckMembers(part, path, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
    VERDIGRIS_ASSIGN_OR_RETURN(const bool prefix, BoolOf(part, path, "add_prefix_space"));
    if (prefix) return Refused(path + "add_prefix_space");
    VERDIGRIS_ASSIGN_OR_RETURN(const bool regex, BoolOr(part, path, "use_regex", true));
    return Step{regex ? Step::Kind::kGpt2Bytes : Step::Kind::kBytes};
  }
  if (type == "Digits") {
    VERDIGRIS_RETURN_IF_ERROR(CheckMembers(part, path, {"type", "individual_digits"}));
    VERDIGRIS_ASSIGN_OR_RETURN(const bool individual, BoolOf(part, path, "individual_digits"));
    if (!individual) return Refused(path + "individual_digits");
    return Step{Step::Kind::kDigits};
  }
  if (type != "Split") return Refused("pre_tokenizer." + std::string(type), kHint);
  VERDIGRIS_RETURN_IF_ERROR(CheckMembers(part, path, {"type", "pattern", "behavior", "invert"}));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view behavior, TextOf(part, path, "behavior"));
  if (behavior != "Isolated") return Refused(path + "behavior");
  VERDIGRIS_ASSIGN_OR_RETURN(const bool invert, BoolOf(part, path, "invert"));
  if (invert) return Refused(path + "invert");
  object pattern;
  std::string_view expression;
  if (part["pattern"].get(pattern) != simdjson::SUCCESS || pattern["Regex"].get(expression) != simdjson::SUCCESS || pattern.size() != 1) {
    return Refused(path + "pattern");
  }
  const std::optional<Pattern> known = PatternOfExpression(expression);
  if (!known) return Refused(path + "pattern");
  return Step{Step::Kind::kSplit, *known};
}

Result<Pattern> ReadPreTokenizer(element value) {
  if (value.is_null()) return Refused("pre_tokenizer null");
  std::vector<Step> steps;
  std::string_view type;
  array parts;
  if (value["type"].get(type) == simdjson::SUCCESS && type == "Sequence") {
    object sequence;
    if (value.get(sequence) != simdjson::SUCCESS) return Wrong("pre_tokenizer", "an object");
    VERDIGRIS_RETURN_IF_ERROR(CheckMembers(sequence, "pre_tokenizer.Sequence.", {"type", "pretokenizers"}));
    if (sequence["pretokenizers"].get(parts) != simdjson::SUCCESS) return Wrong("pre_tokenizer.Sequence.pretokenizers", "an array");
    if (parts.size() > 2) return Refused("pre_tokenizer.Sequence of " + std::to_string(parts.size()));
    for (const element each : parts) {
      VERDIGRIS_ASSIGN_OR_RETURN(const Step step, ReadStep(each));
      steps.push_back(step);
    }
  } else {
    VERDIGRIS_ASSIGN_OR_RETURN(const Step step, ReadStep(value));
    steps.push_back(step);
  }
  using Kind = Step::Kind;
  const auto is = [&](std::initializer_list<Kind> kinds) {
    return std::equal(steps.begin(), steps.end(), kinds.begin(), kinds.end(), [](const Step& step, Kind kind) { return step.kind == kind; });
  };
  if (is({Kind::kGpt2Bytes})) return Pattern::kGpt2;
  if (is({Kind::kSplit, Kind::kBytes})) return steps[0].pattern;
  if (is({Kind::kDigits, Kind::kGpt2Bytes})) return Pattern::kSmolLm;
  if (is({Kind::kBytes})) return Refused("pre_tokenizer.ByteLevel.use_regex false");
  return Refused("this order of pre_tokenizer.Sequence");
}

Result<void> ReadModel(object model, NamedVocabulary& names, ByteBpeModel& out) {
  VERDIGRIS_RETURN_IF_ERROR(CheckMembers(model, "model.", {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                                                           "byte_fallback", "ignore_merges", "vocab", "merges"}));
  double dropout = 0;
  if (!IsNull(model, "dropout") && (model["dropout"].get(dropout) != simdjson::SUCCESS || dropout != 0)) return Refused("model.dropout");
  VERDIGRIS_ASSIGN_OR_RETURN(const bool fallback, BoolOr(model, "model.", "byte_fallback", false));
  if (fallback) return Refused("model.byte_fallback", kHint);
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    std::string_view text;
    if (!IsNull(model, name) && (model[name].get(text) != simdjson::SUCCESS || !text.empty())) return Refused(std::string("model.") + name);
  }
  VERDIGRIS_ASSIGN_OR_RETURN(out.whole_pieces_first, BoolOr(model, "model.", "ignore_merges", false));
  object vocab;
  if (model["vocab"].get(vocab) != simdjson::SUCCESS) return Wrong("model.vocab", "an object");
  if (auto added = names.Add(vocab); !added) return Fail(added.error().kind, "model.vocab: " + added.error().message);
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    constexpr char kHex[] = "0123456789ABCDEF";
    if (out.tokens.Find({&c, 1}) == kNoToken) return Refused(std::string("model.vocab.byte 0x") + kHex[byte / 16] + kHex[byte % 16] + " missing");
  }
  array merges;
  if (model["merges"].get(merges) != simdjson::SUCCESS) return Wrong("model.merges", "an array");
  for (const element each : merges) {
    std::string_view line, left, right;
    array pair;
    ByteBpeModel::Merge merge;
    const std::string place = "model.merges[" + std::to_string(out.merges.size()) + "]";
    bool found = false;
    if (each.get(line) == simdjson::SUCCESS) {
      found = names.MergeOf(line, merge);
    } else if (each.get(pair) == simdjson::SUCCESS && pair.size() == 2 && pair.at(0).get(left) == simdjson::SUCCESS &&
               pair.at(1).get(right) == simdjson::SUCCESS) {
      found = names.MergeOf(left, right, merge);
    } else {
      return Wrong(place, "a string or a pair of strings");
    }
    if (!found) return Refused(place + ": a part or the result that is not in the vocabulary");
    if (out.merges.size() >= kIdLimit) return Fail(ErrorKind::kLimit, "model.merges: more than 2^24");
    out.merges.push_back(merge);
  }
  return {};
}

Result<void> ReadAdded(array list, NamedVocabulary& names, ByteBpeModel& out) {
  std::map<std::string_view, uint32_t> ids;
  uint32_t next = names.size();
  size_t index = 0;
  for (const element each : list) {
    ByteBpeModel::Added added;
    added.place = "added_tokens[" + std::to_string(index++) + "]";
    const std::string path = added.place + ".";
    object token;
    if (each.get(token) != simdjson::SUCCESS) return Wrong(added.place, "an object");
    VERDIGRIS_RETURN_IF_ERROR(CheckMembers(token, path, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}));
    for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool set, BoolOf(token, path, flag));
      if (set) return Refused(path + flag);
    }
    VERDIGRIS_ASSIGN_OR_RETURN(added.second, BoolOf(token, path, "normalized"));
    if (added.second && out.compose) return Refused(path + "normalized with a normalizer");
    VERDIGRIS_ASSIGN_OR_RETURN(added.special, BoolOf(token, path, "special"));
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view content, TextOf(token, path, "content"));
    uint64_t id = 0;
    if (token["id"].get(id) != simdjson::SUCCESS || id >= kIdLimit) return Wrong(path + "id", "an integer below 2^24");
    uint32_t expected = names.Find(content);
    if (expected == kNoToken) {
      expected = next;
      if (auto put = out.tokens.Add(expected, content, /*reachable=*/false); !put) return Fail(put.error().kind, added.place + ": " + put.error().message);
    }
    if (!ids.emplace(content, expected).second) return Fail(ErrorKind::kMalformed, added.place + " is there twice");
    if (expected >= next) next = expected + 1;
    if (id != expected) return Refused(path + "id " + std::to_string(id) + ", where tokenizers gives " + std::to_string(expected));
    added.id = expected;
    added.bytes = content;
    if (added.special) out.special_ids.push_back({added.id, added.id});
    out.added.push_back(std::move(added));
  }
  return {};
}

}  // namespace

JsonKind KindOfJson(std::string_view file) {
  simdjson::dom::parser parser;
  const auto json = ParseTokenizerJson(parser, file);
  object top, model;
  if (!json || json->get(top) != simdjson::SUCCESS || top.size() == 0) return JsonKind::kOther;
  if (top["model"].get(model) == simdjson::SUCCESS) return JsonKind::kTokenizer;
  return (*top.begin()).value.is_uint64() ? JsonKind::kVocabulary : JsonKind::kOther;
}

Result<ByteBpeModel> ReadTokenizerJson(std::string_view file) {
  simdjson::dom::parser parser;
  VERDIGRIS_ASSIGN_OR_RETURN(const element json, ParseTokenizerJson(parser, file));
  object top, model;
  if (json.get(top) != simdjson::SUCCESS) return Wrong("tokenizer.json", "an object");
  VERDIGRIS_RETURN_IF_ERROR(CheckMembers(top, "", {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
                                                   "decoder", "model"}));
  if (top["model"].get(model) != simdjson::SUCCESS) return Wrong("model", "an object");
  std::string_view type;
  if (model["type"].get(type) != simdjson::SUCCESS || type != "BPE") return Refused("model.type " + std::string(type), kHint);
  ByteBpeModel out;
  out.kind = "tokenizer.json";
  element part;
  if (top["normalizer"].get(part) == simdjson::SUCCESS) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.compose, ReadNormalizer(part));
  }
  if (top["pre_tokenizer"].get(part) != simdjson::SUCCESS) return Refused("pre_tokenizer missing");
  VERDIGRIS_ASSIGN_OR_RETURN(out.pattern, ReadPreTokenizer(part));
  NamedVocabulary names(out.tokens);
  VERDIGRIS_RETURN_IF_ERROR(ReadModel(model, names, out));
  if (!IsNull(top, "added_tokens")) {
    array added;
    if (top["added_tokens"].get(added) != simdjson::SUCCESS) return Wrong("added_tokens", "an array");
    VERDIGRIS_RETURN_IF_ERROR(ReadAdded(added, names, out));
  }
  out.vocab = out.tokens.end();
  out.digest = Sha256(AsBytes(file));
  return out;
}

}  // namespace verdigris::verify
