// JSON of a model folder, which comes from anywhere: one object, no name twice in an object, of a bounded size and
// depth.
#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

#include "watermark/result.h"

namespace verdigris::pocket {

// `what` names the text in messages. White space around the object is allowed.
//
// Errors   kLimit: longer than `max_bytes`. kMalformed: everything else. No message holds a part of the text.
Result<nlohmann::json> ParseStrictJson(std::string_view text, size_t max_bytes, std::string_view what);

// `text` for a message: as it is if it is short and harmless on a terminal, else only its length.
std::string Quoted(std::string_view text);

}  // namespace verdigris::pocket
