// Canonical JSON (keys-and-evidence.md E2): the subset of RFC 8785 with objects, arrays, strings and integers. One
// strict reader and one writer; every hash and signature of the project is taken over what the writer gives.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "watermark/result.h"

namespace verdigris {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;  // sorted by name, names unique

  static constexpr int kMaxDepth = 32;                 // levels below the top value
  static constexpr size_t kMaxBytes = size_t{64} << 20;  // E11
  static constexpr int64_t kMaxInteger = (int64_t{1} << 53) - 1;

  Json() : value_(Object{}) {}
  // Copied by assignment: libstdc++ 12 destroys a std::variant that is not there where copying its string or vector throws.
  Json(const Json& other) {
    std::visit([this](const auto& value) { value_ = value; }, other.value_);
  }
  Json(Json&&) noexcept = default;
  Json& operator=(const Json&) = default;
  Json& operator=(Json&&) noexcept = default;
  ~Json() = default;
  Json(int64_t integer) : value_(integer) {}                   // NOLINT: a value is a value
  Json(std::string text) : value_(std::move(text)) {}          // NOLINT
  Json(const char* text) : value_(std::string(text)) {}        // NOLINT
  Json(Array array) : value_(std::move(array)) {}              // NOLINT
  // Sorts the members. Precondition: names are unique and of the form [A-Za-z0-9_]{1,64}.
  static Json FromMembers(Object members);

  // Null where the value is of another type.
  const int64_t* integer() const { return std::get_if<int64_t>(&value_); }
  const std::string* string() const { return std::get_if<std::string>(&value_); }
  const Array* array() const { return std::get_if<Array>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  // The member of an object, or null.
  const Json* Find(std::string_view name) const;

 private:
  std::variant<int64_t, std::string, Array, Object> value_;
};

// Reads one value of E2's types; white space between tokens and needless escapes are allowed here.
//
// Errors   kLimit above 64 MiB or 32 levels; kMalformed for everything else, with the byte where it lies.
Result<Json> ParseJson(std::string_view bytes);

// As ParseJson, and the bytes must be those that WriteJson gives.
Result<Json> ParseCanonicalJson(std::string_view bytes);

// The canonical bytes. Precondition: strings are valid UTF-8 and integers within +-(2^53-1), as ParseJson leaves them.
std::string WriteJson(const Json& value);

// Length of the well-formed UTF-8 sequence at the start of `text` (1 to 4), or 0 if it is ill-formed (Unicode 3.9:
// no overlong form, no surrogate, nothing above U+10FFFF).
size_t Utf8SequenceLength(std::string_view text);
bool IsUtf8(std::string_view text);

}  // namespace verdigris
