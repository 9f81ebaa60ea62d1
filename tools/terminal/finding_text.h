// A finding in plain words, for people.
#pragma once

#include <string>

#include "tools/terminal/colour.h"
#include "verify/finding.h"

namespace verdigris::tools {

// What a p-value is not (keys-and-evidence.md E7, the first limit, verbatim).
inline constexpr const char* kFirstLimit =
    "This is not the probability that the suspect is derived from the provider's outputs, nor the probability that it is not.";

std::string FindingText(const verify::Finding& finding, const Palette& palette);

}  // namespace verdigris::tools
