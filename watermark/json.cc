// The reader keeps to a fixed depth, so recursion is bounded by 33 frames; it never allocates from a declared length,
// and a file of 64 MiB gives at most a constant factor of that in memory. Canonical form is checked by writing the
// value again and comparing bytes, so that reader and writer cannot disagree about it.
//
// Tested by tests/watermark/json_test.cc (vectors: evidence.json `canonical_json` and the profile cases) and
// tests/fuzz/fuzz_json.cc.
#include "watermark/json.h"

#include <algorithm>
#include <cassert>

#include "watermark/utf8.h"

namespace verdigris {
namespace {

bool IsMemberName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool NameLess(const Json::Member& a, const Json::Member& b) { return a.first < b.first; }

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  Result<Json> Document() {
    VERDIGRIS_ASSIGN_OR_RETURN(Json value, Value(0));
    SkipSpace();
    if (pos_ != bytes_.size()) return Malformed("bytes after the value");
    return value;
  }

 private:
  Unexpected Malformed(const char* what) const {
    return Fail(ErrorKind::kMalformed, std::string(what) + " at byte " + std::to_string(pos_));
  }

  void SkipSpace() {
    while (pos_ < bytes_.size() && (bytes_[pos_] == ' ' || bytes_[pos_] == '\n' || bytes_[pos_] == '\r' || bytes_[pos_] == '\t')) ++pos_;
  }

  bool Take(char c) {
    if (pos_ >= bytes_.size() || bytes_[pos_] != c) return false;
    ++pos_;
    return true;
  }

  Result<Json> Value(int depth) {
    if (depth > Json::kMaxDepth) return Fail(ErrorKind::kLimit, "more than 32 levels of nesting");
    SkipSpace();
    if (pos_ >= bytes_.size()) return Malformed("the value is cut short");
    const char c = bytes_[pos_];
    if (c == '{') return ObjectValue(depth);
    if (c == '[') return ArrayValue(depth);
    if (c == '"') {
      VERDIGRIS_ASSIGN_OR_RETURN(std::string text, String());
      return Json(std::move(text));
    }
    if (c == '-' || (c >= '0' && c <= '9')) return Integer();
    return Malformed("not an object, array, string or integer");
  }

  Result<Json> ObjectValue(int depth) {
    ++pos_;
    Json::Object members;
    SkipSpace();
    if (Take('}')) return Json::FromMembers(std::move(members));
    for (;;) {
      SkipSpace();
      if (pos_ >= bytes_.size() || bytes_[pos_] != '"') return Malformed("a member name is expected");
      VERDIGRIS_ASSIGN_OR_RETURN(std::string name, String());
      if (!IsMemberName(name)) return Malformed("member names are 1 to 64 of A-Z a-z 0-9 _");
      SkipSpace();
      if (!Take(':')) return Malformed("':' is expected");
      VERDIGRIS_ASSIGN_OR_RETURN(Json value, Value(depth + 1));
      members.emplace_back(std::move(name), std::move(value));
      SkipSpace();
      if (Take(',')) continue;
      if (Take('}')) break;
      return Malformed("',' or '}' is expected");
    }
    std::sort(members.begin(), members.end(), NameLess);
    const auto repeated = std::adjacent_find(members.begin(), members.end(),
                                             [](const auto& a, const auto& b) { return a.first == b.first; });
    if (repeated != members.end()) return Malformed("a member name is repeated in the object that ends");
    return Json::FromMembers(std::move(members));
  }

  Result<Json> ArrayValue(int depth) {
    ++pos_;
    Json::Array values;
    SkipSpace();
    if (Take(']')) return Json(std::move(values));
    for (;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(Json value, Value(depth + 1));
      values.push_back(std::move(value));
      SkipSpace();
      if (Take(',')) continue;
      if (Take(']')) return Json(std::move(values));
      return Malformed("',' or ']' is expected");
    }
  }

  Result<Json> Integer() {
    const size_t start = pos_;
    const bool negative = Take('-');
    const size_t digits = pos_;
    int64_t magnitude = 0;
    while (pos_ < bytes_.size() && bytes_[pos_] >= '0' && bytes_[pos_] <= '9') {
      magnitude = magnitude * 10 + (bytes_[pos_] - '0');
      if (magnitude > Json::kMaxInteger) return Malformed("an integer beyond 2^53-1");
      ++pos_;
    }
    if (pos_ == digits) return Malformed("a digit is expected");
    if (bytes_[digits] == '0' && (pos_ - digits > 1 || negative)) {
      pos_ = start;
      return Malformed("an integer with a leading zero, or -0");
    }
    if (pos_ < bytes_.size() && (bytes_[pos_] == '.' || bytes_[pos_] == 'e' || bytes_[pos_] == 'E')) {
      return Malformed("numbers are integers without fraction or exponent");
    }
    return Json(negative ? -magnitude : magnitude);
  }

  // Four hex digits after \u.
  Result<uint32_t> Hex4() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++pos_) {
      if (pos_ >= bytes_.size()) return Malformed("the escape is cut short");
      const char c = bytes_[pos_];
      uint32_t digit;
      if (c >= '0' && c <= '9') digit = static_cast<uint32_t>(c - '0');
      else if (c >= 'a' && c <= 'f') digit = static_cast<uint32_t>(c - 'a' + 10);
      else if (c >= 'A' && c <= 'F') digit = static_cast<uint32_t>(c - 'A' + 10);
      else return Malformed("a hexadecimal digit is expected");
      value = value << 4 | digit;
    }
    return value;
  }

  Result<std::string> String() {
    ++pos_;
    std::string out;
    for (;;) {
      if (pos_ >= bytes_.size()) return Malformed("the string is cut short");
      const unsigned char c = static_cast<unsigned char>(bytes_[pos_]);
      if (c == '"') {
        ++pos_;
        return out;
      }
      if (c < 0x20) return Malformed("a control character in a string");
      if (c != '\\') {
        const size_t length = Utf8SequenceLength(bytes_.substr(pos_));
        if (length == 0) return Malformed("ill-formed UTF-8");
        out.append(bytes_, pos_, length);
        pos_ += length;
        continue;
      }
      if (++pos_ >= bytes_.size()) return Malformed("the escape is cut short");
      const char escape = bytes_[pos_++];
      static constexpr std::string_view kNames = "\"\\/btnfr";
      static constexpr std::string_view kValues = "\"\\/\b\t\n\f\r";
      if (const size_t i = kNames.find(escape); i != kNames.npos) {
        out += kValues[i];
        continue;
      }
      if (escape != 'u') return Malformed("an unknown escape");
      VERDIGRIS_ASSIGN_OR_RETURN(uint32_t code_point, Hex4());
      if (code_point >= 0xD800 && code_point < 0xDC00 && Take('\\') && Take('u')) {
        VERDIGRIS_ASSIGN_OR_RETURN(const uint32_t low, Hex4());
        if (low < 0xDC00 || low > 0xDFFF) return Malformed("a lone surrogate");
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
      }
      if (code_point >= 0xD800 && code_point <= 0xDFFF) return Malformed("a lone surrogate");
      AppendUtf8(code_point, out);
    }
  }

  std::string_view bytes_;
  size_t pos_ = 0;
};

void WriteString(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\f': out += "\\f"; break;
      case '\r': out += "\\r"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[c >> 4];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void Write(const Json& value, std::string& out) {
  if (const int64_t* integer = value.integer()) {
    out += std::to_string(*integer);
  } else if (const std::string* text = value.string()) {
    WriteString(*text, out);
  } else if (const Json::Array* array = value.array()) {
    out += '[';
    for (size_t i = 0; i < array->size(); ++i) {
      if (i != 0) out += ',';
      Write((*array)[i], out);
    }
    out += ']';
  } else {
    const Json::Object& object = *value.object();
    out += '{';
    for (size_t i = 0; i < object.size(); ++i) {
      if (i != 0) out += ',';
      WriteString(object[i].first, out);
      out += ':';
      Write(object[i].second, out);
    }
    out += '}';
  }
}

}  // namespace

Json Json::FromMembers(Object members) {
  std::sort(members.begin(), members.end(), NameLess);
  assert(std::all_of(members.begin(), members.end(), [](const Member& m) { return IsMemberName(m.first); }));
  Json json;
  json.value_ = std::move(members);
  return json;
}

const Json* Json::Find(std::string_view name) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  const auto it = std::lower_bound(members->begin(), members->end(), name,
                                   [](const Member& m, std::string_view n) { return m.first < n; });
  return it != members->end() && it->first == name ? &it->second : nullptr;
}

Result<Json> ParseJson(std::string_view bytes) {
  if (bytes.size() > Json::kMaxBytes) return Fail(ErrorKind::kLimit, "JSON above 64 MiB");
  return Reader(bytes).Document();
}

Result<Json> ParseCanonicalJson(std::string_view bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(Json value, ParseJson(bytes));
  const std::string again = WriteJson(value);
  if (again != bytes) {
    const auto [a, b] = std::mismatch(bytes.begin(), bytes.end(), again.begin(), again.end());
    return Fail(ErrorKind::kMalformed, "not canonical JSON at byte " + std::to_string(a - bytes.begin()));
  }
  return value;
}

std::string WriteJson(const Json& value) {
  std::string out;
  Write(value, out);
  return out;
}

size_t Utf8SequenceLength(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char c = byte(0);
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c <= 0xDF) return continues(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (c == 0xE0 && byte(1) < 0xA0) return 0;
    if (c == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (c == 0xF0 && byte(1) < 0x90) return 0;
    if (c == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace verdigris
