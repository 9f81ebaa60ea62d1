/** Property: an accepted plan is written again byte for byte. Nothing crashes. */
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/suspect/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto plan = verdigris::verify::Plan::Parse(bytes); plan && plan->bytes() != bytes) std::abort();
  return 0;
}
