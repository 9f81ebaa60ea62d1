// A provider's log of served answers: JSON lines in order of time (docs/formats/served_log.md). What filters are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr size_t kMaxServedLineBytes = size_t{64} << 20;

struct ServedAnswer {
  std::string account;            // a label (native-schemes.md N4)
  std::vector<uint32_t> prompt;   // everything the model read before the answer
  std::vector<uint32_t> output;   // the answer as it was delivered
  std::string time;               // YYYY-MM-DDThh:mm:ssZ, or empty
};

// One line, without its line feed.
// Errors   kMalformed: no JSON, a member missing, unknown or out of form, an id of 2^24 or more; kLimit: as ParseJson.
//          Messages name the member, never its content.
// Cost     about 40 bytes an id while it is read.
Result<ServedAnswer> ParseServedAnswer(std::string_view line);

}  // namespace verdigris::verify
