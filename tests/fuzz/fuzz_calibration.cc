/** Property: an accepted calibration file is written again byte for byte. Nothing crashes. */
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/calibration_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto calibration = verdigris::verify::ParseCalibration(bytes);
  if (calibration && verdigris::verify::WriteCalibration(*calibration) != bytes) std::abort();
  return 0;
}
