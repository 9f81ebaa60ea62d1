#include "verify/utc_time.h"

#include <ctime>

namespace verdigris::verify {

constexpr const char* kForm = "%Y-%m-%dT%H:%M:%SZ";

std::string UtcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, kForm, &parts)};
}

std::optional<int64_t> SecondsOfUtc(const std::string& text) {
  std::tm parts{};
  const char* const end = ::strptime(text.c_str(), kForm, &parts);
  if (end == nullptr || end != text.c_str() + text.size()) return std::nullopt;
  return static_cast<int64_t>(::timegm(&parts));
}

}  // namespace verdigris::verify
