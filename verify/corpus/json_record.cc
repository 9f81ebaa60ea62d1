// One pass over a JSON text by recursive descent. It checks the grammar of RFC 8259 as a whole, since a line that only some
// readers accept would be a record for some and none for others, and it decodes nothing but what is asked for.
//
// Not simdjson's, though it finds the same: that refuses numbers beyond 64 bits or binary64, strings of ill-formed UTF-8 and lone
// surrogates, all of which stand in corpora and are tested here (corpus.md C15). Where it accepts a text, both agree; the tests
// compare them.
// Tested by tests/verify/corpus/json_record_test.cc, tests/fuzz/fuzz_corpus_jsonl.cc.
#include "verify/corpus/json_record.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "watermark/context.h"  // kIdLimit

namespace verdigris::verify {
namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxPaths = 4;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Precondition: four hexadecimal digits.
uint32_t FourDigits(const char* at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value * 16 + static_cast<uint32_t>(HexDigit(at[i]));
  return value;
}

constexpr uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;

// The top bit of the lowest byte that is below `limit` (at most 128) is set, and none below it; above it others may be.
constexpr uint64_t BytesBelow(uint64_t word, uint64_t limit) { return (word - kOnes * limit) & ~word & kTops; }
constexpr uint64_t BytesEqual(uint64_t word, unsigned char byte) { return BytesBelow(word ^ (kOnes * byte), 1); }
// What may end or break a run of plain characters: a quote, a backslash or a control.
constexpr uint64_t SpecialBytes(uint64_t word) { return BytesEqual(word, '"') | BytesEqual(word, '\\') | BytesBelow(word, 0x20); }
constexpr uint64_t Backslashes(uint64_t word) { return BytesEqual(word, '\\'); }

// Eight bytes, the first of them lowest.
uint64_t LoadEight(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  if constexpr (std::endian::native == std::endian::big) {
    std::reverse(reinterpret_cast<char*>(&word), reinterpret_cast<char*>(&word + 1));
  }
  return word;
}
size_t FirstByte(uint64_t bits) { return static_cast<size_t>(std::countr_zero(bits)) / 8; }

const char* FindSpecial(const char* at, const char* end) {
  for (; end - at >= 8; at += 8) {
    if (const uint64_t special = SpecialBytes(LoadEight(at)); special != 0) return at + FirstByte(special);
  }
  while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

class Finder {
 public:
  Finder(std::string_view text, std::span<const JsonPath> paths, std::span<JsonSpan> found)
      : at_(text.data()), end_(text.data() + text.size()), paths_(paths), found_(found) {}

  bool Run() {
    std::array<size_t, kMaxPaths> wanted;
    for (size_t i = 0; i < paths_.size(); ++i) wanted[i] = i;
    SkipSpace();
    if (!Value(0, {wanted.data(), paths_.size()})) return false;
    SkipSpace();
    return at_ == end_;
  }

 private:
  void SkipSpace() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
  }

  // `wanted`: the paths whose first `depth` parts led here.
  bool Value(size_t depth, std::span<const size_t> wanted) {
    if (at_ == end_) return false;
    const char* const begin = at_;
    bool well_formed = false;
    switch (*at_) {
      case '{': well_formed = Object(depth, wanted); break;
      case '[': well_formed = Array(depth, wanted); break;
      case '"': well_formed = String(); break;
      case 't': well_formed = TakeWord("true"); break;
      case 'f': well_formed = TakeWord("false"); break;
      case 'n': well_formed = TakeWord("null"); break;
      default: well_formed = Number();
    }
    if (!well_formed) return false;
    for (const size_t path : wanted) {
      if (paths_[path].size() == depth && found_[path].raw.empty()) found_[path].raw = {begin, static_cast<size_t>(at_ - begin)};
    }
    return true;
  }

  bool String() {
    ++at_;
    for (;;) {
      at_ = FindSpecial(at_, end_);
      if (at_ == end_) return false;
      const unsigned char c = static_cast<unsigned char>(*at_++);
      if (c == '"') return true;
      if (c < 0x20) return false;
      if (c == '\\' && !Escape()) return false;
    }
  }

  bool Escape() {
    if (at_ == end_) return false;
    const char c = *at_++;
    if (c != 'u') return c != '\0' && std::strchr("\"\\/bfnrt", c) != nullptr;
    if (end_ - at_ < 4 || !std::all_of(at_, at_ + 4, [](char digit) { return HexDigit(digit) >= 0; })) return false;
    at_ += 4;
    return true;
  }

  bool Digits() {
    const char* const begin = at_;
    while (at_ < end_ && IsDigit(*at_)) ++at_;
    return at_ > begin;
  }

  bool Number() {
    Take('-');
    if (!Take('0') && !Digits()) return false;
    if (Take('.') && !Digits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      return Digits();
    }
    return true;
  }

  bool Object(size_t depth, std::span<const size_t> wanted) {
    if (++level_ > kMaxDepth) return false;
    ++at_;
    std::array<bool, kMaxPaths> seen{};
    SkipSpace();
    if (Take('}')) return --level_, true;
    for (;;) {
      SkipSpace();
      if (at_ == end_ || *at_ != '"') return false;
      const char* const begin = at_;
      if (!String()) return false;
      std::array<size_t, kMaxPaths> inner;
      size_t count = 0;
      if (!wanted.empty()) {
        const std::string_view name = DecodeJsonString({begin, static_cast<size_t>(at_ - begin)}, name_);
        for (const size_t path : wanted) {
          if (paths_[path].size() <= depth || paths_[path][depth] != name) continue;
          if (seen[path]) {
            found_[path].duplicate = true;
          } else {
            inner[count++] = path;
          }
          seen[path] = true;
        }
      }
      SkipSpace();
      if (!Take(':')) return false;
      SkipSpace();
      if (!Value(depth + 1, {inner.data(), count})) return false;
      SkipSpace();
      if (Take('}')) return --level_, true;
      if (!Take(',')) return false;
    }
  }

  bool Array(size_t depth, std::span<const size_t> wanted) {
    if (++level_ > kMaxDepth) return false;
    ++at_;
    SkipSpace();
    if (Take(']')) return --level_, true;
    for (uint64_t place = 0;; ++place) {
      std::array<size_t, kMaxPaths> inner;
      size_t count = 0;
      for (const size_t path : wanted) {
        if (paths_[path].size() > depth && paths_[path][depth] == std::to_string(place)) inner[count++] = path;
      }
      SkipSpace();
      if (!Value(depth + 1, {inner.data(), count})) return false;
      SkipSpace();
      if (Take(']')) return --level_, true;
      if (!Take(',')) return false;
    }
  }

  const char* at_;
  const char* const end_;
  const std::span<const JsonPath> paths_;
  const std::span<JsonSpan> found_;
  int level_ = 0;
  std::string name_;
};

// Surrogates too, each by itself. Returns the end of what was written, four bytes at most.
char* WriteCodePoint(uint32_t c, char* out) {
  if (c < 0x80) {
    *out++ = static_cast<char>(c);
    return out;
  }
  const int following = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  *out++ = static_cast<char>((0xFF00 >> (following + 1) & 0xFF) | c >> 6 * following);
  for (int i = following - 1; i >= 0; --i) *out++ = static_cast<char>(0x80 | (c >> 6 * i & 0x3F));
  return out;
}

char Unescaped(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

}  // namespace

JsonPath ParseJsonPath(std::string_view field) {
  if (field.empty() || field[0] != '/') return {std::string(field)};
  JsonPath path;
  for (size_t at = 0; at < field.size();) {
    const size_t end = std::min(field.find('/', at + 1), field.size());
    std::string part;
    for (size_t i = at + 1; i < end; ++i) {
      const bool escape = field[i] == '~' && i + 1 < end && (field[i + 1] == '0' || field[i + 1] == '1');
      part += escape ? (field[i + 1] == '0' ? '~' : '/') : field[i];
      i += escape ? 1 : 0;
    }
    path.push_back(std::move(part));
    at = end;
  }
  return path;
}

bool FindInJson(std::string_view text, std::span<const JsonPath> paths, std::span<JsonSpan> found) {
  std::fill(found.begin(), found.end(), JsonSpan());
  return Finder(text, paths, found).Run();
}

std::string_view DecodeJsonString(std::string_view raw, std::string& buffer) {
  raw = raw.substr(1, raw.size() - 2);
  const char* at = static_cast<const char*>(std::memchr(raw.data(), '\\', raw.size()));
  if (at == nullptr) return raw;
  // An escape is longer than what it stands for, so the text fits, and eight bytes may be written where eight were read.
  if (buffer.size() < raw.size()) buffer.resize(raw.size());
  const char* const end = raw.data() + raw.size();
  char* out = std::copy(raw.data(), at, buffer.data());
  while (at < end) {
    if (end - at >= 8 && *at != '\\') {
      std::memcpy(out, at, 8);
      const uint64_t backslashes = Backslashes(LoadEight(at));
      const size_t plain = backslashes == 0 ? 8 : FirstByte(backslashes);
      out += plain;
      at += plain;
    } else if (*at != '\\') {
      *out++ = *at++;
    } else if (at[1] != 'u') {
      *out++ = Unescaped(at[1]);
      at += 2;
    } else {
      uint32_t c = FourDigits(at + 2);
      at += 6;
      if (c >= 0xD800 && c < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        const uint32_t low = FourDigits(at + 2);
        if (low >= 0xDC00 && low < 0xE000) {
          c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
          at += 6;
        }
      }
      out = WriteCodePoint(c, out);
    }
  }
  return {buffer.data(), static_cast<size_t>(out - buffer.data())};
}

JsonIds DecodeJsonIds(std::string_view raw, std::vector<uint32_t>& ids) {
  ids.clear();
  if (raw.empty() || raw[0] != '[') return JsonIds::kNotIds;
  bool in_range = true;
  for (size_t at = 1; at < raw.size();) {
    const char c = raw[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ']') {
      ++at;
      continue;
    }
    const bool negative = c == '-';
    if (negative) ++at;
    const size_t begin = at;
    uint32_t value = 0;
    for (; IsDigit(raw[at]); ++at) value = std::min(value * 10 + static_cast<uint32_t>(raw[at] - '0'), kIdLimit);
    if (at == begin || raw[at] == '.' || raw[at] == 'e' || raw[at] == 'E') return JsonIds::kNotIds;
    if (value == kIdLimit || (negative && value > 0)) in_range = false;
    ids.push_back(value);
  }
  return in_range ? JsonIds::kIds : JsonIds::kOutOfRange;
}

}  // namespace verdigris::verify
