// Tested by tests/verify/report/figures_test.cc.
#include "verify/report/figures.h"

#include <charconv>
#include <cstdio>

#include "verify/law.h"

namespace verdigris::verify {

std::string PrintReal(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

std::string Places(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

std::string TenTo(double log10_p) {
  const std::string places = FourPlacesUp(log10_p);
  return places == "0.0000" ? "1" : "10^" + places;
}

std::string Grouped(uint64_t value) {
  std::string text = std::to_string(value);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

}  // namespace verdigris::verify
