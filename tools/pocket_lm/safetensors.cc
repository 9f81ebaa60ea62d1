// The format (huggingface/safetensors, README.md "Format"): eight bytes with the length N of the header, little-endian;
// N bytes of JSON, beginning with '{', blanks allowed at the end; then the numbers of all tensors. The header maps a
// name to {"dtype", "shape", "data_offsets": [begin, end]}, offsets from the end of the header; `__metadata__`, text to
// text, is not needed and only checked. As in the reference reader, the tensors must tile the rest of the file without
// gap or overlap, so no byte hides there and no two tensors share one.
//
// Departures: three types, since others hold no weights; a header of at most 1 MiB instead of 100 MB. Tested by
// tests/tools/safetensors_test.cc and tests/fuzz/fuzz_safetensors.cc.
#include "tools/pocket_lm/safetensors.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include "tools/pocket_lm/strict_json.h"

namespace verdigris::pocket {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr size_t kMaxDimensions = 8;

Unexpected Malformed(const std::string& cause) { return Fail(ErrorKind::kMalformed, "safetensors file: " + cause); }

uint64_t ReadLittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

size_t BytesOf(DataType type) { return type == DataType::kF32 ? 4 : 2; }

std::optional<DataType> TypeOf(const std::string& name) {
  if (name == "F32") return DataType::kF32;
  if (name == "F16") return DataType::kF16;
  if (name == "BF16") return DataType::kBf16;
  return std::nullopt;
}

// The product of the shape; nothing where it does not fit.
std::optional<uint64_t> SizeOf(const std::vector<uint64_t>& shape) {
  uint64_t size = 1;
  for (uint64_t length : shape) {
    if (__builtin_mul_overflow(size, length, &size)) return std::nullopt;
  }
  return size;
}

// An array of integers from 0 to 2^64-1, or nothing.
std::optional<std::vector<uint64_t>> UnsignedArray(const nlohmann::json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<uint64_t> numbers;
  for (const auto& number : value) {
    if (!number.is_number_unsigned()) return std::nullopt;
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

Result<Tensor> ReadTensor(const std::string& name, const nlohmann::json& entry, std::string_view data) {
  const std::string tensor_name = "tensor " + Quoted(name);
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets")) {
    return Malformed(tensor_name + " must have dtype, shape and data_offsets alone");
  }
  Tensor tensor;
  if (!entry["dtype"].is_string()) return Malformed(tensor_name + ": dtype must be text");
  const auto& type_name = entry["dtype"].get_ref<const std::string&>();
  const auto type = TypeOf(type_name);
  if (!type) {
    return Fail(ErrorKind::kUnsupported,
                "safetensors file: " + tensor_name + ": dtype must be F32, F16 or BF16, is " + Quoted(type_name));
  }
  tensor.type = *type;

  auto shape = UnsignedArray(entry["shape"]);
  if (!shape) return Malformed(tensor_name + ": shape must be a list of integers");
  if (shape->size() > kMaxDimensions) {
    return Fail(ErrorKind::kLimit, "safetensors file: " + tensor_name + ": shape must have at most " +
                                       std::to_string(kMaxDimensions) + " dimensions, has " +
                                       std::to_string(shape->size()));
  }
  tensor.shape = std::move(*shape);

  const auto offsets = UnsignedArray(entry["data_offsets"]);
  if (!offsets || offsets->size() != 2) return Malformed(tensor_name + ": data_offsets must be two integers");
  const uint64_t begin = (*offsets)[0], end = (*offsets)[1];
  if (begin > end || end > data.size()) {
    return Malformed(tensor_name + ": data_offsets " + std::to_string(begin) + " to " + std::to_string(end) +
                     " leave the " + std::to_string(data.size()) + " bytes of data");
  }
  tensor.bytes = data.substr(begin, end - begin);
  const auto size = SizeOf(tensor.shape);
  if (!size || *size > data.size() || *size * BytesOf(tensor.type) != tensor.bytes.size()) {
    return Malformed(tensor_name + ": shape does not fit its " + std::to_string(tensor.bytes.size()) + " bytes");
  }
  tensor.size = *size;
  return tensor;
}

Result<void> CheckMetadata(const nlohmann::json& metadata) {
  const bool text_to_text = metadata.is_object() && std::all_of(metadata.begin(), metadata.end(),
                                                                [](const auto& value) { return value.is_string(); });
  if (!text_to_text) return Malformed("__metadata__ must map text to text");
  return {};
}

Result<void> CheckTiling(const Tensors& tensors, std::string_view data) {
  std::vector<std::pair<size_t, size_t>> ranges;
  for (const auto& [name, tensor] : tensors) {
    const auto begin = static_cast<size_t>(tensor.bytes.data() - data.data());
    ranges.emplace_back(begin, begin + tensor.bytes.size());
  }
  std::sort(ranges.begin(), ranges.end());
  size_t at = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin < at) return Malformed("two tensors overlap at byte " + std::to_string(begin) + " of the data");
    if (begin > at) return Malformed("no tensor owns byte " + std::to_string(at) + " of the data");
    at = end;
  }
  if (at != data.size()) return Malformed("no tensor owns byte " + std::to_string(at) + " of the data");
  return {};
}

}  // namespace

Result<Tensors> ReadSafetensors(std::string_view file) {
  if (file.size() < kLengthBytes) {
    return Malformed("must have at least 8 bytes, has " + std::to_string(file.size()));
  }
  const uint64_t header_bytes = ReadLittleEndian(file.substr(0, kLengthBytes));
  if (header_bytes > kMaxHeaderBytes) {
    return Fail(ErrorKind::kLimit, "safetensors file: header must have at most " + std::to_string(kMaxHeaderBytes) +
                                       " bytes, says " + std::to_string(header_bytes));
  }
  if (header_bytes > file.size() - kLengthBytes) {
    return Malformed("header of " + std::to_string(header_bytes) + " bytes in a file of " +
                     std::to_string(file.size()));
  }
  const std::string_view header_text = file.substr(kLengthBytes, header_bytes);
  const std::string_view data = file.substr(kLengthBytes + header_bytes);
  if (header_text.empty() || header_text.front() != '{') return Malformed("header must begin with '{'");
  VERDIGRIS_ASSIGN_OR_RETURN(const auto header, ParseStrictJson(header_text, kMaxHeaderBytes, "safetensors header"));

  Tensors tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      VERDIGRIS_RETURN_IF_ERROR(CheckMetadata(entry));
      continue;
    }
    VERDIGRIS_ASSIGN_OR_RETURN(tensors[name], ReadTensor(name, entry, data));
  }
  VERDIGRIS_RETURN_IF_ERROR(CheckTiling(tensors, data));
  return tensors;
}

void ToFloat32(const Tensor& tensor, std::span<float> out) {
  const size_t bytes = BytesOf(tensor.type);
  for (size_t i = 0; i < out.size(); ++i) {
    const auto bits = static_cast<uint32_t>(ReadLittleEndian(tensor.bytes.substr(i * bytes, bytes)));
    switch (tensor.type) {
      case DataType::kF32:
        out[i] = std::bit_cast<float>(bits);
        break;
      case DataType::kF16:
        out[i] = Eigen::half_impl::half_to_float(Eigen::half_impl::raw_uint16_to_half(static_cast<uint16_t>(bits)));
        break;
      case DataType::kBf16:
        out[i] = std::bit_cast<float>(bits << 16);
        break;
    }
  }
}

}  // namespace verdigris::pocket
