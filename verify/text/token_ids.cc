// Readers for the four forms. Nothing is allocated but for ids that are there: the outputs grow as numbers are read.
//
// The JSON form is the subset that token arrays need (an array of whole numbers without sign, fraction or exponent), read
// line by line with the white space of RFC 8259; so a general reader, its nesting and its doubles are not needed.
// Tested by tests/verify/text/token_ids_test.cc and tests/fuzz/fuzz_token_ids.cc.
#include "verify/text/token_ids.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "watermark/context.h"  // kIdLimit

namespace verdigris::verify {
namespace {

// Where in the input a message points to; line 0 where the form has no lines.
struct Place {
  size_t index;
  size_t line;

  std::string text() const {
    return "index " + std::to_string(index) + (line == 0 ? "" : " (line " + std::to_string(line) + ")");
  }
};

Unexpected Malformed(const std::string& what, const Place& place) {
  return Fail(ErrorKind::kMalformed, "token ids: " + what + " at " + place.text());
}

Unexpected TooLarge(const std::string& id, const Place& place) {
  return Fail(ErrorKind::kLimit, "token ids: id " + id + " at " + place.text() + ", the largest is " + std::to_string(kIdLimit - 1));
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The digits that `rest` begins with, as an id; they are taken off. Precondition: there is one.
Result<uint32_t> TakeNumber(std::string_view& rest, const Place& place) {
  size_t size = 0;
  uint32_t id = 0;
  bool too_large = false;
  for (; size < rest.size() && IsDigit(rest[size]); ++size) {
    id = 10 * id + static_cast<uint32_t>(rest[size] - '0');
    too_large = too_large || id >= kIdLimit;  // seen before `id` could wrap
  }
  const std::string_view digits = rest.substr(0, size);
  rest.remove_prefix(size);
  if (too_large) return TooLarge(size <= 20 ? std::string(digits) : "of " + std::to_string(size) + " digits", place);
  return id;
}

Result<std::vector<uint32_t>> ReadText(std::string_view rest) {
  static constexpr std::string_view kWhite = " \t\n\v\f\r";
  std::vector<uint32_t> ids;
  size_t line = 1;
  while (!rest.empty()) {
    if (kWhite.find(rest[0]) != std::string_view::npos) {
      line += rest[0] == '\n';
      rest.remove_prefix(1);
      continue;
    }
    const Place place{ids.size(), line};
    if (!IsDigit(rest[0])) return Malformed("not a decimal number", place);
    VERDIGRIS_ASSIGN_OR_RETURN(const uint32_t id, TakeNumber(rest, place));
    if (!rest.empty() && kWhite.find(rest[0]) == std::string_view::npos) return Malformed("not a decimal number", place);
    ids.push_back(id);
  }
  return ids;
}

Result<std::vector<uint32_t>> ReadBinary(std::string_view bytes, size_t width) {
  if (bytes.size() % width != 0) {
    return Fail(ErrorKind::kMalformed, "token ids: " + std::to_string(bytes.size()) + " bytes, not a multiple of " + std::to_string(width));
  }
  std::vector<uint32_t> ids;
  ids.reserve(bytes.size() / width);
  for (size_t at = 0; at < bytes.size(); at += width) {
    uint32_t id = 0;
    for (size_t i = 0; i < width; ++i) id |= uint32_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
    if (id >= kIdLimit) return TooLarge(std::to_string(id), {ids.size(), 0});
    ids.push_back(id);
  }
  return ids;
}

// One line: [1, 2, 3]
Result<std::vector<uint32_t>> ReadArray(std::string_view rest, size_t line) {
  std::vector<uint32_t> ids;
  auto skip_white = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r"), rest.size())); };
  auto take = [&](char c) {
    skip_white();
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  };
  auto bad = [&](const std::string& what) { return Malformed(what, {ids.size(), line}); };
  if (!take('[')) return bad("no array");
  if (!take(']')) {
    do {
      skip_white();
      if (rest.empty() || !IsDigit(rest[0])) return bad("not a whole number");
      if (rest[0] == '0' && rest.size() > 1 && IsDigit(rest[1])) return bad("leading zero");
      VERDIGRIS_ASSIGN_OR_RETURN(const uint32_t id, TakeNumber(rest, {ids.size(), line}));
      ids.push_back(id);
    } while (take(','));
    if (!take(']')) return bad("no comma or end of the array");
  }
  skip_white();
  if (!rest.empty()) return bad("more behind the array");
  return ids;
}

}  // namespace

Result<IdForm> ParseIdForm(std::string_view name) {
  if (name == "text") return IdForm::kText;
  if (name == "json") return IdForm::kJson;
  if (name == "u16") return IdForm::kU16;
  if (name == "u32") return IdForm::kU32;
  return Fail(ErrorKind::kInvalidArgument, "form of ids must be text, json, u16 or u32, got " + std::string(name.substr(0, 64)));
}

Result<std::vector<std::vector<uint32_t>>> ParseTokenIds(std::string_view input, IdForm form) {
  std::vector<std::vector<uint32_t>> texts;
  if (form != IdForm::kJson) {
    VERDIGRIS_ASSIGN_OR_RETURN(std::vector<uint32_t> ids, form == IdForm::kText ? ReadText(input) : ReadBinary(input, form == IdForm::kU16 ? 2 : 4));
    texts.push_back(std::move(ids));
    return texts;
  }
  for (size_t line = 1; !input.empty(); ++line) {
    const size_t end = std::min(input.find('\n'), input.size());
    VERDIGRIS_ASSIGN_OR_RETURN(std::vector<uint32_t> ids, ReadArray(input.substr(0, end), line));
    texts.push_back(std::move(ids));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return texts;
}

}  // namespace verdigris::verify
