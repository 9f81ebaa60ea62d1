/** Property: an accepted run object is within its bounds and is written again byte for byte. Nothing crashes. */
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/corpus/run.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto run = ParseRun(bytes);
  if (run && (RunJson(*run) != bytes || !CheckRun(*run))) std::abort();
  return 0;
}
