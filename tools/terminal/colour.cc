// NO_COLOR as on no-color.org: set and not empty. Tested by tests/cli/show_colour.sh.
#include "tools/terminal/colour.h"

#include <unistd.h>

#include <cstdlib>

namespace verdigris::tools {
namespace {

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<ColourMode> ParseColourMode(std::string_view text) {
  if (text == "auto") return ColourMode::kAuto;
  if (text == "always") return ColourMode::kAlways;
  if (text == "never") return ColourMode::kNever;
  return Fail(ErrorKind::kInvalidArgument, "--color must be auto, always or never, got " + std::string(text.substr(0, 40)));
}

bool UseColour(ColourMode mode) {
  if (mode != ColourMode::kAuto) return mode == ColourMode::kAlways;
  return Variable("NO_COLOR").empty() && ::isatty(STDOUT_FILENO) == 1 && Variable("TERM") != "dumb";
}

bool UseUnicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = Variable(name);
    if (value.empty()) continue;
    const auto has = [&](std::string_view part) { return value.find(part) != value.npos; };
    return has("UTF-8") || has("utf-8") || has("UTF8") || has("utf8");
  }
  return false;
}

}  // namespace verdigris::tools
