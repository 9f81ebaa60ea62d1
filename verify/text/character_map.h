// The character map of a SentencePiece model: which strings of a text are replaced by which before it is cut.
//
// Bytes   u32 size of the trie in bytes (little-endian), the trie (u32 units, little-endian), the replacements (each ends
//         in a NUL). The trie is a double array as darts-clone writes it; a leaf's value is a place in the replacements.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/result.h"

namespace verdigris::verify {

// The parts of a checked map, inside the model's bytes. Empty: nothing is replaced.
struct CharacterMap {
  std::string_view trie;
  std::string_view replacements;
  bool well_formed = true;  // every replacement is UTF-8
};

// Checks a map so that libsentencepiece 0.1.97, which checks nothing, can walk it with any text.
//
// Errors   kMalformed, with the cause: sizes; a place outside of the trie that some text would reach; a replacement outside
//          of its part or without end; a way through the trie that never ends, or meets more than 32 keys (the library's
//          buffer on the stack holds 32); a replacement of more than 64 times the bytes of its key (sizes are ints there).
// Cost     linear (256 looks a node), memory at most 5 times the map.
Result<CharacterMap> ReadCharacterMap(std::string_view blob);

// A checked map, copied, to look things up in.
class CharacterReplacements {
 public:
  explicit CharacterReplacements(const CharacterMap& map);

  struct Match {
    size_t key_bytes = 0;  // 0: no key begins the text
    std::string_view replacement;
  };
  // The longest key that begins the text.
  Match Longest(std::string_view text) const;

  // Whether some key begins with these two bytes, or is the first alone.
  bool KeyMayBegin(uint8_t first, uint8_t second) const;

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace verdigris::verify
