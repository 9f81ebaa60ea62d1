// Arguments of the C header, checked: pointers, arrays, sized structs, buffers. For c_api.cc alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "watermark/result.h"

namespace verdigris {

inline Unexpected Invalid(std::string message) { return Fail(ErrorKind::kInvalidArgument, std::move(message)); }

inline Result<void> NotNull(const void* pointer, const char* name) {
  if (pointer != nullptr) return {};
  return Invalid(std::string(name) + " is null");
}

// An array of length 0 may be null.
template <class T>
Result<std::span<const T>> Array(const T* data, size_t count, const char* name) {
  if (count != 0) VERDIGRIS_RETURN_IF_ERROR(NotNull(data, name));
  return std::span<const T>(data, count);
}

inline Result<std::string_view> Bytes(const void* data, size_t n) {
  VERDIGRIS_ASSIGN_OR_RETURN(const auto bytes, Array(static_cast<const char*>(data), n, "data"));
  return std::string_view(bytes.data(), bytes.size());
}

// For messages; a caller that mixes up arguments must not find a secret in its log.
inline std::string Quoted(std::string_view name) {
  const bool plain = name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
                     });
  return plain ? '"' + std::string(name) + '"' : "of that name";
}

// The size of a struct: at least what this library knows of it, and nothing set in what it does not know.
template <class T>
Result<uint32_t> StructSize(const T* value, const char* name) {
  static_assert(std::is_trivially_copyable_v<T> && offsetof(T, size) == 0);
  constexpr uint32_t kMax = 4096;  // what is larger is no size, but memory that nobody has set
  VERDIGRIS_RETURN_IF_ERROR(NotNull(value, name));
  const uint32_t size = value->size;
  if (size < sizeof(T) || size > kMax || size % alignof(T) != 0) {
    return Invalid(std::string(name) + ".size must be " + std::to_string(sizeof(T)) + ", got " + std::to_string(size));
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(value);
  if (std::any_of(bytes + sizeof(T), bytes + size, [](unsigned char byte) { return byte != 0; })) {
    return Invalid(std::string(name) + " has a member set that this library does not know");
  }
  return size;
}

// Structs that a call fills: one or an array, as far apart as the caller's own header says. Null: not wanted.
template <class T>
class Out {
 public:
  static Result<Out> Of(T* first, size_t count, const char* name) {
    if (first == nullptr || count == 0) return Out(nullptr, 0);
    VERDIGRIS_ASSIGN_OR_RETURN(const uint32_t size, StructSize(first, name));
    return Out(first, size);
  }
  void Set(size_t i, T value) const {
    if (first_ == nullptr) return;
    value.size = size_;
    std::memcpy(reinterpret_cast<char*>(first_) + i * size_, &value, sizeof value);
  }

 private:
  Out(T* first, uint32_t size) : first_(first), size_(size) {}
  T* first_;
  uint32_t size_;
};

// Checks that `bytes` fit, and tells the caller how many there are either way.
inline Result<void> CheckRoom(size_t bytes, const void* buf, size_t cap, size_t* need) {
  if (cap != 0) VERDIGRIS_RETURN_IF_ERROR(NotNull(buf, "buf"));
  if (need != nullptr) *need = bytes;
  if (bytes <= cap) return {};
  return Fail(ErrorKind::kLimit, "cap must be at least " + std::to_string(bytes) + ", got " + std::to_string(cap));
}

}  // namespace verdigris
