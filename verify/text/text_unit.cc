// Tested by tests/verify/text/source_text_test.cc.
#include "verify/text/text_unit.h"

#include "watermark/json.h"  // Utf8SequenceLength

namespace verdigris::verify {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

}  // namespace

size_t IllFormedLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  // Bytes that may follow the first one; 0 where it starts nothing.
  uint8_t least = 0x80, most = 0xBF;
  size_t length = 0;
  if (byte(0) >= 0xC2 && byte(0) <= 0xDF) length = 2;
  if (byte(0) >= 0xE0 && byte(0) <= 0xEF) length = 3;
  if (byte(0) >= 0xF0 && byte(0) <= 0xF4) length = 4;
  if (byte(0) == 0xE0) least = 0xA0;
  if (byte(0) == 0xED) most = 0x9F;
  if (byte(0) == 0xF0) least = 0x90;
  if (byte(0) == 0xF4) most = 0x8F;
  size_t at = 1;
  while (at < length && at < text.size() && byte(at) >= least && byte(at) <= most) {
    least = 0x80;
    most = 0xBF;
    ++at;
  }
  return at;
}

uint32_t CodePoint(std::string_view sequence) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(sequence[i])); };
  switch (sequence.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3: return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default: return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  }
}

TextUnit ReadUnit(std::string_view document, size_t at) {
  const std::string_view rest = document.substr(at, 4);
  const auto begin = static_cast<uint32_t>(at);
  if (const size_t length = Utf8SequenceLength(rest); length > 0) {
    return {CodePoint(rest.substr(0, length)), begin, begin + static_cast<uint32_t>(length), false};
  }
  return {kReplacement, begin, begin + static_cast<uint32_t>(IllFormedLength(rest)), true};
}

}  // namespace verdigris::verify
