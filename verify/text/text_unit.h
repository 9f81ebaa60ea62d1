// A document as a row of characters, each with the bytes it stands for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace verdigris::verify {

// Length of the longest part of `text`, from its start, that could begin a well-formed UTF-8 sequence, at least 1 (Unicode 3.9).
// Precondition: text is not empty and starts with no well-formed sequence.
size_t IllFormedLength(std::string_view text);

// Of one well-formed sequence.
uint32_t CodePoint(std::string_view sequence);

struct TextUnit {
  uint32_t code_point;
  uint32_t begin, end;  // in the document; units that were changed together share them
  bool changed;         // the document has other bytes there
};

// The unit that starts at `at`; a maximal ill-formed part is one U+FFFD, changed. Precondition: at < document.size() < 2^32.
TextUnit ReadUnit(std::string_view document, size_t at);

}  // namespace verdigris::verify
