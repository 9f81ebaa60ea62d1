// Pre-tokenizers: where a text is cut before byte-level BPE merges anything. No merge crosses a cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace verdigris::verify {

// By the names of descriptors (docs/formats/tokenizer.md); kLlama3 cuts as kCl100k.
enum class Pattern : uint8_t { kGpt2, kCl100k, kLlama3, kQwen2, kQwen35, kO200k, kSmolLm };

std::string_view PatternName(Pattern pattern);
std::optional<Pattern> PatternOfName(std::string_view name);
// "gpt2, cl100k, ..."
std::string PatternNames();
// The pattern that cuts as a tokenizer.json's regular expression does, recognised by its text: the published spellings, and
// those with possessive quantifiers where these change nothing.
std::optional<Pattern> PatternOfExpression(std::string_view expression);

// Cuts `text`, well-formed UTF-8, into pieces that tile it, from left to right.
//
// Cost     linear in the text for all pieces together; no memory.
class PreTokenizer {
 public:
  PreTokenizer(Pattern pattern, std::string_view text);

  // The next piece, or an empty one at the end.
  std::string_view Next();

 private:
  const char* Cut();
  const char* CutLetters() const;
  const char* CutSpaces() const;
  const char* CutGpt2(const char* end) const;
  const char* CutCl100k(size_t most_digits, uint16_t letters) const;
  const char* CutO200k() const;

  Pattern pattern_;
  const char* at_;
  const char* end_;
  const char* digits_at_;  // kSmolLm: where the next numeric character is, or end_
};

}  // namespace verdigris::verify
