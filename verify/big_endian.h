// Big-endian integers of 1 to 8 bytes, as files have them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace verdigris::verify {

inline void AppendBe(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = bytes; i-- > 0;) out += static_cast<char>(value >> 8 * i);
}
inline uint64_t ReadBe(const char* at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

}  // namespace verdigris::verify
