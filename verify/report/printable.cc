// What a terminal obeys: C0, DEL and C1 (ESC [ and CSI start sequences), and the bidirectional controls of UAX 9, which
// can show one file name as another, on a page too. Everything else is the reader's to judge.
// Tested by tests/tools/printable_test.cc and tests/cli/show_hostile.sh.
#include "verify/report/printable.h"

#include <cstdint>
#include <cstdio>

#include "verify/text/text_unit.h"  // CodePoint
#include "watermark/json.h"         // Utf8SequenceLength

namespace verdigris::verify {
namespace {

bool IsObeyed(uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool direction = code == 0x61C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
                         (code >= 0x2066 && code <= 0x2069);
  return control || direction;
}

}  // namespace

std::string Printable(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    const std::string_view sequence = text.substr(0, length);
    const uint32_t code = verify::CodePoint(sequence);
    if (!IsObeyed(code) || (keep_lines && (code == '\n' || code == '\t'))) {
      out += sequence;
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, code < 0x100 ? "\\x%02x" : "\\u%04x", static_cast<unsigned>(code));
      out += escaped;
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace verdigris::verify
