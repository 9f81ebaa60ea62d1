/**
 * Any bytes as a tokenizer.json: an error with a message, or a tokenizer under which every text has an encoding: ids below the
 * vocabulary, ranges that ascend and reach from its start to its end.
 */
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "verify/text/tokenizer_json.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

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
    Scratch scratch;
    std::vector<Token> tokens;
    Require((*tokenizer)->Encode(text, scratch, tokens).has_value());
    uint32_t begin = 0, end = 0;
    for (const Token& token : tokens) {
      Require(token.id < (*tokenizer)->vocab() && begin <= token.begin && end <= token.end && token.begin < token.end);
      begin = token.begin;
      end = token.end;
    }
    Require(end == text.size() && (tokens.empty() || tokens[0].begin == 0));
  }
  return 0;
}
