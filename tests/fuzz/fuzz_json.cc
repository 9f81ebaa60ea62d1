/** Property: whatever the strict reader accepts, the writer gives back byte for byte; whatever the loose reader accepts
 *  becomes canonical in one step. Nothing crashes. */
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "watermark/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto value = ParseCanonicalJson(bytes); value && WriteJson(*value) != bytes) std::abort();
  if (const auto value = ParseJson(bytes); value && !ParseCanonicalJson(WriteJson(*value))) std::abort();
  return 0;
}
