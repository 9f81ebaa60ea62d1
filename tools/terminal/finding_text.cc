// Tested by tests/cli/detect_*.sh.
#include "tools/terminal/finding_text.h"

#include "tools/terminal/printable.h"
#include "verify/report/finding_words.h"

namespace verdigris::tools {
namespace {

std::string Row(std::string_view label, const std::string& text) {
  std::string out = "  " + std::string(label);
  out.resize(16, ' ');
  return out + text + "\n";
}

}  // namespace

std::string FindingText(const verify::Finding& finding, const Palette& palette) {
  const verify::FindingWords words = verify::WordsOf(finding);
  std::string out(palette.bold());
  out += (finding.input == "-" ? "standard input" : Printable(finding.input)) + ": " + words.verdict;
  out += palette.reset();
  out += "\n";
  for (const auto& [label, text] : words.rows) out += Row(label, text);
  return out + Row("limit", kFirstLimit);
}

}  // namespace verdigris::tools
