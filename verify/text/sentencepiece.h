// Tokenizer over SentencePiece models, types BPE, unigram, word and char.
#pragma once

#include <memory>
#include <string_view>

#include "verify/text/segment_cache.h"
#include "verify/text/tokenizer.h"

namespace verdigris::verify {

// Loads the bytes of a `.model` file; they are not needed afterwards. Ids and ranges are those of
// libsentencepiece 0.1.97's EncodeAsImmutableProto without options. Special ids: control, unknown and unused pieces; byte
// pieces and user-defined symbols are ordinary. `cache_bytes`: memory of each Scratch for segments met before, 0 for none; no result
// depends on it.
//
// Errors   those of ReadSentencePieceModel; kUnsupported: a unigram model that is left to the library, where that is not 0.1.97.
Result<std::unique_ptr<Tokenizer>> LoadSentencePiece(std::string_view file, size_t cache_bytes = kDefaultCacheBytes);

}  // namespace verdigris::verify
