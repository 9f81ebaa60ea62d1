// A document as byte-level tokenizers read it: well-formed UTF-8, composed where the tokenizer says so, and each byte with its
// place in the document.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "verify/text/tokenizer.h"

namespace verdigris::verify {

// Length of the longest part of `text`, from its start, that could begin a well-formed UTF-8 sequence, at least 1 (Unicode 3.9).
// Precondition: text is not empty and starts with no well-formed sequence.
size_t IllFormedLength(std::string_view text);

// Buffers that may be read into again and again.
class SourceText {
 public:
  // Each maximal ill-formed part of the document becomes one U+FFFD. With `compose` the text is then in NFC of Unicode 9.0:
  // characters that came later are left as they are and keep their neighbours apart. Precondition: at most kMaxDocumentBytes.
  // Views the document where nothing changes.
  void Read(std::string_view document, bool compose);

  std::string_view text() const { return text_; }

  // Takes ranges of tokens that ascend from bytes of text() to bytes of the document. What is unchanged maps byte by byte; a
  // stretch that was changed maps as a whole.
  void ToDocument(std::vector<Token>& tokens) const;

 private:
  struct Stretch {
    uint32_t text_begin : 31;
    uint32_t changed : 1;
    uint32_t source_begin;
  };
  struct Unit {
    uint32_t code_point;
    uint32_t begin;  // in the document
    bool ill_formed;
  };
  void Append(std::string_view bytes, size_t source_begin, bool changed);
  void AppendUnits();

  std::string_view text_;
  uint32_t source_bytes_ = 0;
  std::string changed_text_;
  std::vector<Stretch> stretches_;  // tile text and document, in order; none: both are the same
  std::vector<Unit> units_;         // of a stretch that may compose
  struct Marked {
    uint32_t code_point;
    uint8_t combining_class;
  };
  std::vector<Marked> decomposed_;
  std::string composed_;
};

}  // namespace verdigris::verify
