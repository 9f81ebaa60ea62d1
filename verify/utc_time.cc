// Tested by tests/verify/utc_time_test.cc.
#include "verify/utc_time.h"

#include <ctime>

#include "watermark/key_file.h"  // IsUtcTime

namespace verdigris::verify {
namespace {

constexpr const char* kForm = "%Y-%m-%dT%H:%M:%SZ";

}  // namespace

std::string UtcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, kForm, &parts)};
}

std::optional<int64_t> SecondsOfUtc(const std::string& text) {
  std::tm parts{};
  if (!IsUtcTime(text) || ::strptime(text.c_str(), kForm, &parts) == nullptr) return std::nullopt;
  return static_cast<int64_t>(::timegm(&parts));
}

}  // namespace verdigris::verify
