// Tokenizer over tokenizer.json, the file of the tokenizers library, where its model is byte-level BPE.
#pragma once

#include <cstdint>
#include <string_view>

#include "verify/text/byte_bpe.h"

namespace verdigris::verify {

// Ids are those of tokenizers 0.23.3 with special tokens as ordinary text. The digest is the SHA-256 of the file.
//
// Errors   kUnsupported: a feature that is not built, by its name, such as `normalizer.Replace` or `added_tokens[3].lstrip`; an
//          unknown member. kMalformed, kLimit: those of ParseTokenizerJson, TokenTable::Add, MakeByteBpe; members of a wrong type.
Result<ByteBpeModel> ReadTokenizerJson(std::string_view file);

// What JSON may hold of a tokenizer: a tokenizer.json has a model, a vocabulary starts with a name and its id.
enum class JsonKind : uint8_t { kTokenizer, kVocabulary, kOther };
JsonKind KindOfJson(std::string_view file);

}  // namespace verdigris::verify
