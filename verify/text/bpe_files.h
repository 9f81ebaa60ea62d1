// Tokenizers in files that say nothing of the pre-tokenizer: tiktoken ranks, and vocab.json with merges.txt. A descriptor says it
// for them; its SHA-256 is the tokenizer's digest (docs/formats/tokenizer.md).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "verify/text/byte_bpe.h"

namespace verdigris::verify {

// Digests are of inflated bytes.
struct TokenizerDescriptor {
  bool merges = false;  // kind bpe: vocab.json and merges.txt; else tiktoken
  Digest first_file{};  // the ranks, or the vocabulary
  Digest merges_file{};
  Pattern pattern = Pattern::kGpt2;
  std::vector<IdRange> special_ids;  // ascending, neither overlapping nor adjacent
  uint32_t vocab = 0;
};

// Errors   those of ParseSchemaFile, kMalformed.
Result<TokenizerDescriptor> ParseTokenizerDescriptor(std::string_view bytes);
// Whether bytes claim to be one.
bool IsTokenizerDescriptor(std::string_view bytes);
std::string WriteTokenizerDescriptor(const TokenizerDescriptor& descriptor);

// The tokenizer of a descriptor. `first_file`: ranks or vocabulary; `merges`: empty for ranks; both inflated. Their digests are
// not looked at.
//
// Errors   kLimit over 256 MiB, and with kMalformed those of TokenTable::Add and MakeByteBpe; the message has the line, or the id.
Result<std::unique_ptr<Tokenizer>> LoadDescribed(const TokenizerDescriptor& descriptor, std::string_view first_file, std::string_view merges);

// Largest id of a file of ranks or a vocabulary, plus 1. Errors as above.
Result<uint32_t> VocabOfFile(bool is_vocabulary, std::string_view file);

// The bytes inside, where `file` is gzip; else the same bytes.
// Errors   kLimit over 256 MiB; kMalformed.
Result<std::string> Inflated(std::string file);

}  // namespace verdigris::verify
