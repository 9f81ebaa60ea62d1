// Numbers as tables for people show them.
#pragma once

#include <cstdio>
#include <string>

namespace verdigris::tools {

inline std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

// Right-aligned.
inline std::string Cell(std::string text, size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

}  // namespace verdigris::tools
