// Tokenizer over SentencePiece models, types BPE, unigram, word and char.
#pragma once

#include <memory>
#include <string_view>

#include "verify/text/tokenizer.h"

namespace verdigris::verify {

// Loads the bytes of a `.model` file; they are not needed afterwards. Ids and ranges are those of
// libsentencepiece 0.1.97's EncodeAsImmutableProto without options. Special ids: control, unknown and unused pieces; byte
// pieces and user-defined symbols are ordinary.
//
// Errors   those of ReadSentencePieceModel.
Result<std::unique_ptr<Tokenizer>> LoadSentencePiece(std::string_view file);

}  // namespace verdigris::verify
