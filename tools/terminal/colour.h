// Whether to colour, and the colours: blue behind what is favoured, orange for what is not, which people with any of the
// common colour blindnesses tell apart; and marks that do without colour.
#pragma once

#include <string>
#include <string_view>

#include "watermark/result.h"

namespace verdigris::tools {

enum class ColourMode { kAuto, kAlways, kNever };

// kInvalidArgument unless auto, always or never.
Result<ColourMode> ParseColourMode(std::string_view text);

// --color over NO_COLOR over whether standard output is a terminal that can.
bool UseColour(ColourMode mode);

// Whether the locale is UTF-8, so that block characters can be shown.
bool UseUnicode();

struct Palette {
  bool on;

  std::string_view hit() const { return on ? "\x1b[1;97;44m" : ""; }
  std::string_view miss() const { return on ? "\x1b[38;5;208m" : ""; }
  std::string_view dim() const { return on ? "\x1b[2m" : ""; }
  std::string_view bold() const { return on ? "\x1b[1m" : ""; }
  std::string_view reset() const { return on ? "\x1b[0m" : ""; }
};

}  // namespace verdigris::tools
