// What a SentencePiece model reads at a place of a text: a user-defined symbol, a string of its character map, a character, or one
// byte that is none.
#pragma once

#include <bitset>
#include <memory>
#include <string_view>

#include "verify/text/character_map.h"
#include "verify/text/piece_trie.h"
#include "verify/text/sentencepiece_model.h"

namespace verdigris::verify {

// Immutable; needs the model's bytes no more once it is made.
class SentencePieceNormalizer {
 public:
  // `user_defined`: the pieces of that type; outlives this.
  SentencePieceNormalizer(const SentencePieceModel& model, const PieceTrie& user_defined);

  struct Step {
    std::string_view text;  // what stands there afterwards; into the text, or into this
    size_t bytes;           // that it takes from the text
  };
  // Precondition: the text is not empty.
  Step Next(std::string_view text) const;

  // Whether Next gives something else than the character itself for some text that begins with these bytes.
  bool MayChange(uint8_t first, uint8_t second) const { return may_change_[static_cast<size_t>(first) << 8 | second]; }

  bool add_dummy_prefix() const { return add_dummy_prefix_; }
  bool remove_extra_whitespaces() const { return remove_extra_whitespaces_; }

 private:
  const PieceTrie& user_defined_;
  CharacterReplacements replacements_;
  std::bitset<65536> may_change_;
  bool add_dummy_prefix_, remove_extra_whitespaces_;
};

}  // namespace verdigris::verify
