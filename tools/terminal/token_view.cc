// The text is hostile: what a terminal obeys is shown, not sent (printable.h). Colours are ended before a line feed, so
// that no background runs on to the end of a line. Tested by tests/cli/show*.sh.
#include "tools/terminal/token_view.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tools/cli.h"  // PrintReal
#include "tools/terminal/printable.h"
#include "verify/report/text_view.h"

namespace verdigris::tools {
namespace {

constexpr size_t kCells = 60;

struct Marks {
  std::string_view colour, open, close;
};

Marks MarksOf(const verify::TokenState& state, const NullLaw& law, const Palette& palette) {
  switch (verify::ClassOf(state, law)) {
    case verify::TokenClass::kHit: return {palette.hit(), "[", "]"};
    case verify::TokenClass::kMiss: return {palette.miss(), "", ""};
    case verify::TokenClass::kNotScored: break;
  }
  return {palette.dim(), "<", ">"};
}

// White space at the ends stays outside of marks, so that words stay apart.
void AppendMarked(const std::string& text, const Marks& marks, std::string& out) {
  constexpr const char* kWhite = " \t\n";
  const size_t first = text.find_first_not_of(kWhite);
  if (first == std::string::npos) {
    out += text;
    return;
  }
  const size_t end = text.find_last_not_of(kWhite) + 1;
  out += text.substr(0, first);
  out += marks.open;
  out.append(text, first, end - first);
  out += marks.close;
  out += text.substr(end);
}

void AppendColoured(const std::string& text, const Marks& marks, const Palette& palette, std::string& out) {
  for (size_t at = 0; at < text.size();) {
    const size_t line = std::min(text.find('\n', at), text.size());
    if (line > at) {
      out += marks.colour;
      out.append(text, at, line - at);
      out += palette.reset();
    }
    if (line < text.size()) out += '\n';
    at = line + 1;
  }
}

}  // namespace

void PrintTokens(std::string_view document, std::span<const verify::Token> tokens, std::span<const verify::TokenState> states,
                 const NullLaw& law, const Palette& palette, Output& out) {
  verify::ForEachPiece(document, tokens, 0, tokens.size(), [&](std::string_view piece, size_t token) {
    const std::string text = Printable(piece, /*keep_lines=*/true);
    if (token == verify::kNoToken) return out.Write(text);
    const Marks marks = MarksOf(states[token], law, palette);
    std::string line;
    if (palette.on) {
      AppendColoured(text, marks, palette, line);
    } else {
      AppendMarked(text, marks, line);
    }
    out.Write(line);
  });
  if (!document.ends_with('\n')) out.Write("\n");
  out.Write("\n");
  const auto key = [&](std::string_view colour, std::string_view text) {
    return std::string(colour) + std::string(text) + std::string(palette.reset());
  };
  out.Write(palette.on ? "key: " + key(palette.hit(), "hit") + " " + key(palette.miss(), "miss") + " " + key(palette.dim(), "not scored") + "\n"
                       : "key: [hit] miss <not scored>\n");
}

void PrintEvidence(std::span<const verify::TokenState> states, const verify::Finding& finding, const Palette& palette, Output& out) {
  static constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr const char* kAscii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
  const auto& levels = UseUnicode() ? kBlocks : kAscii;
  const verify::Trajectory trajectory = verify::TrajectoryOf(states, finding.alpha, kCells);
  const size_t cells = trajectory.height.size();
  if (cells == 0) return;
  const double top = std::max(trajectory.level, trajectory.highest);
  const size_t reached = trajectory.reached ? *trajectory.reached * cells / states.size() : cells;
  std::string strip;
  for (size_t cell = 0; cell < cells; ++cell) {
    const auto level = static_cast<size_t>(std::min(7.0, std::floor(trajectory.height[cell] / top * 8)));
    if (cell == reached) strip += palette.hit();
    strip += levels[level];
  }
  strip += reached < cells ? palette.reset() : "";
  char most[64];
  std::snprintf(most, sizeof most, "10^%.1f at the highest", trajectory.highest);
  out.Write("\nevidence  " + strip + "  " + most + "\n");
  const std::string level = "alpha " + PrintReal(finding.alpha) + " (10^" + PrintReal(std::round(trajectory.level * 10) / 10) + ")";
  out.Write(trajectory.reached ? "          " + std::string(reached, ' ') + "^ " + level + " reached by token " + std::to_string(*trajectory.reached) + "\n"
                               : "          " + level + " not reached\n");
  if (!finding.localized || finding.localized->segments.empty()) return;
  std::string where(cells, ' ');
  for (const verify::MarkedSegment& segment : finding.localized->segments) {
    const size_t first = segment.first * cells / states.size(), last = (segment.last - 1) * cells / states.size();
    for (size_t cell = first; cell <= last; ++cell) where[cell] = '=';
  }
  out.Write("marked    " + std::string(palette.hit()) + where.substr(0, where.find_last_of('=') + 1) + std::string(palette.reset()) + "\n");
}

}  // namespace verdigris::tools
