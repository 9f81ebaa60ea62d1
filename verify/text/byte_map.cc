// Tested by tests/verify/text/source_text_test.cc and normalize_test.cc.
#include "verify/text/byte_map.h"

#include <algorithm>

#include "watermark/utf8.h"

namespace verdigris::verify {

void ByteMap::Clear() {
  stretches_.clear();
  text_bytes_ = document_bytes_ = 0;
}

void ByteMap::Append(size_t text_bytes, size_t document_bytes, bool changed) {
  if (text_bytes == 0 && document_bytes == 0) return;
  const bool joins = !stretches_.empty() && stretches_.back().changed == (changed ? 1u : 0u) &&
                     (!changed || (text_bytes == 0 && stretches_.back().text_begin == text_bytes_));
  if (!joins) stretches_.push_back({text_bytes_ & 0x7FFFFFFF, changed ? 1u : 0u, document_bytes_});
  text_bytes_ += static_cast<uint32_t>(text_bytes);
  document_bytes_ += static_cast<uint32_t>(document_bytes);
}

uint32_t ByteMap::BeginIn(size_t i, uint32_t place) const {
  const Stretch& stretch = stretches_[i];
  return stretch.document_begin + (stretch.changed != 0 ? 0 : place - stretch.text_begin);
}

// Of a range that ends behind the byte before `place`, which lies in stretch i.
uint32_t ByteMap::EndIn(size_t i, uint32_t place) const {
  const Stretch& stretch = stretches_[i];
  if (stretch.changed == 0) return stretch.document_begin + (place - stretch.text_begin);
  return i + 1 < stretches_.size() ? stretches_[i + 1].document_begin : document_bytes_;
}

ByteRange ByteMap::operator[](size_t i) const {
  const auto place = static_cast<uint32_t>(i);
  if (identity()) return {place, place + 1};
  const auto after = std::upper_bound(stretches_.begin(), stretches_.end(), place, [](uint32_t at, const Stretch& s) { return at < s.text_begin; });
  const auto stretch = static_cast<size_t>(after - stretches_.begin()) - 1;
  return {BeginIn(stretch, place), EndIn(stretch, place + 1)};
}

void ByteMap::ToDocument(std::vector<Token>& tokens) const {
  if (identity()) return;
  size_t first = 0, last = 0;  // stretches of the first and the last byte of a token
  const auto advance = [this](size_t& stretch, uint32_t place) {
    while (stretch + 1 < stretches_.size() && stretches_[stretch + 1].text_begin <= place) ++stretch;
    return stretch;
  };
  for (Token& token : tokens) {
    const uint32_t begin = token.begin < text_bytes_ ? BeginIn(advance(first, token.begin), token.begin) : document_bytes_;
    const uint32_t end = token.end > 0 ? EndIn(advance(last, token.end - 1), token.end) : 0;
    token.begin = begin;
    token.end = std::max(begin, end);  // where the range is empty, the byte before it may end earlier
  }
}

uint64_t ByteMap::ChangedCharacters(std::string_view document) const {
  uint64_t changed = 0;
  for (size_t i = 0; i < stretches_.size(); ++i) {
    if (stretches_[i].changed == 0) continue;
    const uint32_t begin = stretches_[i].document_begin;
    const uint32_t end = i + 1 < stretches_.size() ? stretches_[i + 1].document_begin : document_bytes_;
    changed += CountCharacters(document.substr(begin, end - begin));
  }
  return changed;
}

void AppendUnits(std::span<const TextUnit> units, std::string_view document, std::string& text, ByteMap& map) {
  for (size_t i = 0, next; i < units.size(); i = next) {
    const TextUnit& unit = units[i];
    map.Append(0, unit.begin - map.document_bytes(), true);
    const size_t text_begin = text.size();
    uint32_t end = unit.end;
    next = i + 1;
    if (unit.changed) {
      AppendUtf8(unit.code_point, text);
      for (; next < units.size() && units[next].changed && units[next].begin < end; ++next) {
        AppendUtf8(units[next].code_point, text);
        end = std::max(end, units[next].end);
      }
    } else {
      for (; next < units.size() && !units[next].changed && units[next].begin == end; ++next) end = units[next].end;
      text.append(document, unit.begin, end - unit.begin);
    }
    map.Append(text.size() - text_begin, end - unit.begin, unit.changed);
  }
}

uint64_t CountCharacters(std::string_view text) {
  return static_cast<uint64_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

}  // namespace verdigris::verify
