// Classes of characters, as the regular expressions of pre-tokenizers tell them apart: Unicode 16.0.0, whatever the machine has.
#pragma once

#include <cstdint>

namespace verdigris::verify {

inline constexpr uint16_t kUpper = 1;         // \p{Lu} \p{Lt}
inline constexpr uint16_t kLower = 2;         // \p{Ll}
inline constexpr uint16_t kOtherLetter = 4;   // \p{Lm} \p{Lo}
inline constexpr uint16_t kMark = 8;          // \p{M}
inline constexpr uint16_t kNumber = 16;       // \p{N}
inline constexpr uint16_t kSpace = 32;        // \s: 25 characters, nothing else
inline constexpr uint16_t kNewline = 64;      // \r \n, which are in kSpace too
inline constexpr uint16_t kOther = 128;       // none of the above
inline constexpr uint16_t kLaterDigit = 256;  // numeric in Unicode 17.0.0 and unassigned in 16.0.0; in kOther too
inline constexpr uint16_t kLetter = kUpper | kLower | kOtherLetter;

// The bits of a code point below 0x110000.
uint16_t UnicodeClass(uint32_t code_point);

}  // namespace verdigris::verify
