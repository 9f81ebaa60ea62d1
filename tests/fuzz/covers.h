// What must hold of every byte-level tokenizer that a hostile file gave, for any text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/fuzz/require.h"
#include "verify/text/tokenizer.h"

namespace verdigris::testing {

// Ids are below the vocabulary; ranges are not empty, ascend, and reach from the start of the text to its end.
inline void RequireCovers(const verify::Tokenizer& tokenizer, std::string_view text) {
  verify::Scratch scratch;
  std::vector<verify::Token> tokens;
  Require(tokenizer.Encode(text, scratch, tokens).has_value());
  uint32_t begin = 0, end = 0;
  for (const verify::Token& token : tokens) {
    Require(token.id < tokenizer.vocab() && begin <= token.begin && end <= token.end && token.begin < token.end);
    begin = token.begin;
    end = token.end;
  }
  Require(end == text.size() && (tokens.empty() || tokens[0].begin == 0));
}

}  // namespace verdigris::testing
