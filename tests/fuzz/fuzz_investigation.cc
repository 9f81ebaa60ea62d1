/** Property: an accepted investigation, or file of prompts, is written again byte for byte. Nothing crashes. */
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/suspect/investigation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto investigation = Investigation::Parse(bytes); investigation && investigation->bytes() != bytes) std::abort();
  if (const auto prompts = Prompts::Parse(bytes); prompts && prompts->bytes() != bytes) std::abort();
  return 0;
}
