// The alphabet is GPT-2's bytes_to_unicode (openai/gpt-2 encoder.py): printable Latin-1 characters stand for themselves, the other
// 68 bytes are U+0100 and on in their order.
// Tested by tests/verify/text/bpe_files_test.cc and tokenizer_json_test.cc.
#include "verify/text/bpe_names.h"

#include <array>

namespace verdigris::verify {
namespace {

// By code point; -1 for none.
constexpr std::array<int16_t, 256 + 68> kByteOf = [] {
  std::array<int16_t, 256 + 68> table{};
  size_t next = 256;
  for (int c = 0; c < 256; ++c) {
    const bool itself = (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || c >= 174;
    table[static_cast<size_t>(c)] = static_cast<int16_t>(itself ? c : -1);
    if (!itself) table[next++] = static_cast<int16_t>(c);
  }
  return table;
}();

}  // namespace

bool BytesOfName(std::string_view name, std::string& bytes) {
  bytes.clear();
  for (size_t at = 0; at < name.size(); ++at) {
    uint32_t c = static_cast<uint8_t>(name[at]);
    if (c >= 0x80) {
      if (c < 0xC2 || c > 0xC5 || at + 1 == name.size()) return false;
      c = (c & 0x1F) << 6 | (static_cast<uint8_t>(name[++at]) & 0x3F);
    }
    if (c >= kByteOf.size() || kByteOf[c] < 0) return false;
    bytes.push_back(static_cast<char>(kByteOf[c]));
  }
  return true;
}

Result<void> NamedVocabulary::Add(std::string_view name, uint32_t id) {
  ++size_;
  if (BytesOfName(name, left_bytes_)) return tokens_.Add(id, left_bytes_);
  if (!outside_.emplace(name, id).second) return Fail(ErrorKind::kMalformed, "the token of id " + std::to_string(id) + " is there twice");
  return tokens_.Add(id, name, /*reachable=*/false);
}

Result<void> NamedVocabulary::Add(simdjson::dom::object object) {
  for (const auto& field : object) {
    uint64_t id = 0;
    if (field.value.get(id) != simdjson::SUCCESS) return Fail(ErrorKind::kMalformed, "the id of a token must be an integer of 0 or more");
    if (id >= kIdLimit) return Fail(ErrorKind::kLimit, "id " + std::to_string(id) + ", the limit is 2^24");
    VERDIGRIS_RETURN_IF_ERROR(Add(field.key, static_cast<uint32_t>(id)));
  }
  return {};
}

uint32_t NamedVocabulary::Find(std::string_view name) {
  if (BytesOfName(name, left_bytes_)) return tokens_.Find(left_bytes_);
  const auto at = outside_.find(name);
  return at == outside_.end() ? kNoToken : at->second;
}

bool NamedVocabulary::MergeOf(std::string_view left, std::string_view right, ByteBpeModel::Merge& merge) {
  if (!BytesOfName(left, left_bytes_) || !BytesOfName(right, right_bytes_)) return false;
  merge.left = tokens_.Find(left_bytes_);
  merge.right = tokens_.Find(right_bytes_);
  merge.result = tokens_.Find(left_bytes_ + right_bytes_);
  return merge.left != kNoToken && merge.right != kNoToken && merge.result != kNoToken;
}

bool NamedVocabulary::MergeOf(std::string_view line, ByteBpeModel::Merge& merge) {
  const size_t space = line.find(' ');
  return space != line.npos && MergeOf(line.substr(0, space), line.substr(space + 1), merge);
}

Result<simdjson::dom::element> ParseTokenizerJson(simdjson::dom::parser& parser, std::string_view bytes) {
  if (bytes.size() > kMaxTokenizerBytes) return Fail(ErrorKind::kLimit, "more than 256 MiB");
  constexpr size_t kMaxDepth = 32;
  if (parser.allocate(bytes.size() + 64, kMaxDepth) != simdjson::SUCCESS) return Fail(ErrorKind::kNoMemory, "no memory for the JSON");
  simdjson::dom::element element;
  const simdjson::error_code error = parser.parse(bytes.data(), bytes.size()).get(element);
  if (error == simdjson::DEPTH_ERROR) return Fail(ErrorKind::kLimit, "JSON of more than 32 levels");
  if (error == simdjson::MEMALLOC) return Fail(ErrorKind::kNoMemory, "no memory for the JSON");
  if (error != simdjson::SUCCESS) return Fail(ErrorKind::kMalformed, std::string("JSON: ") + simdjson::error_message(error));
  return element;
}

}  // namespace verdigris::verify
