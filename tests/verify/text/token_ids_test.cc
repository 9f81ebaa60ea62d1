// The forms of token ids (command-line.md L2). Expected values are written out by hand from that section.
#include "verify/text/token_ids.h"

#include <string>

#include <doctest/doctest.h>

namespace verdigris::verify {
namespace {

using namespace std::string_view_literals;
using Texts = std::vector<std::vector<uint32_t>>;

TEST_CASE("each form of token ids reads its example") {
  struct Row {
    const char* name;
    IdForm form;
    std::string_view input;
    Texts ids;
  };
  const Row rows[] = {
      {"text", IdForm::kText, "1 2 3"sv, {{1, 2, 3}}},
      {"text, any white space, zeros in front", IdForm::kText, "\r\n\t007\v 0\f16777215\n\n"sv, {{7, 0, 16777215}}},
      {"text, nothing", IdForm::kText, ""sv, {{}}},
      {"text, white space alone", IdForm::kText, " \n "sv, {{}}},
      {"u16", IdForm::kU16, "\x01\x00\xFF\xFF\x34\x12"sv, {{1, 65535, 0x1234}}},
      {"u16, nothing", IdForm::kU16, ""sv, {{}}},
      {"u32", IdForm::kU32, "\x01\x00\x00\x00\xFF\xFF\xFF\x00\x78\x56\x34\x00"sv, {{1, 16777215, 0x345678}}},
      {"json", IdForm::kJson, "[1,2]\n[ 3 ,\t4 ]\r\n[]\n"sv, {{1, 2}, {3, 4}, {}}},
      {"json without the last newline", IdForm::kJson, "[0]"sv, {{0}}},
      {"json, nothing: no text", IdForm::kJson, ""sv, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto read = ParseTokenIds(row.input, row.form);
    REQUIRE(read.has_value());
    CHECK(*read == row.ids);
  }
}

TEST_CASE("what is not a token id is named with its place") {
  constexpr auto kMalformed = ErrorKind::kMalformed;
  constexpr auto kLimit = ErrorKind::kLimit;
  struct Row {
    IdForm form;
    std::string_view input;
    ErrorKind kind;
    const char* message;
  };
  const Row rows[] = {
      {IdForm::kText, "1 2\n3 16777216"sv, kLimit, "token ids: id 16777216 at index 3 (line 2), the largest is 16777215"},
      {IdForm::kText, "4294967295"sv, kLimit, "token ids: id 4294967295 at index 0 (line 1), the largest is 16777215"},
      {IdForm::kText, "4294967296"sv, kLimit, "token ids: id 4294967296 at index 0 (line 1), the largest is 16777215"},
      {IdForm::kText, "1111111111222222222233333"sv, kLimit, "token ids: id of 25 digits at index 0 (line 1), the largest is 16777215"},
      {IdForm::kText, "1 -2"sv, kMalformed, "token ids: not a decimal number at index 1 (line 1)"},
      {IdForm::kText, "1\n+2"sv, kMalformed, "token ids: not a decimal number at index 1 (line 2)"},
      {IdForm::kText, "1 2.0"sv, kMalformed, "token ids: not a decimal number at index 1 (line 1)"},
      {IdForm::kText, "1,2"sv, kMalformed, "token ids: not a decimal number at index 0 (line 1)"},
      {IdForm::kText, "0x10"sv, kMalformed, "token ids: not a decimal number at index 0 (line 1)"},
      {IdForm::kText, "1 \0"sv, kMalformed, "token ids: not a decimal number at index 1 (line 1)"},
      {IdForm::kText, "\xEF\xBB\xBF" "1"sv, kMalformed, "token ids: not a decimal number at index 0 (line 1)"},
      {IdForm::kU16, "abc"sv, kMalformed, "token ids: 3 bytes, not a multiple of 2"},
      {IdForm::kU32, "abcdef"sv, kMalformed, "token ids: 6 bytes, not a multiple of 4"},
      {IdForm::kU32, "\x01\0\0\0\0\0\0\x01"sv, kLimit, "token ids: id 16777216 at index 1, the largest is 16777215"},
      {IdForm::kU32, "\xFF\xFF\xFF\xFF"sv, kLimit, "token ids: id 4294967295 at index 0, the largest is 16777215"},
      {IdForm::kJson, "[1]\n[2,16777216]\n"sv, kLimit, "token ids: id 16777216 at index 1 (line 2), the largest is 16777215"},
      {IdForm::kJson, "[1]\n\n[2]"sv, kMalformed, "token ids: no array at index 0 (line 2)"},
      {IdForm::kJson, "{\"ids\":[1]}"sv, kMalformed, "token ids: no array at index 0 (line 1)"},
      {IdForm::kJson, "[1,]"sv, kMalformed, "token ids: not a whole number at index 1 (line 1)"},
      {IdForm::kJson, "[1 2]"sv, kMalformed, "token ids: no comma or end of the array at index 1 (line 1)"},
      {IdForm::kJson, "[1.5]"sv, kMalformed, "token ids: no comma or end of the array at index 1 (line 1)"},
      {IdForm::kJson, "[1e3]"sv, kMalformed, "token ids: no comma or end of the array at index 1 (line 1)"},
      {IdForm::kJson, "[-1]"sv, kMalformed, "token ids: not a whole number at index 0 (line 1)"},
      {IdForm::kJson, "[01]"sv, kMalformed, "token ids: leading zero at index 0 (line 1)"},
      {IdForm::kJson, "[\"1\"]"sv, kMalformed, "token ids: not a whole number at index 0 (line 1)"},
      {IdForm::kJson, "[[1]]"sv, kMalformed, "token ids: not a whole number at index 0 (line 1)"},
      {IdForm::kJson, "[null]"sv, kMalformed, "token ids: not a whole number at index 0 (line 1)"},
      {IdForm::kJson, "[1,\n2]"sv, kMalformed, "token ids: not a whole number at index 1 (line 1)"},
      {IdForm::kJson, "[1"sv, kMalformed, "token ids: no comma or end of the array at index 1 (line 1)"},
      {IdForm::kJson, "[1][2]"sv, kMalformed, "token ids: more behind the array at index 1 (line 1)"},
      {IdForm::kJson, "["sv, kMalformed, "token ids: not a whole number at index 0 (line 1)"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const auto read = ParseTokenIds(row.input, row.form);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().kind == row.kind);
    CHECK(read.error().message == row.message);
  }
}

TEST_CASE("the forms have the names of --ids") {
  CHECK(ParseIdForm("text").value() == IdForm::kText);
  CHECK(ParseIdForm("json").value() == IdForm::kJson);
  CHECK(ParseIdForm("u16").value() == IdForm::kU16);
  CHECK(ParseIdForm("u32").value() == IdForm::kU32);
  CHECK(ParseIdForm("u8").error().kind == ErrorKind::kInvalidArgument);
  CHECK(ParseIdForm("u8").error().message == "form of ids must be text, json, u16 or u32, got u8");
}

}  // namespace
}  // namespace verdigris::verify
