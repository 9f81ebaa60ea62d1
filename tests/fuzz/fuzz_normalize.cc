/**
 * Any bytes as a text: the normalised text is well-formed UTF-8, its map ascends inside the document and leads unchanged characters
 * to themselves, ASCII stays, a second pass changes nothing where no hidden character was kept and no ideographic space is left, and
 * tokens of it come to lie inside the document.
 */
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/require.h"
#include "verify/text/normalize.h"
#include "watermark/json.h"

namespace {

using verdigris::testing::Require;

// Whether it holds what a second pass may act on: U+3000, or a character with a meaning for joining, direction or selection.
bool MayChangeAgain(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = verdigris::Utf8SequenceLength(text.substr(at));
    const uint32_t c = verdigris::verify::CodePoint(text.substr(at, length));
    if (c == 0x3000 || c == 0x61C || (c >= 0x180B && c <= 0x180F) || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F) || c >= 0xE0000) return true;
    at += length;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  static const Normaliser normaliser = *Normaliser::Create(kTextNormaliser);
  const std::string_view document(reinterpret_cast<const char*>(data), size);
  std::string text, again;
  ByteMap map, second;
  Require(normaliser.Apply(document, text, map).has_value());
  ByteRange last{0, 0};
  std::vector<Token> tokens;
  for (size_t i = 0; i < text.size(); ++i) {
    const ByteRange range = map[i];
    Require(range.begin < range.end && range.end <= size && last.begin <= range.begin && last.end <= range.end);
    // One byte behind one byte: unchanged.
    const bool alone = (i == 0 || !(map[i - 1] == range)) && (i + 1 == text.size() || !(map[i + 1] == range));
    if (alone && range.end - range.begin == 1) Require(text[i] == document[range.begin]);
    last = range;
    tokens.push_back({0, static_cast<uint32_t>(i), static_cast<uint32_t>(i + i % 3 / 2)});
  }
  map.ToDocument(tokens);
  for (size_t i = 0; i < tokens.size(); ++i) {
    Require(tokens[i].begin <= tokens[i].end && tokens[i].end <= size);
    if (i > 0) Require(tokens[i - 1].begin <= tokens[i].begin && tokens[i - 1].end <= tokens[i].end);
  }
  Require(map.ChangedCharacters(document) <= CountCharacters(document));
  if (std::all_of(document.begin(), document.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; })) Require(map.identity() && text == document);
  for (std::string_view rest = text; !rest.empty();) {
    const size_t length = verdigris::Utf8SequenceLength(rest);
    Require(length > 0);
    rest.remove_prefix(length);
  }
  if (MayChangeAgain(text)) return 0;
  Require(normaliser.Apply(text, again, second).has_value());
  Require(again == text);
  return 0;
}
