// From the bytes of a document to token ids with byte ranges (the interface of every tokenizer).
//
// Ids are a pure function of the document's bytes and the tokenizer's file: threads, caches, locale and the version of
// the libraries on the machine change nothing. A document is encoded whole; no BOS, EOS or template token is added, and
// special tokens that stand in the text are ordinary text.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/context.h"  // IdRange
#include "watermark/result.h"

namespace verdigris::verify {

// Longer documents are cut by the caller (corpora) or refused.
inline constexpr size_t kMaxDocumentBytes = size_t{16} << 20;

// Ranges are [begin, end) in the original bytes and ascend in both ends. They may be empty (a dummy prefix, all but the
// last byte token of a character) and leave gaps where a normaliser took bytes away.
struct Token {
  uint32_t id;
  uint32_t begin;
  uint32_t end;
};

// One thread's buffers and cache. May be dropped or reused at any time, also with another tokenizer, without changing a
// result; two threads never share one.
struct Scratch {
  struct State {
    virtual ~State() = default;
  };
  std::unique_ptr<State> state;  // whose it is, the tokenizer finds out
  // Memory for segments met before, in place of what the tokenizer was loaded with; 0 for none. Set before the first use.
  std::optional<size_t> cache_bytes{};
};

// Immutable; every method may be called from any number of threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Replaces `out` by the document's tokens.
  // Errors   kLimit for a document over kMaxDocumentBytes; whatever the bytes, nothing else.
  virtual Result<void> Encode(std::string_view document, Scratch& scratch, std::vector<Token>& out) const = 0;

  // Replaces `out` by the text of the ids, as bytes; for display and the round-trip rate.
  // Errors   kInvalidArgument: "id 70000 at 12, vocab 32000".
  virtual Result<void> Decode(std::span<const uint32_t> ids, std::string& out) const = 0;

  // Largest id of any piece, special ones included, plus 1.
  virtual uint32_t vocab() const = 0;
  // SHA-256 of the file; must equal the profile's tokenizer_sha256.
  virtual std::array<uint8_t, 32> digest() const = 0;
  // Ascending, neither overlapping nor adjacent: the unmarked_ids of a new profile.
  virtual std::span<const IdRange> special_ids() const = 0;
  // "sentencepiece-bpe", ...
  virtual std::string_view kind() const = 0;
};

}  // namespace verdigris::verify
