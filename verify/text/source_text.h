// A document as byte-level tokenizers read it: well-formed UTF-8, composed where the tokenizer says so, and each byte with its
// place in the document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "verify/text/byte_map.h"
#include "verify/text/composer.h"

namespace verdigris::verify {

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
  void ToDocument(std::vector<Token>& tokens) const { map_.ToDocument(tokens); }

 private:
  std::string_view text_;
  std::string changed_text_;
  ByteMap map_;
  Composer composer_{9};  // as the tokenizers library has it (unicode-normalization of that version)
  std::vector<TextUnit> ready_;
};

}  // namespace verdigris::verify
