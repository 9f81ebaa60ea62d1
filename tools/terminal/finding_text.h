// A finding in plain words, for people.
#pragma once

#include <string>

#include "tools/terminal/colour.h"
#include "verify/finding.h"
#include "verify/limits.h"

namespace verdigris::tools {

// What a p-value is not.
inline constexpr const char* kFirstLimit = verify::kLimits[0].data();

std::string FindingText(const verify::Finding& finding, const Palette& palette);

}  // namespace verdigris::tools
