/**
 * Any bytes as a GGUF file: an error with a message, metadata that are cut off, or a tokenizer under which every text has an encoding
 * that covers it. What is cut off stays so for every shorter start.
 */
#include <cstdint>
#include <string_view>

#include "tests/fuzz/covers.h"
#include "verify/text/gguf_tokenizer.h"

using verdigris::testing::Require;
using verdigris::testing::RequireCovers;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  auto model = ReadGgufTokenizer(file);
  if (!model) {
    Require(!model.error().message.empty());
    return 0;
  }
  if (!*model) {
    if (size > 4) {
      const auto shorter = ReadGgufTokenizer(file.substr(0, size / 2 + 2));
      Require(shorter.has_value() && !shorter->has_value());
    }
    return 0;
  }
  const auto tokenizer = MakeByteBpe(std::move(**model), size % 2 == 0 ? 0 : 65536);
  if (!tokenizer) return 0;
  for (const std::string_view text : {file.substr(0, 256), std::string_view("the harbour<|end|>x  e\xCC\x81 \xFF\xE2\x82")}) {
    RequireCovers(**tokenizer, text);
  }
  return 0;
}
