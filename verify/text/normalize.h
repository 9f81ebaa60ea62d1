// Undoing edits that a reader does not see: hidden characters, letters that only look like others, unusual spaces, other
// spellings of the same characters (docs/formats/normaliser.md).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "verify/text/byte_map.h"
#include "verify/text/tokenizer.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr std::string_view kNoNormaliser = "none/1";
inline constexpr std::string_view kTextNormaliser = "verdigris-text/1";

struct NormaliserClasses;

// What is done to a text before it is tokenized. Immutable; any number of threads.
class Normaliser {
 public:
  // Errors   kUnsupported for a name that is neither of the two above.
  // Cost     kTextNormaliser: about 2 ms for its table; copies share it.
  static Result<Normaliser> Create(std::string_view name);

  // Replaces `out` by the normalised text and `map` by the way back. A text that nothing changes has an identity for a map;
  // text in ASCII is never changed. A second pass may change a little more (docs/formats/normaliser.md, limits).
  // Errors   kLimit for a document over kMaxDocumentBytes; whatever the bytes, nothing else.
  // Cost     linear in time; memory at most 64 times the longest stretch without an ASCII space or sign, and text and map.
  Result<void> Apply(std::string_view document, std::string& out, ByteMap& map) const;

  // As in a profile.
  std::string_view name() const { return classes_ ? kTextNormaliser : kNoNormaliser; }

 private:
  std::shared_ptr<const NormaliserClasses> classes_;  // null: none/1
};

// `tokenizer` after the normaliser: its ids are those of the normalised text, its ranges those of the document. A document whose
// normalised text is over kMaxDocumentBytes (a third of that always fits) is over the limit. Precondition: not null.
std::unique_ptr<Tokenizer> AfterNormaliser(Normaliser normaliser, std::shared_ptr<const Tokenizer> tokenizer);

}  // namespace verdigris::verify
