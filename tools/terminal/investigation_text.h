// The finding over a suspect model in plain words, for people.
#pragma once

#include <string>

#include "tools/terminal/colour.h"
#include "verify/suspect/verdict.h"

namespace verdigris::tools {

std::string InvestigationText(const verify::SuspectFinding& finding, uint64_t min_scored, const Palette& palette);

}  // namespace verdigris::tools
