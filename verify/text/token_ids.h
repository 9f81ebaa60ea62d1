// Token ids as given instead of text (--ids; command-line.md L2).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "watermark/result.h"

namespace verdigris::verify {

enum class IdForm : uint8_t {
  kText,  // decimal numbers between any white space; the whole input is one text
  kU16,   // little-endian; the whole input is one text
  kU32,   // the same
  kJson,  // one array of numbers a line; each line is a text
};

// The form of a name: text, json, u16, u32.
// Errors   kInvalidArgument.
Result<IdForm> ParseIdForm(std::string_view name);

// The ids of each text. Ids from the vocabulary size to 2^24-1 are let through: they are special, and the caller counts
// them.
//
// Errors   kLimit for an id of 2^24 or more (so also 0xFFFFFFFF); kMalformed for anything that is not an id, or half of
//          one. Messages name the index of the id, and the line in `json` and `text`, counted from 1.
Result<std::vector<std::vector<uint32_t>>> ParseTokenIds(std::string_view input, IdForm form);

}  // namespace verdigris::verify
