// Which bytes of a document each byte of a text made from it came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/text/text_unit.h"
#include "verify/text/tokenizer.h"

namespace verdigris::verify {

// [begin, end) in bytes of the document.
struct ByteRange {
  uint32_t begin, end;
  bool operator==(const ByteRange&) const = default;
};

// What is unchanged maps byte by byte; a stretch that was changed maps as a whole; bytes that were taken away lie between ranges.
// Built from the front; text and document below 2^31 bytes.
class ByteMap {
 public:
  // The text is the document.
  void Clear();
  // The next bytes of the document, and what became of them: as many bytes, unchanged; or others, or none.
  void Append(size_t text_bytes, size_t document_bytes, bool changed);

  bool identity() const { return stretches_.empty(); }
  // Behind byte i of the text; ranges ascend.
  ByteRange operator[](size_t i) const;
  // Takes ranges of tokens that ascend from bytes of the text to bytes of the document. A range is the union of what its bytes
  // map to; an empty one comes to lie before the byte that follows it.
  void ToDocument(std::vector<Token>& tokens) const;

  // Bytes of the document so far; of an identity, 0.
  uint32_t document_bytes() const { return document_bytes_; }
  // Characters of the document that are not in its text as they were.
  uint64_t ChangedCharacters(std::string_view document) const;

 private:
  struct Stretch {
    uint32_t text_begin : 31;
    uint32_t changed : 1;
    uint32_t document_begin;
  };
  uint32_t BeginIn(size_t stretch, uint32_t place) const;
  uint32_t EndIn(size_t stretch, uint32_t place) const;

  std::vector<Stretch> stretches_;  // tile text and document, in order; of no bytes of text: taken away
  uint32_t text_bytes_ = 0, document_bytes_ = 0;
};

// Appends the text of `units`, which follow in the document on what `map` has; what no unit stands for was taken away.
void AppendUnits(std::span<const TextUnit> units, std::string_view document, std::string& text, ByteMap& map);

// Characters of well-formed UTF-8; in other bytes an estimate.
uint64_t CountCharacters(std::string_view text);

}  // namespace verdigris::verify
