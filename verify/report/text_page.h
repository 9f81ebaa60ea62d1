// The page of one judged text, and its parts that the page of a corpus shows of single documents.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/finding.h"
#include "verify/judge.h"
#include "verify/report/html.h"
#include "verify/text/tokenizer.h"

namespace verdigris::verify {

// What was judged, and by each finding how.
struct JudgedText {
  struct Result {
    const Finding* finding;
    std::span<const Token> tokens;
    std::span<const TokenState> states;
  };
  std::string_view document;
  std::vector<Result> results;
};

// There is at least one result. A page of at most some 5 MB, however long the text: of one that is longer than the page has room for, tokens around the best
// segment are coloured, and the page says which.
void WriteTextPage(const JudgedText& text, const Sink& out);

// The tokens coloured, and the key to the colours; at most `most_bytes` of HTML, beginning some tokens before `centre`.
void WriteTokens(std::string_view document, std::span<const Token> tokens, std::span<const TokenState> states, const NullLaw& law,
                 size_t centre, size_t most_bytes, const Sink& out);

}  // namespace verdigris::verify
