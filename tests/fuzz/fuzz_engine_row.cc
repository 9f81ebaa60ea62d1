/** Property: the body of an accepted row has the length that its base64 says, and is read as a unit file or refused. Nothing
 *  crashes. */
#include <cstdint>
#include <string_view>

#include "verify/corpus/engine_rows.h"
#include "verify/corpus/unit_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  const auto row = ParseEngineRow(std::string_view(reinterpret_cast<const char*>(data), size));
  if (row) (void)UnitFile::FromMemory(row->second);
  return 0;
}
