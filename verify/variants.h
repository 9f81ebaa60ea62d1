// One text read in several ways: each is a test of the same keys, and the best of them is paid for (command-line.md L3).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "verify/judge.h"
#include "verify/text/normalize.h"
#include "verify/text/tokenizer.h"

namespace verdigris::verify {

struct Variant {
  std::string_view name;  // goes into the finding; empty: nothing is said
  std::span<const uint32_t> ids;
  std::span<const double> proxy_ln_q{};  // as in JudgeOptions, whose own is not used
};

struct VariantFindings {
  std::vector<Finding> findings;                 // one for each test of the keys
  std::vector<size_t> variant;                   // that each is of
  std::vector<std::vector<TokenState>> traces;   // of that variant, if asked for
};

// The finding of the variant with the smallest p, for each test of `keys`; the first among equals. Which variants there are may
// depend on the text alone: p is multiplied by their number.
//
// Null     as JudgeText.
// Errors   as JudgeText. Precondition: at least one variant.
// Memory   `traces` take 24 bytes for each token under each test.
Result<VariantFindings> JudgeVariants(const JudgeKeys& keys, std::span<const Variant> variants, JudgeOptions options, bool traces);

// Tokens of the normalised form of a document, with their ranges in the document as it is. False: it changes nothing.
// Errors   as those of Apply and Encode; kLimit where the form grows over the limit of documents.
Result<bool> EncodeNormalised(const Normaliser& normaliser, const Tokenizer& tokenizer, std::string_view document, Scratch& scratch, std::vector<Token>& out);

}  // namespace verdigris::verify
