/**
 * Any bytes as a safetensors file: an error with a message, or tensors whose bytes lie in the file, add up to all of it
 * after the header, and can each be turned into as many numbers as the shape says.
 */
#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/fuzz/require.h"
#include "tools/pocket_lm/safetensors.h"

using verdigris::testing::Require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto tensors = verdigris::pocket::ReadSafetensors(file);
  if (!tensors) {
    Require(!tensors.error().message.empty());
    return 0;
  }
  size_t header_bytes = 0;
  for (size_t i = 8; i-- > 0;) header_bytes = header_bytes << 8 | data[i];
  size_t bytes = 0;
  for (const auto& [name, tensor] : *tensors) {
    Require(tensor.bytes.data() >= file.data() + 8 + header_bytes);
    Require(tensor.bytes.data() + tensor.bytes.size() <= file.data() + size);
    uint64_t numbers = 1;
    for (uint64_t length : tensor.shape) numbers *= length;
    Require(numbers == tensor.size);
    std::vector<float> converted(tensor.size);
    verdigris::pocket::ToFloat32(tensor, converted);
    bytes += tensor.bytes.size();
  }
  Require(8 + header_bytes + bytes == size);
  return 0;
}
