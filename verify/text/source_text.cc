// Tested by tests/verify/text/source_text_test.cc.
#include "verify/text/source_text.h"

#include <algorithm>

#include "watermark/json.h"  // Utf8SequenceLength

namespace verdigris::verify {
namespace {

constexpr uint8_t kFirstMarkByte = 0xCC;  // of U+0300: below it every character is in NFC, and composes with none before it
constexpr size_t kReadyUnits = 1024;

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

// Whether a document is its own text.
bool IsPlain(std::string_view document, bool compose) {
  for (size_t at = 0; at < document.size();) {
    if (at + 16 <= document.size() && IsAscii(document.substr(at, 16))) {
      at += 16;
      continue;
    }
    if (compose && static_cast<uint8_t>(document[at]) >= kFirstMarkByte) return false;
    const size_t length = Utf8SequenceLength(document.substr(at, 4));
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

void SourceText::Read(std::string_view document, bool compose) {
  map_.Clear();
  text_ = document;
  if (IsPlain(document, compose)) return;
  changed_text_.clear();
  const auto drain = [&] {
    AppendUnits(ready_, document, changed_text_, map_);
    ready_.clear();
  };
  for (size_t at = 0; at < document.size();) {
    const TextUnit unit = ReadUnit(document, at);
    if (compose) {
      composer_.Push(unit, ready_);
    } else {
      ready_.push_back(unit);
    }
    if (ready_.size() >= kReadyUnits) drain();
    at = unit.end;
  }
  composer_.Finish(ready_);
  drain();
  text_ = changed_text_;
}

}  // namespace verdigris::verify
