// A text with its tokens coloured by what they score, and the evidence as it grows.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "tools/terminal/colour.h"
#include "tools/terminal/output.h"
#include "verify/judge.h"
#include "verify/text/tokenizer.h"

namespace verdigris::tools {

// Tokens that score above the null mean are hits, other scored ones misses. Without colour: [hit], miss, <not scored>.
void PrintTokens(std::string_view document, std::span<const verify::Token> tokens, std::span<const verify::TokenState> states,
                 const NullLaw& law, const Palette& palette, Output& out);

// log10 of the test martingale along the text, in one line of cells, with the place where it reaches 1/alpha marked.
void PrintEvidence(std::span<const verify::TokenState> states, const verify::Finding& finding, const Palette& palette, Output& out);

}  // namespace verdigris::tools
