// A strict reader for safetensors files: named arrays of numbers, such as the weights of a model. A file comes from
// anywhere, so every number in it is checked before it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/result.h"

namespace verdigris::pocket {

enum class DataType : uint8_t { kF32, kF16, kBf16 };

struct Tensor {
  DataType type = DataType::kF32;
  std::vector<uint64_t> shape;  // the last varies fastest; empty for a single number
  uint64_t size = 0;            // numbers, the product of the shape
  std::string_view bytes;       // little-endian, at any alignment; a view of the file, which must outlive it
};

using Tensors = std::map<std::string, Tensor, std::less<>>;

inline constexpr size_t kMaxHeaderBytes = size_t{1} << 20;

// Errors   kLimit: a header above kMaxHeaderBytes, more than 8 dimensions. kUnsupported: a type other than F32, F16,
//          BF16. kMalformed: a file cut short or with bytes that no tensor owns, tensors that overlap or leave the
//          file, a shape that does not fit its bytes, members the format does not have.
// Cost     memory within a small multiple of the header; the numbers are not copied.
Result<Tensors> ReadSafetensors(std::string_view file);

// The numbers as float32, exactly. Precondition: out.size() == tensor.size.
void ToFloat32(const Tensor& tensor, std::span<float> out);

}  // namespace verdigris::pocket
