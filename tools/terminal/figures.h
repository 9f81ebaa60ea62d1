// Numbers as tables for people show them.
#pragma once

#include <string>

#include "verify/report/figures.h"

namespace verdigris::tools {

using verify::Percent;

// Right-aligned.
inline std::string Cell(std::string text, size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

}  // namespace verdigris::tools
