// Safetensors files, whole and broken. The format is that of huggingface/safetensors (README.md, "Format"); the bytes
// here are written by hand from that text, the numbers of the 16-bit types from IEEE 754-2008 (binary16) and from the
// definition of bfloat16 (the upper half of a binary32).
#include "tools/pocket_lm/safetensors.h"

#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace verdigris::pocket {
namespace {

std::string File(const std::string& header, const std::string& data) {
  std::string file;
  for (int shift = 0; shift < 64; shift += 8) file.push_back(static_cast<char>(uint64_t{header.size()} >> shift));
  return file + header + data;
}

std::vector<float> Numbers(const Tensor& tensor) {
  std::vector<float> numbers(tensor.size);
  ToFloat32(tensor, numbers);
  return numbers;
}

TEST_CASE("tensors of the three types are read, in any order and at any alignment") {
  // The header's length is odd on purpose, so no number lies at a multiple of its size.
  std::string header =
      R"({"half":{"dtype":"F16","shape":[2,2],"data_offsets":[4,12]},"__metadata__":{"format":"pt"},)"
      R"("one":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
      R"("brain":{"dtype":"BF16","shape":[1,3],"data_offsets":[12,18]},)"
      R"("none":{"dtype":"F32","shape":[0,5],"data_offsets":[12,12]}})";
  if (header.size() % 2 == 0) header += ' ';
  const std::string data(
      "\x00\x00\x20\xC0"                  // -2.5
      "\x00\x3C\xFF\x7B\x01\x00\x00\xC0"  // 1, the largest, the smallest, -2
      "\x80\x3F\x49\x40\x01\x00",         // 1, 3.140625, the smallest
      18);
  const std::string file = File(header, data);
  const auto tensors = ReadSafetensors(file);
  REQUIRE_MESSAGE(tensors.has_value(), (tensors ? "" : tensors.error().message));
  REQUIRE(tensors->size() == 4);
  CHECK(tensors->at("one").shape.empty());
  CHECK(Numbers(tensors->at("one")) == std::vector<float>{-2.5F});
  CHECK(tensors->at("half").shape == std::vector<uint64_t>{2, 2});
  CHECK(Numbers(tensors->at("half")) == std::vector<float>{1, 65504, 0x1p-24F, -2});
  CHECK(Numbers(tensors->at("brain")) == std::vector<float>{1, 3.140625F, 0x1p-133F});
  CHECK(tensors->at("none").size == 0);
}

TEST_CASE("a file without tensors is a file") {
  const auto tensors = ReadSafetensors(File("{}", ""));
  REQUIRE(tensors.has_value());
  CHECK(tensors->empty());
}

TEST_CASE("every file cut short is refused") {
  const std::string file = File(
      R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
      std::string(8, '\1'));
  REQUIRE(ReadSafetensors(file).has_value());
  for (size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    const std::string cut = file.substr(0, size);  // of its own size, for the address sanitizer
    const auto tensors = ReadSafetensors(cut);
    REQUIRE(!tensors.has_value());
    CHECK(tensors.error().kind == ErrorKind::kMalformed);
  }
}

TEST_CASE("a file that breaks one rule is refused, and the error says which") {
  struct Row {
    const char* header;
    size_t data_bytes;
    ErrorKind kind;
    const char* message;
  };
  using enum ErrorKind;
  const Row rows[] = {
      {"", 0, kMalformed, "begin with '{'"},
      {" {}", 0, kMalformed, "begin with '{'"},
      {"[]", 0, kMalformed, "begin with '{'"},
      {"{", 0, kMalformed, "not JSON"},
      {"{} {}", 0, kMalformed, "not JSON"},
      {"{\"a\xFF\":1}", 0, kMalformed, "not JSON"},
      {R"({"a":1e999})", 0, kMalformed, "not JSON"},
      {"{}", 1, kMalformed, "no tensor owns byte 0"},
      {R"({"a":[[[[[[[[[[]]]]]]]]]]})", 0, kMalformed, "nested deeper than 8"},
      {R"({"a":1})", 0, kMalformed, "dtype, shape and data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[1]}})", 4, kMalformed, "dtype, shape and data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}})", 4, kMalformed,
       "dtype, shape and data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       4, kMalformed, "two members of one name"},
      {R"({"a":{"dtype":"F16","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, kMalformed,
       "two members of one name"},
      {R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4, kMalformed, "dtype must be text"},
      {R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8, kUnsupported,
       "dtype must be F32, F16 or BF16, is 'F64'"},
      {R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, kMalformed, "shape must be a list"},
      {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, kMalformed, "shape must be a list"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, kMalformed, "shape must be a list"},
      {R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4, kLimit, "at most 8 dimensions"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, kMalformed, "shape does not fit its 4 bytes"},
      // The product, and the product in bytes, come to 1 or 4 when 64 bits overflow.
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, kMalformed,
       "shape does not fit"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", 4, kMalformed,
       "shape does not fit"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, kMalformed, "two integers"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, kMalformed, "leave the 4 bytes"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})", 4, kMalformed, "leave the 4 bytes"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551615]}})", 4, kMalformed,
       "leave the 4 bytes"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       4, kMalformed, "overlap at byte 0"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[2],"data_offsets":[2,6]}})",
       6, kMalformed, "overlap at byte 2"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[5,7]}})",
       7, kMalformed, "no tensor owns byte 4"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5, kMalformed, "no tensor owns byte 4"},
      {R"({"__metadata__":{"format":1}})", 0, kMalformed, "__metadata__"},
      {R"({"__metadata__":"pt"})", 0, kMalformed, "__metadata__"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.header);
    const std::string file = File(row.header, std::string(row.data_bytes, '\0'));
    const auto tensors = ReadSafetensors(file);
    REQUIRE(!tensors.has_value());
    CHECK(tensors.error().kind == row.kind);
    CAPTURE(tensors.error().message);
    CHECK(tensors.error().message.find(row.message) != std::string::npos);
  }
}

TEST_CASE("a header's declared length is believed neither beyond the file nor beyond the limit") {
  for (const uint64_t length :
       {uint64_t{3}, uint64_t{kMaxHeaderBytes}, uint64_t{kMaxHeaderBytes} + 1, uint64_t{1} << 63, UINT64_MAX}) {
    CAPTURE(length);
    std::string file = File("{}", "");
    for (int i = 0; i < 8; ++i) file[static_cast<size_t>(i)] = static_cast<char>(length >> (8 * i));
    const auto tensors = ReadSafetensors(file);
    REQUIRE(!tensors.has_value());
    CHECK(tensors.error().kind == (length > kMaxHeaderBytes ? ErrorKind::kLimit : ErrorKind::kMalformed));
  }
}

TEST_CASE("a name made for a terminal is not repeated in a message") {
  const std::string file = File("{\"\\u001b[2J\":1}", "");
  const auto tensors = ReadSafetensors(file);
  REQUIRE(!tensors.has_value());
  CHECK(tensors.error().message.find('\x1B') == std::string::npos);
}

}  // namespace
}  // namespace verdigris::pocket
