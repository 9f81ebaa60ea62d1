// Byte-level BPE: the tokenizer behind tiktoken files, vocab.json with merges.txt, tokenizer.json and the tokenizers inside of GGUF
// files. What each format says is read into a ByteBpeModel (bpe_files.h, tokenizer_json.h, gguf_tokenizer.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "verify/text/pre_tokenizer.h"
#include "verify/text/segment_cache.h"
#include "verify/text/token_table.h"
#include "verify/text/tokenizer.h"
#include "watermark/key.h"  // Digest

namespace verdigris::verify {

inline constexpr size_t kMaxAddedTokenBytes = 1024;  // they are looked for at every byte of a text

struct ByteBpeModel {
  struct Merge {
    uint32_t left, right, result;
  };
  // Matched in text before all else.
  struct Added {
    std::string bytes;
    uint32_t id;
    bool special;  // its matches stay ordinary text, and hide what overlaps them
    bool second;   // looked for after all the others, in what they left
    std::string place;  // "added_tokens[3]", for messages
  };

  std::string_view kind;  // of Tokenizer::kind
  Pattern pattern = Pattern::kGpt2;
  bool compose = false;             // NFC of Unicode 9.0 first
  bool ranks_are_ids = false;       // a pair's rank is the id of its bytes; else `merges` has them in their order
  bool whole_pieces_first = false;  // a piece that is a token is taken at once
  TokenTable tokens;
  std::vector<Merge> merges;
  std::vector<Added> added;
  std::vector<IdRange> special_ids;  // in any order, also more than once
  uint32_t unknown = kNoToken;       // a special id that stands for bytes that are no token; kNoToken: every byte is one
  uint32_t vocab = 0;
  Digest digest{};
};

// `cache_bytes`: memory of each Scratch for pieces met before, 0 for none; no result depends on it.
//
// Ids are those of tiktoken 0.14.0 and tokenizers 0.23.3 with special tokens as ordinary text. Ranges tile the text where nothing
// was ill-formed or composed; a token may end inside a character.
//
// Errors   kMalformed: a byte that is no token, an id outside of the vocabulary, a merge or an added token that is there twice.
//          kLimit: an added token over 1,024 bytes.
Result<std::unique_ptr<Tokenizer>> MakeByteBpe(ByteBpeModel model, size_t cache_bytes = kDefaultCacheBytes);

}  // namespace verdigris::verify
