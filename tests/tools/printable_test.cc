// What a terminal obeys does not reach it (tools/terminal/printable.h). The lists are those of ECMA-48 (C0, C1) and of
// the explicit directional characters of Unicode annex 9, written out here by hand.
#include "tools/terminal/printable.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

namespace verdigris::tools {
namespace {

TEST_CASE("printable: ordinary text of any script stays as it is") {
  const std::string text = "plain, \xC3\xA9t\xC3\xA9, \xE6\x97\xA5\xE6\x9C\xAC, \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xAC, \xC2\xA0.";
  CHECK(Printable(text) == text);
}

TEST_CASE("printable: every C0 control, DEL and every C1 control is spelled out") {
  for (int code = 0; code < 0xA0; ++code) {
    if (code >= 0x20 && code < 0x7F) continue;
    CAPTURE(code);
    std::string text;
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else {
      text += '\xC2';
      text += static_cast<char>(code);
    }
    char spelled[8];
    std::snprintf(spelled, sizeof spelled, "\\x%02x", static_cast<unsigned>(code));
    CHECK(Printable("a" + text + "b") == "a" + std::string(spelled) + "b");
  }
}

TEST_CASE("printable: line feed and tab stay where lines are kept, and nothing else does") {
  CHECK(Printable("a\n\tb\rc", /*keep_lines=*/true) == "a\n\tb\\x0dc");
  CHECK(Printable("a\n\tb") == "a\\x0a\\x09b");
}

TEST_CASE("printable: characters that turn the writing direction are spelled out") {
  const struct {
    const char* bytes;
    const char* spelled;
  } kRows[] = {{"\xD8\x9C", "\\u061c"},     {"\xE2\x80\x8E", "\\u200e"}, {"\xE2\x80\x8F", "\\u200f"}, {"\xE2\x80\xAA", "\\u202a"},
               {"\xE2\x80\xAB", "\\u202b"}, {"\xE2\x80\xAC", "\\u202c"}, {"\xE2\x80\xAD", "\\u202d"}, {"\xE2\x80\xAE", "\\u202e"},
               {"\xE2\x81\xA6", "\\u2066"}, {"\xE2\x81\xA7", "\\u2067"}, {"\xE2\x81\xA8", "\\u2068"}, {"\xE2\x81\xA9", "\\u2069"}};
  for (const auto& row : kRows) {
    CAPTURE(row.spelled);
    CHECK(Printable(row.bytes) == row.spelled);
  }
}

TEST_CASE("printable: bytes that are not UTF-8 become U+FFFD, also a bare C1 byte") {
  CHECK(Printable("\x9B"
                  "31m") == "\xEF\xBF\xBD"
                            "31m");
  CHECK(Printable("\xC0\x9B") == "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace verdigris::tools
