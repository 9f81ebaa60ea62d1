// Tested by tests/verify/members_test.cc.
#include "verify/members.h"

#include <algorithm>
#include <charconv>

#include "watermark/key_file.h"

namespace verdigris::verify {

Members::Members(const Json& object, std::string path) : object_(object.object()), path_(std::move(path)) {
  if (object_ == nullptr) error_ = (path_.empty() ? "the file" : path_) + " must be an object";
}

std::string Members::PathOf(std::string_view member) const {
  return path_.empty() ? std::string(member) : path_ + "." + std::string(member);
}

void Members::Fault(std::string_view member, std::string_view why) {
  if (!error_) error_ = PathOf(member) + " " + std::string(why);
}

const Json::Member* Members::Find(std::string_view name) const {
  const auto at = std::lower_bound(object_->begin(), object_->end(), name, [](const Json::Member& member, std::string_view of) { return member.first < of; });
  return at == object_->end() || at->first != name ? nullptr : &*at;
}

const Json* Members::Take(std::string_view name) {
  if (!ok()) return nullptr;
  const Json::Member* const at = Find(name);
  if (at == nullptr) return Fault(name, "is missing"), nullptr;
  taken_.push_back(at->first);
  return &at->second;
}

uint64_t Members::Integer(std::string_view name, uint64_t least, uint64_t most) {
  const Json* value = Take(name);
  if (value == nullptr) return least;
  const int64_t* integer = value->integer();
  if (integer == nullptr) return Fault(name, "must be an integer"), least;
  if (*integer < 0 || static_cast<uint64_t>(*integer) < least || static_cast<uint64_t>(*integer) > most) {
    return Fault(name, "must be in [" + std::to_string(least) + "," + std::to_string(most) + "], got " + std::to_string(*integer)), least;
  }
  return static_cast<uint64_t>(*integer);
}

std::string Members::Text(std::string_view name, size_t least, size_t most) {
  const Json* value = Take(name);
  if (value == nullptr) return {};
  if (value->string() == nullptr) return Fault(name, "must be a string"), std::string();
  if (value->string()->size() < least || value->string()->size() > most) {
    return Fault(name, "must be of " + std::to_string(least) + " to " + std::to_string(most) + " bytes, got " + std::to_string(value->string()->size())), std::string();
  }
  return *value->string();
}

size_t Members::Word(std::string_view name, std::span<const std::string_view> words) {
  const std::string text = Text(name);
  if (!ok()) return 0;
  const auto at = std::find(words.begin(), words.end(), text);
  if (at != words.end()) return static_cast<size_t>(at - words.begin());
  std::string list;
  for (const std::string_view word : words) list += (list.empty() ? "" : ", ") + std::string(word);
  Fault(name, "must be one of " + list);
  return 0;
}

Digest Members::DigestOf(std::string_view name) {
  Digest digest{};
  const std::string text = Text(name);
  if (ok() && !ParseHex(text, digest)) Fault(name, "must be a SHA-256 in lower-case hex");
  return digest;
}

std::optional<Digest> Members::DigestOrEmpty(std::string_view name) {
  Digest digest{};
  const std::string text = Text(name);
  if (!ok() || text.empty()) return std::nullopt;
  if (!ParseHex(text, digest)) Fault(name, "must be empty or a SHA-256 in lower-case hex");
  return digest;
}

std::string Members::Time(std::string_view name) {
  std::string text = Text(name);
  if (ok() && !IsUtcTime(text)) Fault(name, "must be a time YYYY-MM-DDThh:mm:ssZ that exists");
  return text;
}

std::vector<uint64_t> Members::Integers(std::string_view name, size_t most_items, uint64_t most) {
  std::vector<uint64_t> out;
  for (const Json& value : Array(name, most_items)) {
    if (value.integer() == nullptr || *value.integer() < 0 || static_cast<uint64_t>(*value.integer()) > most) {
      Fault(name, "must be a list of integers in [0," + std::to_string(most) + "]");
      break;
    }
    out.push_back(static_cast<uint64_t>(*value.integer()));
  }
  return out;
}

std::vector<std::string> Members::Texts(std::string_view name, size_t most_items, size_t most_bytes) {
  std::vector<std::string> out;
  for (const Json& value : Array(name, most_items)) {
    if (value.string() == nullptr || value.string()->size() > most_bytes) {
      Fault(name, "must be a list of strings of at most " + std::to_string(most_bytes) + " bytes");
      break;
    }
    out.push_back(*value.string());
  }
  return out;
}

std::span<const Json> Members::Array(std::string_view name, size_t most_items) {
  const Json* value = Take(name);
  if (value == nullptr) return {};
  if (value->array() == nullptr) return Fault(name, "must be a list"), std::span<const Json>();
  if (value->array()->size() > most_items) return Fault(name, "has more than " + std::to_string(most_items) + " elements"), std::span<const Json>();
  return *value->array();
}

Members Members::Object(std::string_view name) {
  static const Json kEmpty;
  const Json* value = Take(name);
  return Members(value == nullptr ? kEmpty : *value, PathOf(name));
}

Members Members::Element(std::string_view name, size_t at, const Json& value) const {
  return Members(value, PathOf(name) + "[" + std::to_string(at) + "]");
}

void Members::Close(const Members& inner) {
  if (error_) return;
  if (auto done = inner.Done(); !done) error_ = done.error().message;
}

Result<void> Members::Done() const {
  if (error_) return Fail(ErrorKind::kMalformed, *error_);
  // A member's own name is not shown: it is someone else's text.
  if (taken_.size() != object_->size()) return Fail(ErrorKind::kMalformed, (path_.empty() ? "the file" : path_) + " has a member that is not known");
  return {};
}

Result<Json> ParseSchemaFile(std::string_view bytes, std::string_view schema) {
  if (bytes.size() > Json::kMaxBytes) return Fail(ErrorKind::kLimit, "larger than " + std::to_string(Json::kMaxBytes) + " bytes");
  if (bytes.empty() || bytes.back() != '\n') return Fail(ErrorKind::kMalformed, "does not end with a line feed");
  VERDIGRIS_ASSIGN_OR_RETURN(Json json, ParseCanonicalJson(bytes.substr(0, bytes.size() - 1)));
  const Json* stated = json.Find("schema");
  if (stated == nullptr || stated->string() == nullptr) return Fail(ErrorKind::kMalformed, "schema is missing");
  if (*stated->string() != schema) return Fail(ErrorKind::kUnsupported, "not a file of schema " + std::string(schema));
  return json;
}

std::string Decimal4(int64_t e4) {
  if (e4 == 0) return "0.0000";
  const uint64_t size = static_cast<uint64_t>(-e4);
  const std::string places = std::to_string(size % 10000);
  return "-" + std::to_string(size / 10000) + "." + std::string(4 - places.size(), '0') + places;
}

std::optional<int64_t> ParseDecimal4(std::string_view text) {
  if (text == "0.0000") return 0;
  const size_t point = text.find('.');
  if (!text.starts_with('-') || point == text.npos || point > 10 || text.size() != point + 5) return std::nullopt;
  const std::string digits = std::string(text.substr(1, point - 1)) + std::string(text.substr(point + 1));
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value == 0 || Decimal4(-value) != text) return std::nullopt;
  return -value;
}

}  // namespace verdigris::verify
