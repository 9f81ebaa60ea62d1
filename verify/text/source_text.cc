// Composition is written out here over ICU's data, not left to ICU's normalizer: that one takes quadratic time for a long run of
// marks in the wrong order, which a text may hold to hang its reader. The canonical ordering below is a stable sort.
//
// Characters of later versions than 9.0 are inert, as for the tokenizers library (unicode-normalization of that version); by
// the stability policy of Unicode older characters behave the same in every ICU since 59.
// Tested by tests/verify/text/source_text_test.cc.
#include "verify/text/source_text.h"

#include <algorithm>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include "watermark/json.h"  // Utf8SequenceLength

namespace verdigris::verify {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;
constexpr uint32_t kFirstMark = 0x300;  // below it every character is in NFC, and composes with none before it
constexpr uint8_t kFirstMarkByte = 0xCC;

const UNormalizer2* Nfc() {
  UErrorCode error = U_ZERO_ERROR;
  return unorm2_getNFCInstance(&error);  // data inside the library: cannot fail
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

void AppendUtf8(uint32_t c, std::string& out) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  }
}

// Assigned in Unicode 9.0.
bool IsOld(uint32_t c) {
  if (c < kFirstMark) return true;
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] >= 1 && (age[0] < 9 || (age[0] == 9 && age[1] == 0));
}

// Whether composition can never reach from before `c` into it.
bool Starts(uint32_t c) { return c < kFirstMark || !IsOld(c) || unorm2_hasBoundaryBefore(Nfc(), static_cast<UChar32>(c)); }

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

void SourceText::Append(std::string_view bytes, size_t source_begin, bool changed) {
  const size_t text_begin = changed_text_.size();
  changed_text_ += bytes;
  if (!changed && !stretches_.empty()) {
    const Stretch& last = stretches_.back();
    if (last.changed == 0 && text_begin - last.text_begin == source_begin - last.source_begin) return;
  }
  stretches_.push_back({static_cast<uint32_t>(text_begin) & 0x7FFFFFFF, changed ? 1u : 0u, static_cast<uint32_t>(source_begin)});
}

// The units gathered, composed.
void SourceText::AppendUnits() {
  const UNormalizer2* nfc = Nfc();
  if (units_.size() == 1 && (units_[0].code_point < kFirstMark || unorm2_isInert(nfc, static_cast<UChar32>(units_[0].code_point)))) {
    composed_.clear();
    AppendUtf8(units_[0].code_point, composed_);
    return Append(composed_, units_[0].begin, units_[0].ill_formed);
  }
  decomposed_.clear();
  for (const Unit& unit : units_) {
    UChar decomposition[8];  // at most 4 code points
    UErrorCode error = U_ZERO_ERROR;
    const auto c = static_cast<UChar32>(unit.code_point);
    const int32_t length = IsOld(unit.code_point) ? unorm2_getDecomposition(nfc, c, decomposition, 8, &error) : -1;
    if (length < 0 || U_FAILURE(error)) {
      decomposed_.push_back({unit.code_point, IsOld(unit.code_point) ? unorm2_getCombiningClass(nfc, c) : uint8_t{0}});
      continue;
    }
    for (int32_t i = 0; i < length;) {
      UChar32 part;
      U16_NEXT(decomposition, i, length, part);
      decomposed_.push_back({static_cast<uint32_t>(part), unorm2_getCombiningClass(nfc, part)});
    }
  }
  for (auto from = decomposed_.begin(); from != decomposed_.end();) {
    if (from->combining_class == 0) {
      ++from;
      continue;
    }
    const auto to = std::find_if(from, decomposed_.end(), [](const Marked& marked) { return marked.combining_class == 0; });
    std::stable_sort(from, to, [](const Marked& a, const Marked& b) { return a.combining_class < b.combining_class; });
    from = to;
  }
  // Each character joins the last starter unless one between them is of no lower class (UAX 15, D117).
  size_t kept = 0, starter = 0;
  bool has_starter = false;
  for (const Marked marked : decomposed_) {
    if (has_starter && (kept == starter + 1 || decomposed_[kept - 1].combining_class < marked.combining_class)) {
      const UChar32 pair = unorm2_composePair(nfc, static_cast<UChar32>(decomposed_[starter].code_point), static_cast<UChar32>(marked.code_point));
      if (pair >= 0) {
        decomposed_[starter].code_point = static_cast<uint32_t>(pair);
        continue;
      }
    }
    if (marked.combining_class == 0) {
      has_starter = true;
      starter = kept;
    }
    decomposed_[kept++] = marked;
  }
  const bool same = kept == units_.size() &&
                    std::equal(units_.begin(), units_.end(), decomposed_.begin(),
                               [](const Unit& unit, const Marked& marked) { return unit.code_point == marked.code_point; });
  composed_.clear();
  if (!same) {
    for (size_t i = 0; i < kept; ++i) AppendUtf8(decomposed_[i].code_point, composed_);
    Append(composed_, units_.front().begin, true);
    return;
  }
  for (const Unit& unit : units_) {
    composed_.clear();
    AppendUtf8(unit.code_point, composed_);
    Append(composed_, unit.begin, unit.ill_formed);
  }
}

void SourceText::Read(std::string_view document, bool compose) {
  stretches_.clear();
  source_bytes_ = static_cast<uint32_t>(document.size());
  text_ = document;
  if (IsPlain(document, compose)) return;
  changed_text_.clear();
  units_.clear();
  bool inert = true;  // the last unit, or there is none: composition cannot go on from it
  for (uint32_t at = 0; at < document.size();) {
    const std::string_view rest = document.substr(at);
    size_t length = Utf8SequenceLength(rest.substr(0, 4));
    const bool ill_formed = length == 0;
    if (ill_formed) length = IllFormedLength(rest.substr(0, 4));
    const uint32_t c = ill_formed ? kReplacement : CodePoint(rest.substr(0, length));
    if (!compose) {
      Append(ill_formed ? "\xEF\xBF\xBD" : rest.substr(0, length), at, ill_formed);
    } else {
      if (inert || Starts(c)) {
        if (!units_.empty()) AppendUnits();
        units_.clear();
      }
      units_.push_back({c, at, ill_formed});
      inert = !IsOld(c);
    }
    at += static_cast<uint32_t>(length);
  }
  if (!units_.empty()) AppendUnits();
  text_ = changed_text_;
}

void SourceText::ToDocument(std::vector<Token>& tokens) const {
  if (stretches_.empty()) return;
  size_t first = 0, last = 0;  // stretches of the first and the last byte of a token
  const auto holding = [this](size_t& stretch, uint32_t place) -> const Stretch& {
    while (stretch + 1 < stretches_.size() && stretches_[stretch + 1].text_begin <= place) ++stretch;
    return stretches_[stretch];
  };
  for (Token& token : tokens) {
    const Stretch& begin = holding(first, token.begin);
    const Stretch& end = holding(last, token.end - 1);
    token.begin = begin.source_begin + (begin.changed != 0 ? 0 : token.begin - begin.text_begin);
    token.end = end.changed == 0                   ? end.source_begin + (token.end - end.text_begin)
                : last + 1 < stretches_.size() ? stretches_[last + 1].source_begin
                                               : source_bytes_;
  }
}

}  // namespace verdigris::verify
