// Takes the members out of an object of canonical JSON one by one: each asked for must be there and within its bounds, and
// none may be left over. The first fault is kept, with the path of the member, such as `rate.parallel must be in [1,64], got 65`.
//
//     Members members(json, "");
//     const uint64_t parallel = members.Integer("parallel", 1, 64);
//     VERDIGRIS_RETURN_IF_ERROR(members.Done());
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/json.h"
#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

class Members {
 public:
  // `path`: what stands before the names in messages, empty for the top of a file.
  Members(const Json& object, std::string path);

  uint64_t Integer(std::string_view name, uint64_t least = 0, uint64_t most = Json::kMaxInteger);
  bool Bit(std::string_view name) { return Integer(name, 0, 1) == 1; }
  // `least` to `most` bytes.
  std::string Text(std::string_view name, size_t least = 0, size_t most = Json::kMaxBytes);
  // Place of the string among `words`; 0 after a fault.
  size_t Word(std::string_view name, std::span<const std::string_view> words);
  size_t Word(std::string_view name, std::initializer_list<std::string_view> words) { return Word(name, std::span(words.begin(), words.size())); }
  Digest DigestOf(std::string_view name);
  // None where the string is empty.
  std::optional<Digest> DigestOrEmpty(std::string_view name);
  // YYYY-MM-DDThh:mm:ssZ.
  std::string Time(std::string_view name);
  std::vector<uint64_t> Integers(std::string_view name, size_t most_items, uint64_t most = Json::kMaxInteger);
  std::vector<std::string> Texts(std::string_view name, size_t most_items, size_t most_bytes = Json::kMaxBytes);
  // The elements; empty after a fault.
  std::span<const Json> Array(std::string_view name, size_t most_items);
  // Of one that need not be there.
  bool Has(std::string_view name) const { return ok() && Find(name) != nullptr; }
  // The value, whatever it is; null after a fault.
  const Json* Take(std::string_view name);
  // An object below this one, to be read with its own Members and handed back to Close.
  Members Object(std::string_view name);
  // Element `at` of an array `name`, likewise.
  Members Element(std::string_view name, size_t at, const Json& value) const;
  void Close(const Members& inner);

  // `member` below this object is at fault: `why` completes the sentence, "must be ...".
  void Fault(std::string_view member, std::string_view why);
  bool ok() const { return !error_; }
  // kMalformed: the first fault, or a member that is not known.
  Result<void> Done() const;

 private:
  std::string PathOf(std::string_view member) const;
  const Json::Member* Find(std::string_view name) const;

  const Json::Object* object_ = nullptr;  // null after a fault that leaves nothing to read
  std::string path_;
  std::vector<std::string_view> taken_;
  std::optional<std::string> error_;
};

// A file: one canonical value and LF (E2), `schema` its member of that name.
// Errors   kLimit, kMalformed; kUnsupported where another schema stands there.
Result<Json> ParseSchemaFile(std::string_view bytes, std::string_view schema);

// What is a logarithm in files: "-2.0000" of -20000 ten-thousandths, which are at most 0.
std::string Decimal4(int64_t e4);
// None where it is not what Decimal4 gives, or has more than nine digits before the point.
std::optional<int64_t> ParseDecimal4(std::string_view text);

}  // namespace verdigris::verify
