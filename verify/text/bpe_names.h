// Names of byte-level tokens: vocab.json, tokenizer.json and GGUF files write each byte as a printable character of its own.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "verify/text/byte_bpe.h"

namespace verdigris::verify {

// Replaces `bytes` by what a name stands for; false where it has a character outside of the alphabet.
bool BytesOfName(std::string_view name, std::string& bytes);

// A vocabulary by names.
class NamedVocabulary {
 public:
  explicit NamedVocabulary(TokenTable& tokens) : tokens_(tokens) {}

  // Errors   those of TokenTable::Add; kMalformed: a name that is there twice.
  Result<void> Add(std::string_view name, uint32_t id);
  // All members of an object, names to ids.
  Result<void> Add(simdjson::dom::object object);

  // kNoToken where the name is not there.
  uint32_t Find(std::string_view name);
  uint32_t size() const { return size_; }
  // The merge of two names: of tokens whose joined name is a token too. False where it is not in the vocabulary.
  bool MergeOf(std::string_view left, std::string_view right, ByteBpeModel::Merge& merge);
  // The same of "left right".
  bool MergeOf(std::string_view line, ByteBpeModel::Merge& merge);

 private:
  TokenTable& tokens_;
  std::map<std::string, uint32_t, std::less<>> outside_;  // names that are no bytes
  std::string left_bytes_, right_bytes_;
  uint32_t size_ = 0;
};

// Bytes of JSON for simdjson: at most 256 MiB and 32 levels.
// Errors   kLimit, kMalformed.
Result<simdjson::dom::element> ParseTokenizerJson(simdjson::dom::parser& parser, std::string_view bytes);

}  // namespace verdigris::verify
