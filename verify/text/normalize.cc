// verdigris-text/1, in its order: remove, NFC, letters, NFC, spaces.
//
// Most of a text needs none of it, so a text is first only looked at, one table entry a character, for a place where some rule might
// act. Around such a place a part is taken out and goes through all steps, as characters with their places. Its ends are chosen so
// that no step looks across them (IsCut); what is behind the end is known to the one step that asks for it.
//
// The ranges and the look-alikes are those of docs/formats/normaliser.md.
// Whatever is changed here is another normaliser: verdigris-text/2. Tested by tests/verify/text/normalize_test.cc.
#include "verify/text/normalize.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>  // UNORM_YES

#include "verify/text/composer.h"
#include "verify/text/unicode_classes.h"

namespace verdigris::verify {
namespace {

constexpr uint8_t kUnicodeMajor = 15;  // of NFC
constexpr uint32_t kNone = 0xFFFFFFFF;  // no character there; in no set below

struct CodeRange {
  uint32_t first, last;
};
using CodeSet = std::span<const CodeRange>;

constexpr CodeRange kDropped[] = {{0xAD, 0xAD},  {0x34F, 0x34F},   {0x61C, 0x61C},   {0x17B4, 0x17B5}, {0x180B, 0x180F},   {0x200B, 0x200F},   {0x202A, 0x202E},
                               {0x2060, 0x206F}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};
constexpr CodeRange kJoin[] = {{0x600, 0x8FF},   {0x900, 0xDFF},   {0xF00, 0xFFF},   {0x1000, 0x109F}, {0x1780, 0x17FF}, {0x1800, 0x180A}, {0x1810, 0x18AF},
                               {0xA840, 0xA87F}, {0xA8E0, 0xA8FF}, {0xA980, 0xA9DF}, {0xFB50, 0xFDFF}, {0xFE70, 0xFEFE}, {0x11000, 0x11FFF}};
constexpr CodeRange kSoutheastAsian[] = {{0xE00, 0xFFF}, {0x1000, 0x109F}, {0x1780, 0x17FF}, {0x1950, 0x19DF}, {0x1A20, 0x1AAF}, {0xA980, 0xA9DF}, {0xAA60, 0xAA7F}};
constexpr CodeRange kRightToLeft[] = {{0x590, 0x8FF}, {0xFB1D, 0xFDFF}, {0xFE70, 0xFEFE}, {0x10800, 0x10FFF}, {0x1E800, 0x1EFFF}};
constexpr CodeRange kCjk[] = {{0x3400, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x323AF}};
constexpr CodeRange kMongolian[] = {{0x1800, 0x180A}, {0x1810, 0x18AF}};
constexpr CodeRange kKeycapBase[] = {{0x23, 0x23}, {0x2A, 0x2A}, {0x30, 0x39}};
constexpr CodeRange kEmoji[] = {{0xA9, 0xA9},     {0xAE, 0xAE},     {0x203C, 0x203C}, {0x2049, 0x2049}, {0x2122, 0x2122}, {0x2139, 0x2139}, {0x2194, 0x21AA},
                                {0x231A, 0x23FF}, {0x24C2, 0x24C2}, {0x25AA, 0x25FE}, {0x2600, 0x27BF}, {0x2934, 0x2935}, {0x2B05, 0x2B55}, {0x3030, 0x3030},
                                {0x303D, 0x303D}, {0x3297, 0x3297}, {0x3299, 0x3299}, {0x1F000, 0x1FAFF}};
constexpr CodeRange kLatin[] = {{0x41, 0x5A}, {0x61, 0x7A}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x24F}, {0x1E00, 0x1EFF}};
constexpr CodeRange kCyrillic[] = {{0x400, 0x52F}};
constexpr CodeRange kGreek[] = {{0x370, 0x3FF}, {0x1F00, 0x1FFF}};
// Spaces that step `Spaces` looks at.
constexpr CodeRange kSpaces[] = {{0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};

bool In(CodeSet set, uint32_t c) {
  const auto after = std::upper_bound(set.begin(), set.end(), c, [](uint32_t code, const CodeRange& range) { return code < range.first; });
  return after != set.begin() && c <= (after - 1)->last;
}

constexpr uint32_t kNonJoiner = 0x200C, kJoiner = 0x200D, kZeroWidthSpace = 0x200B;
constexpr uint32_t kBlackFlag = 0x1F3F4, kFirstTag = 0xE0020, kLastTag = 0xE007E, kEndTag = 0xE007F;
constexpr uint32_t kTextStyle = 0xFE0E, kEmojiStyle = 0xFE0F, kKeycap = 0x20E3;
constexpr uint32_t kNoBreakSpace = 0xA0, kNarrowNoBreakSpace = 0x202F, kIdeographicSpace = 0x3000;

// Letters that look like an ASCII letter.
struct LookAlikes {
  std::u32string_view letters;
  std::string_view ascii;
};
constexpr LookAlikes kCyrillicLooks = {
    U"\u0410\u0412\u0421\u0415\u041D\u0406\u0408\u041A\u041C\u041E\u0420\u0405\u0422\u0425\u0423\u0430\u0441\u0435\u04BB\u0456\u0458\u043E\u0440\u0455"
    U"\u0443\u0445\u0501\u051B\u051D\u04CF\u0475\u051A\u051C\u0474",
    "ABCEHIJKMOPSTXYacehijopsyxdqwlvQWV"};
constexpr LookAlikes kGreekLooks = {U"\u0391\u0392\u0395\u0396\u0397\u0399\u039A\u039C\u039D\u039F\u03A1\u03A4\u03A5\u03A7\u03BF\u03BD\u03F3", "ABEZHIKMNOPTYXovj"};
constexpr LookAlikes kOtherLooks = {
    U"\u0251\u0261\u0585\u057D\u0578\u0570\u0581\u0575\u0566\u13AA\u13F4\u13DF\u13A0\u13AC\u13C0\u13BB\u13AB\u13E6\u13DE\u13B7\u13E2\u13DA\u13A2\u13D9\u13D4"
    U"\u13C3",
    "agounhgjqABCDEGHJKLMPSTVWZ"};
static_assert(kCyrillicLooks.letters.size() == kCyrillicLooks.ascii.size() && kGreekLooks.letters.size() == kGreekLooks.ascii.size() &&
              kOtherLooks.letters.size() == kOtherLooks.ascii.size());

bool IsAsciiLetter(uint32_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool IsAsciiDigit(uint32_t c) { return c >= '0' && c <= '9'; }
bool IsLetter(uint32_t c) { return (UnicodeClass(c) & kLetter) != 0; }

uint32_t AsciiOf(const LookAlikes& looks, uint32_t c) {
  const size_t i = looks.letters.find(static_cast<char32_t>(c));
  return i == looks.letters.npos ? 0 : static_cast<uint32_t>(looks.ascii[i]);
}
uint32_t LetterOf(const LookAlikes& looks, uint32_t ascii) {
  const size_t i = ascii < 0x80 ? looks.ascii.find(static_cast<char>(ascii)) : looks.ascii.npos;
  return i == looks.ascii.npos ? 0 : static_cast<uint32_t>(looks.letters[i]);
}

// Mathematical letters: alphabets of 26 capitals and 26 small letters, with holes where a letter is older and elsewhere.
uint32_t AsciiOfMathematical(uint32_t c) {
  if (c < 0x1D400 || c > 0x1D6A3 || !IsLetter(c)) return 0;
  const uint32_t place = (c - 0x1D400) % 52;
  return place < 26 ? 'A' + place : 'a' + place - 26;
}

// 0 if it is not to be read as one.
uint32_t ToLatin(uint32_t c) {
  if (c < 0x80) return 0;
  for (const LookAlikes* looks : {&kCyrillicLooks, &kGreekLooks, &kOtherLooks}) {
    if (const uint32_t ascii = AsciiOf(*looks, c); ascii != 0) return ascii;
  }
  if (c >= 0xFF21 && c <= 0xFF3A) return c - 0xFF21 + 'A';
  if (c >= 0xFF41 && c <= 0xFF5A) return c - 0xFF41 + 'a';
  return AsciiOfMathematical(c);
}

// Where the part around a change may begin and end: before an ASCII character that ends a word, composes with nothing and is in
// none of the sets that the rules ask of a neighbour across hidden characters.
constexpr std::array<bool, 128> kIsCut = [] {
  std::array<bool, 128> cut{};
  for (uint32_t c = 0; c < 128; ++c) cut[c] = !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '<' && c != '=' && c != '>';
  return cut;
}();
bool IsCut(char c) { return static_cast<uint8_t>(c) < 0x80 && kIsCut[static_cast<uint8_t>(c)]; }

size_t EndOfAscii(std::string_view text, size_t at) {
  for (uint64_t word; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080) != 0) break;
  }
  while (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

// What rules ask of each character.
struct NormaliserClasses {
  enum : uint8_t {
    kDrop = 1,
    kComposes = 2,  // NFC may change it or what is before it
    kSpace = 4,     // of kSpaces
    kReorders = 8,  // of a combining class; NFC may change it where it follows one of a higher class
    kForeign = 16,  // letter that acts in a word with ASCII letters
    kStyled = 32,   // mathematical letter
    kAscii = 64,    // ASCII letter
    kInWord = 128,  // letter or mark
    kActs = kDrop | kComposes | kSpace | kStyled,
  };
  static constexpr uint32_t kTable = 0x20000;
  std::array<uint8_t, kTable> bits{};

  NormaliserClasses() {
    for (uint32_t c = 0; c < kTable; ++c) bits[c] = Of(c);
  }

  uint8_t operator[](uint32_t c) const { return c < kTable ? bits[c] : Of(c); }

 private:
  static uint8_t Of(uint32_t c) {
    if (c < 0x80) return IsAsciiLetter(c) ? kAscii | kInWord : 0;
    const uint16_t unicode = UnicodeClass(c);
    const uint8_t in_word = (unicode & (kLetter | kMark)) != 0 ? kInWord : 0;
    // Ideographs, Hangul syllables and what is for private use: no rule touches them.
    constexpr CodeRange kUntouched[] = {{0x3400, 0x9FFF}, {0xAC00, 0xD7A3}, {0xD800, 0xF8FF}, {0x20000, 0x2F7FF}, {0x2FA20, 0xDFFFF}, {0xE1000, 0x10FFFF}};
    if (In(kUntouched, c)) return in_word;
    uint8_t bits = in_word;
    if (In(kDropped, c)) bits |= kDrop;
    if (In(kSpaces, c)) bits |= kSpace;
    UVersionInfo age;
    u_charAge(static_cast<UChar32>(c), age);
    if (age[0] >= 1 && (age[0] < kUnicodeMajor || (age[0] == kUnicodeMajor && age[1] == 0))) {
      if (u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NFC_QUICK_CHECK) != UNORM_YES) bits |= kComposes;
      if (u_getCombiningClass(static_cast<UChar32>(c)) != 0) bits |= kReorders;
    }
    if ((unicode & kLetter) == 0) return bits;
    if (AsciiOfMathematical(c) != 0) return bits | kStyled;
    if (In(kCyrillic, c) || In(kGreek, c) || ToLatin(c) != 0) bits |= kForeign;
    return bits;
  }
};

namespace {

bool IsKept(uint32_t c, uint32_t before, uint32_t after) {
  switch (c) {
    case kJoiner:
      return In(kJoin, before) || (In(kJoin, after) && !In(kDropped, before)) ||
             ((In(kEmoji, before) || before == kEmojiStyle || before == kEndTag) && In(kEmoji, after));
    case kNonJoiner: return In(kJoin, before) && In(kJoin, after);
    case kZeroWidthSpace: return In(kSoutheastAsian, before) && In(kSoutheastAsian, after);
    case 0x200E:
    case 0x200F:
    case 0x61C: return In(kRightToLeft, before) || (In(kRightToLeft, after) && !In(kDropped, before));
    case kTextStyle:
    case kEmojiStyle: return In(kEmoji, before) || (In(kKeycapBase, before) && after == kKeycap);
    default: break;
  }
  if ((c >= 0xFE00 && c <= 0xFE02) || (c >= 0xE0100 && c <= 0xE01EF)) return In(kCjk, before);
  if (c >= 0x180B && c <= 0x180F) return In(kMongolian, before);
  return false;
}

void Remove(std::vector<TextUnit>& units) {
  const auto is_tag = [&](size_t i) { return units[i].code_point >= kFirstTag && units[i].code_point <= kLastTag; };
  size_t kept = 0;
  for (size_t i = 0; i < units.size();) {
    if (!In(kDropped, units[i].code_point)) {
      units[kept++] = units[i++];
      continue;
    }
    // All of a run have the same character after them.
    size_t end = i;
    while (end < units.size() && In(kDropped, units[end].code_point)) ++end;
    const uint32_t after = end < units.size() ? units[end].code_point : kNone;
    while (i < end) {
      const uint32_t before = kept > 0 ? units[kept - 1].code_point : kNone;
      if (before == kBlackFlag && is_tag(i)) {
        // An emoji tag sequence: whole, or none of its tags.
        size_t last = i;
        while (last < end && is_tag(last)) ++last;
        const bool whole = last < end && units[last].code_point == kEndTag;
        if (whole) {
          for (size_t t = i; t <= last; ++t) units[kept++] = units[t];
        }
        i = whole ? last + 1 : last;
        continue;
      }
      if (IsKept(units[i].code_point, before, after)) units[kept++] = units[i];
      ++i;
    }
  }
  units.resize(kept);
}

void Compose(std::vector<TextUnit>& units, Composer& composer, std::vector<TextUnit>& buffer) {
  buffer.clear();
  for (const TextUnit& unit : units) composer.Push(unit, buffer);
  composer.Finish(buffer);
  units.swap(buffer);
}

void Replace(TextUnit& unit, uint32_t code_point) {
  if (unit.code_point == code_point) return;
  unit.code_point = code_point;
  unit.changed = true;
}

// Replaces letters of one word that has some to replace it by. Whether it did.
bool UnmaskWord(std::span<TextUnit> word) {
  size_t letters = 0, ascii = 0, hidden = 0, styled = 0, latin = 0;
  for (const TextUnit& unit : word) {
    const uint32_t c = unit.code_point;
    if (!IsLetter(c)) continue;
    ++letters;
    ascii += c < 0x80;
    const bool looks_latin = ToLatin(c) != 0;
    hidden += looks_latin;
    styled += AsciiOfMathematical(c) != 0;
    latin += looks_latin || In(kLatin, c);
  }
  if (hidden > 0 && latin == letters && (ascii > 0 || styled >= 3)) {
    for (TextUnit& unit : word) {
      if (const uint32_t c = ToLatin(unit.code_point); c != 0) Replace(unit, c);
    }
    return true;
  }
  if (ascii == 0) return false;
  struct Script {
    CodeSet letters;
    const LookAlikes& looks;
  };
  for (const Script& script : {Script{kCyrillic, kCyrillicLooks}, Script{kGreek, kGreekLooks}}) {
    size_t fitting = 0, own = 0;
    for (const TextUnit& unit : word) {
      const uint32_t c = unit.code_point;
      if (!IsLetter(c)) continue;
      const bool in_script = In(script.letters, c);
      fitting += in_script || LetterOf(script.looks, c) != 0;
      own += in_script && AsciiOf(script.looks, c) == 0;
    }
    if (fitting != letters || own < 2) continue;
    bool changed = false;
    for (TextUnit& unit : word) {
      const uint32_t c = LetterOf(script.looks, unit.code_point);
      if (c != 0) Replace(unit, c);
      changed |= c != 0;
    }
    return changed;
  }
  return false;
}

bool UnmaskLetters(std::vector<TextUnit>& units, const NormaliserClasses& classes) {
  bool changed = false;
  for (size_t i = 0; i < units.size(); ++i) {
    const size_t first = i;
    uint8_t word = 0;
    for (; i < units.size(); ++i) {
      const uint8_t bits = classes[units[i].code_point];
      if ((bits & NormaliserClasses::kInWord) == 0) break;
      word |= bits;
    }
    constexpr uint8_t kMixed = NormaliserClasses::kAscii | NormaliserClasses::kForeign;
    if ((word & kMixed) == kMixed || (word & NormaliserClasses::kStyled) != 0) changed |= UnmaskWord(std::span(units).subspan(first, i - first));
  }
  return changed;
}

// `behind`: the character after the last unit, or kNone.
void PlainSpaces(std::vector<TextUnit>& units, uint32_t behind) {
  uint32_t before = kNone;  // as it was before this step
  for (size_t i = 0; i < units.size(); ++i) {
    const uint32_t c = units[i].code_point, after = i + 1 < units.size() ? units[i + 1].code_point : behind;
    if (c == kNoBreakSpace || c == kNarrowNoBreakSpace) {
      constexpr std::u32string_view kAfterNoBreak = U";:!?\u00BB%\u20AC";
      const bool belongs = kAfterNoBreak.find(static_cast<char32_t>(after)) != kAfterNoBreak.npos || before == 0xAB || (IsAsciiDigit(before) && IsAsciiDigit(after));
      if (!belongs) Replace(units[i], ' ');
    } else if (c == kIdeographicSpace) {
      if (before < 0x250 && after < 0x250) Replace(units[i], ' ');
    } else if (In(kSpaces, c)) {
      Replace(units[i], c == 0x2028 || c == 0x2029 ? '\n' : ' ');
    }
    before = c;
  }
}

// The first look: from place to place where some rule may act.
class Look {
 public:
  Look(const NormaliserClasses& classes, std::string_view document) : classes_(classes), document_(document) {}

  // Goes on to the next such place; false if there is none.
  bool Next() {
    while (at_ < document_.size()) {
      if (static_cast<uint8_t>(document_[at_]) < 0x80) {
        if (!PassAscii()) return true;
      } else if (!PassCharacter()) {
        return true;
      }
    }
    return false;
  }

  // The part around the place, [begin, end); behind it one may go on.
  size_t begin() const { return cut_; }
  size_t TakePart() {
    do {
      ++at_;
    } while (at_ < document_.size() && !IsCut(document_[at_]));
    cut_ = at_;
    has_ascii_ = has_foreign_ = false;
    mark_ = 0;
    return at_;
  }

 private:
  bool PassAscii() {
    if (IsAsciiLetter(static_cast<uint8_t>(document_[at_])) && has_foreign_) return false;
    const size_t end = EndOfAscii(document_, at_);
    for (size_t cut = end; cut > at_; --cut) {
      if (!IsCut(document_[cut - 1])) continue;
      cut_ = cut - 1;
      break;
    }
    has_ascii_ = IsAsciiLetter(static_cast<uint8_t>(document_[end - 1]));
    has_foreign_ = false;
    mark_ = 0;
    at_ = end;
    return true;
  }

  bool PassCharacter() {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(document_[at_ + i]); };
    const auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
    const size_t left = document_.size() - at_;
    uint32_t c;
    size_t length;
    if (byte(0) >= 0xC2 && byte(0) < 0xE0 && left >= 2 && continues(1)) {
      c = (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
      length = 2;
    } else if (byte(0) >= 0xE0 && byte(0) < 0xF0 && left >= 3 && continues(1) && continues(2)) {
      c = (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
      if (c < 0x800 || (c >= 0xD800 && c < 0xE000)) return false;
      length = 3;
    } else if (byte(0) >= 0xF0 && left >= 4 && continues(1) && continues(2) && continues(3)) {
      c = (byte(0) & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
      if (c < 0x10000 || c >= 0x110000 || byte(0) > 0xF4) return false;
      length = 4;
    } else {
      return false;  // ill-formed
    }
    const uint8_t bits = classes_[c];
    if ((bits & NormaliserClasses::kActs) != 0) return false;
    if ((bits & NormaliserClasses::kReorders) != 0) {
      if (mark_ != 0 && u_getCombiningClass(static_cast<UChar32>(mark_)) > u_getCombiningClass(static_cast<UChar32>(c))) return false;
      mark_ = c;
    } else {
      mark_ = 0;
    }
    if ((bits & NormaliserClasses::kForeign) != 0) {
      if (has_ascii_) return false;
      has_foreign_ = true;
    } else if ((bits & NormaliserClasses::kInWord) == 0) {
      has_ascii_ = has_foreign_ = false;
    }
    at_ += length;
    return true;
  }

  const NormaliserClasses& classes_;
  std::string_view document_;
  size_t at_ = 0;
  size_t cut_ = 0;            // the last place before at_ where a part may begin
  bool has_ascii_ = false;    // the word so far
  bool has_foreign_ = false;
  uint32_t mark_ = 0;         // the character before, if it is kReorders
};

}  // namespace

Result<Normaliser> Normaliser::Create(std::string_view name) {
  Normaliser normaliser;
  if (name == kTextNormaliser) {
    normaliser.classes_ = std::make_shared<const NormaliserClasses>();
  } else if (name != kNoNormaliser) {
    return Fail(ErrorKind::kUnsupported, "normaliser " + std::string(name) + " is not in this build; none/1 and verdigris-text/1 are");
  }
  return normaliser;
}

Result<void> Normaliser::Apply(std::string_view document, std::string& out, ByteMap& map) const {
  out.clear();
  map.Clear();
  if (document.size() > kMaxDocumentBytes) {
    return Fail(ErrorKind::kLimit, "document of " + std::to_string(document.size()) + " bytes, the limit is 16 MiB");
  }
  size_t done = 0;
  const auto keep_until = [&](size_t end) {
    out.append(document, done, end - done);
    map.Append(end - done, end - done, /*changed=*/false);
    done = end;
  };
  if (classes_ != nullptr) {
    Look look(*classes_, document);
    Composer composer(kUnicodeMajor);
    std::vector<TextUnit> units, buffer;
    while (look.Next()) {
      const size_t begin = look.begin(), end = look.TakePart();
      units.clear();
      units.reserve(end - begin);
      uint8_t all = 0;
      for (size_t at = begin; at < end; at = units.back().end) {
        units.push_back(ReadUnit(document, at));
        all |= (*classes_)[units.back().code_point];
      }
      const size_t characters = units.size();
      if ((all & NormaliserClasses::kDrop) != 0) Remove(units);
      const bool removed = units.size() != characters;
      const bool composes = (all & (NormaliserClasses::kComposes | NormaliserClasses::kReorders)) != 0;
      if (composes) Compose(units, composer, buffer);
      if (UnmaskLetters(units, *classes_) && composes) Compose(units, composer, buffer);
      if ((all & NormaliserClasses::kSpace) != 0) PlainSpaces(units, end < document.size() ? static_cast<uint8_t>(document[end]) : kNone);
      if (!removed && std::none_of(units.begin(), units.end(), [](const TextUnit& unit) { return unit.changed; })) continue;
      keep_until(begin);
      AppendUnits(units, document, out, map);
      map.Append(0, end - map.document_bytes(), /*changed=*/true);
      done = end;
    }
  }
  if (done == 0 && map.identity()) {
    out = document;
  } else {
    keep_until(document.size());
  }
  return {};
}

namespace {

class NormalisedTokenizer final : public Tokenizer {
 public:
  NormalisedTokenizer(Normaliser normaliser, std::shared_ptr<const Tokenizer> tokenizer) : normaliser_(std::move(normaliser)), tokenizer_(std::move(tokenizer)) {}

  Result<void> Encode(std::string_view document, Scratch& scratch, std::vector<Token>& out) const override {
    auto* state = dynamic_cast<State*>(scratch.state.get());
    if (state == nullptr) {
      auto fresh = std::make_unique<State>();
      fresh->inner.cache_bytes = scratch.cache_bytes;
      state = fresh.get();
      scratch.state = std::move(fresh);
    }
    out.clear();
    VERDIGRIS_RETURN_IF_ERROR(normaliser_.Apply(document, state->text, state->map));
    VERDIGRIS_RETURN_IF_ERROR(tokenizer_->Encode(state->text, state->inner, out));
    state->map.ToDocument(out);
    return {};
  }
  Result<void> Decode(std::span<const uint32_t> ids, std::string& out) const override { return tokenizer_->Decode(ids, out); }
  uint32_t vocab() const override { return tokenizer_->vocab(); }
  std::array<uint8_t, 32> digest() const override { return tokenizer_->digest(); }
  std::span<const IdRange> special_ids() const override { return tokenizer_->special_ids(); }
  std::string_view kind() const override { return tokenizer_->kind(); }

 private:
  struct State : Scratch::State {
    std::string text;
    ByteMap map;
    Scratch inner;
  };
  Normaliser normaliser_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

}  // namespace

std::unique_ptr<Tokenizer> AfterNormaliser(Normaliser normaliser, std::shared_ptr<const Tokenizer> tokenizer) {
  return std::make_unique<NormalisedTokenizer>(std::move(normaliser), std::move(tokenizer));
}

}  // namespace verdigris::verify
