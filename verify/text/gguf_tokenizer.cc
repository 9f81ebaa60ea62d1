// GGUF 2 and 3, little-endian: magic, u32 version, u64 tensors, u64 records; a record is name, u32 type, value; a string is u64 length
// and bytes; an array u32 type, u64 length, elements. Format: ggml-org/ggml docs/gguf.md.
// Tested by tests/verify/text/gguf_tokenizer_test.cc.
#include "verify/text/gguf_tokenizer.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "verify/text/bpe_names.h"

namespace verdigris::verify {
namespace {

constexpr uint64_t kMaxRecords = 1 << 16, kMaxElements = 1 << 24;
constexpr uint64_t kMaxStringBytes = 1 << 24;
constexpr std::string_view kPrefix = "tokenizer.ggml.";

enum Type : uint32_t { kUint32 = 4, kInt32 = 5, kString = 8, kArray = 9, kTypes = 13 };
constexpr size_t kSizes[kTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

// Takes values off the front. After a value that is not whole, `ended` holds and all values are 0 or empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  uint64_t Number(size_t bytes) {
    const std::string_view taken = Take(bytes);
    uint64_t value = 0;
    for (size_t i = taken.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(taken[i]);
    return value;
  }
  std::string_view Take(uint64_t bytes) {
    ended = ended || bytes > rest_.size();
    if (ended) return {};
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  Result<std::string_view> String() {
    const uint64_t bytes = Number(8);
    if (bytes > kMaxStringBytes) return Fail(ErrorKind::kLimit, "a string of " + std::to_string(bytes) + " bytes, the limit is 2^24");
    return Take(bytes);
  }
  const char* at() const { return rest_.data(); }

  bool ended = false;

 private:
  std::string_view rest_;
};

struct Value {
  uint32_t type = 0;          // of the elements, where it is an array
  bool is_array = false;
  uint64_t count = 0;
  std::string_view elements;  // the string itself where it is one
  std::string_view record;    // all of it, with its name
};

Result<Value> ReadValue(Reader& reader) {
  Value value;
  value.type = static_cast<uint32_t>(reader.Number(4));
  value.is_array = value.type == kArray;
  value.count = 1;
  if (value.is_array) {
    value.type = static_cast<uint32_t>(reader.Number(4));
    value.count = reader.Number(8);
    if (value.count > kMaxElements) return Fail(ErrorKind::kLimit, "an array of " + std::to_string(value.count) + ", the limit is 2^24");
    if (value.type == kArray) return Fail(ErrorKind::kUnsupported, "an array of arrays is not supported");
  }
  if (value.type >= kTypes) return Fail(ErrorKind::kMalformed, "type " + std::to_string(value.type));
  if (value.type != kString) {
    value.elements = reader.Take(value.count * kSizes[value.type]);
  } else if (!value.is_array) {
    VERDIGRIS_ASSIGN_OR_RETURN(value.elements, reader.String());
  } else {
    const char* begin = reader.at();
    for (uint64_t i = 0; i < value.count && !reader.ended; ++i) {
      VERDIGRIS_RETURN_IF_ERROR(reader.String());
    }
    if (!reader.ended) value.elements = {begin, static_cast<size_t>(reader.at() - begin)};
  }
  return value;
}

using Records = std::map<std::string_view, Value>;

Result<Value> ArrayOf(const Records& records, const char* name, std::initializer_list<uint32_t> types) {
  const auto at = records.find(std::string(kPrefix) + name);
  if (at == records.end()) return Fail(ErrorKind::kMalformed, std::string(kPrefix) + name + " is missing");
  for (const uint32_t type : types) {
    if (at->second.is_array && at->second.type == type) return at->second;
  }
  return Fail(ErrorKind::kMalformed, std::string(kPrefix) + name + " is of a wrong type");
}

Result<std::string_view> TextOf(const Records& records, const char* name) {
  const auto at = records.find(std::string(kPrefix) + name);
  if (at == records.end()) return std::string_view();
  if (at->second.is_array || at->second.type != kString) return Fail(ErrorKind::kMalformed, std::string(kPrefix) + name + " is of a wrong type");
  return at->second.elements;
}

// What stands in a message; the value comes from a file.
std::string Shown(std::string_view value) {
  std::string shown;
  for (const char c : value.substr(0, 40)) shown += c > ' ' && c <= '~' ? c : '?';
  return shown;
}

// How a `pre` cuts. False where it is not known.
bool ReadPre(std::string_view pre, ByteBpeModel& out) {
  struct Row {
    std::string_view name;
    Pattern pattern;
    bool whole_pieces_first, compose;
  };
  static constexpr Row kRows[] = {
      {"gpt-2", Pattern::kGpt2, false, false},      {"llama-bpe", Pattern::kLlama3, true, false}, {"llama-v3", Pattern::kLlama3, true, false},
      {"llama3", Pattern::kLlama3, true, false},    {"qwen2", Pattern::kQwen2, false, true},      {"qwen35", Pattern::kQwen35, false, true},
      {"gpt-4o", Pattern::kO200k, false, false},    {"llama4", Pattern::kO200k, false, false},    {"smollm", Pattern::kSmolLm, false, false}};
  for (const Row& row : kRows) {
    if (pre != row.name) continue;
    out.pattern = row.pattern;
    out.whole_pieces_first = row.whole_pieces_first;
    out.compose = row.compose;
    return true;
  }
  return false;
}

Result<void> ReadTokens(const Records& records, ByteBpeModel& out) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Value tokens, ArrayOf(records, "tokens", {kString}));
  VERDIGRIS_ASSIGN_OR_RETURN(const Value types, ArrayOf(records, "token_type", {kInt32, kUint32}));
  VERDIGRIS_ASSIGN_OR_RETURN(const Value merges, ArrayOf(records, "merges", {kString}));
  if (types.count != tokens.count) {
    return Fail(ErrorKind::kMalformed, "tokenizer.ggml.token_type has " + std::to_string(types.count) + " elements, tokens " + std::to_string(tokens.count));
  }
  NamedVocabulary names(out.tokens);
  Reader texts(tokens.elements), kinds(types.elements), lines(merges.elements);
  for (uint32_t id = 0; id < tokens.count; ++id) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view text, texts.String());
    const uint64_t kind = kinds.Number(4);
    enum : uint64_t { kText = 1, kUnknown, kControl, kUserDefined, kUnused };
    const std::string place = "tokenizer.ggml.tokens[" + std::to_string(id) + "]";
    if (kind < kText || kind > kUnused) return Fail(ErrorKind::kUnsupported, place + " of type " + std::to_string(kind) + " is not supported");
    auto added = kind == kText ? names.Add(text, id) : out.tokens.Add(id, text, /*reachable=*/false);
    if (!added) return Fail(added.error().kind, place + ": " + added.error().message);
    if (kind == kUserDefined || kind == kControl) out.added.push_back({std::string(text), id, kind == kControl, false, place});
    if (kind != kText && kind != kUserDefined) out.special_ids.push_back({id, id});
  }
  for (uint64_t i = 0; i < merges.count; ++i) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view line, lines.String());
    ByteBpeModel::Merge merge;
    if (!names.MergeOf(line, merge)) {
      return Fail(ErrorKind::kMalformed, "tokenizer.ggml.merges[" + std::to_string(i) + "]: a part or the result is not in the vocabulary");
    }
    out.merges.push_back(merge);
  }
  return {};
}

// Some vocabularies lack bytes that were in no training text, such as 0x04 or 0xFF. llama.cpp leaves such bytes out; here the
// unknown token stands for them, so that a position whose window would reach across the gap is not scored.
Result<void> ReadUnknown(const Records& records, ByteBpeModel& out) {
  const auto at = records.find(std::string(kPrefix) + "unknown_token_id");
  if (at == records.end()) return {};
  if (at->second.is_array || at->second.type != kUint32) return Fail(ErrorKind::kMalformed, "tokenizer.ggml.unknown_token_id is of a wrong type");
  const auto id = static_cast<uint32_t>(Reader(at->second.elements).Number(4));
  const bool is_special = std::any_of(out.special_ids.begin(), out.special_ids.end(), [&](const IdRange& range) { return range.first <= id && id <= range.last; });
  if (is_special) out.unknown = id;
  return {};
}

}  // namespace

Result<std::optional<ByteBpeModel>> ReadGgufTokenizer(std::string_view start) {
  Reader reader(start);
  if (!start.starts_with(kGgufMagic)) return Fail(ErrorKind::kMalformed, "not a GGUF file");
  reader.Take(kGgufMagic.size());
  const uint64_t version = reader.Number(4);
  if (!reader.ended && version != 2 && version != 3) {
    return Fail(ErrorKind::kUnsupported, "GGUF version " + std::to_string(version) + " is not supported");
  }
  reader.Number(8);  // tensors
  const uint64_t count = reader.Number(8);
  if (count > kMaxRecords) return Fail(ErrorKind::kLimit, "GGUF file of " + std::to_string(count) + " records, the limit is 2^16");
  Records records;
  uint64_t elements = 0;
  for (uint64_t i = 0; i < count && !reader.ended; ++i) {
    const char* begin = reader.at();
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view name, reader.String());
    auto value = ReadValue(reader);
    if (!value) return Fail(value.error().kind, Shown(name) + ": " + value.error().message);
    if (reader.ended) break;
    value->record = {begin, static_cast<size_t>(reader.at() - begin)};
    elements += value->count;
    if (elements > kMaxElements) return Fail(ErrorKind::kLimit, "GGUF metadata of more than 2^24 elements");
    if (!records.emplace(name, *value).second) return Fail(ErrorKind::kMalformed, Shown(name) + " is there twice");
  }
  if (reader.ended) return std::optional<ByteBpeModel>();

  ByteBpeModel out;
  out.kind = "gguf";
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view model, TextOf(records, "model"));
  if (model != "gpt2") {
    const bool has_model_file = model == "llama" || model == "t5";
    return Fail(ErrorKind::kUnsupported, "gguf.model." + Shown(model) + " is not supported" +
                                             (has_model_file ? "; for a SentencePiece tokenizer give its .model file" : ""));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view pre, TextOf(records, "pre"));
  if (!ReadPre(pre, out)) return Fail(ErrorKind::kUnsupported, "gguf.pre." + Shown(pre) + " is not supported");
  VERDIGRIS_RETURN_IF_ERROR(ReadTokens(records, out));
  VERDIGRIS_RETURN_IF_ERROR(ReadUnknown(records, out));
  out.vocab = out.tokens.end();
  std::string raw;
  for (const auto& [name, value] : records) {
    if (name.starts_with(kPrefix)) raw += value.record;
  }
  out.digest = Sha256(AsBytes(raw));
  return std::optional<ByteBpeModel>(std::move(out));
}

}  // namespace verdigris::verify
