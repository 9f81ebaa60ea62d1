// Times as every record here writes them: UTC, whole seconds, "YYYY-MM-DDThh:mm:ssZ".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace verdigris::verify {

std::string UtcNow();

// Seconds since 1970; nothing for another form, or a time that does not exist.
std::optional<int64_t> SecondsOfUtc(const std::string& text);

}  // namespace verdigris::verify
