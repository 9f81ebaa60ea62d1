// Tokenizer inside of a GGUF file, the file of llama.cpp, where it is byte-level BPE. Only the metadata at the start of the file are
// read, never the weights.
#pragma once

#include <optional>
#include <string_view>

#include "verify/text/byte_bpe.h"

namespace verdigris::verify {

inline constexpr std::string_view kGgufMagic = "GGUF";

// The tokenizer of a file that starts with `start`; none where its metadata end behind that. The digest is the SHA-256 over the
// raw records named tokenizer.ggml.*, sorted by name: other weights, same tokenizer.
//
// Errors   kUnsupported: another version, `gguf.model.<value>`, `gguf.pre.<value>`, a type of token. kLimit: more than 2^16 keys or 2^24
//          elements. kMalformed: the member at fault; those of MakeByteBpe.
Result<std::optional<ByteBpeModel>> ReadGgufTokenizer(std::string_view start);

}  // namespace verdigris::verify
