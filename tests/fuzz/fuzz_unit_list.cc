/** Property: an accepted list of units is written again byte for byte, and each of its units has an id. Nothing crashes. */
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/corpus/unit.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto list = ParseUnitList(bytes);
  if (!list) return 0;
  if (UnitListJson(*list) != bytes) std::abort();
  for (const ListedInput& input : list->inputs) {
    const auto unit = verdigris::ParseCanonicalJson(UnitJson(input.unit));
    if (!unit || !ParseUnit(*unit) || !CheckUnit(input.unit)) std::abort();
  }
  return 0;
}
