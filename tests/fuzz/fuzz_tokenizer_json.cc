/**
 * Any bytes as a tokenizer.json: an error with a message, or a tokenizer under which every text has an encoding: ids below the
 * vocabulary, ranges that ascend and reach from its start to its end.
 */
#include <cstdint>
#include <string_view>

#include "tests/fuzz/covers.h"
#include "verify/text/tokenizer_json.h"

using verdigris::testing::Require;
using verdigris::testing::RequireCovers;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  auto model = ReadTokenizerJson(file);
  if (!model) {
    Require(!model.error().message.empty());
    return 0;
  }
  Require(KindOfJson(file) == JsonKind::kTokenizer);
  const auto tokenizer = MakeByteBpe(std::move(*model), size % 2 == 0 ? 0 : 65536);
  if (!tokenizer) return 0;
  for (const std::string_view text : {file.substr(0, 256), file.substr(size / 2, 256), std::string_view("the harbour<|end|>x  e\xCC\x81 \xFF\xE2\x82")}) {
    RequireCovers(**tokenizer, text);
  }
  return 0;
}
