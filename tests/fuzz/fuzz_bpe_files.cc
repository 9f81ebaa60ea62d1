/**
 * Any bytes as a file of ranks, a vocabulary with merges, a descriptor, or gzip: an error with a message, or a tokenizer under
 * which every text has an encoding that covers it and decodes to it; a descriptor that is written as it was read. The first byte
 * says which; of a vocabulary the merges follow after a NUL. All 256 bytes are put before ranks, and into vocabularies, since
 * a fuzzer would not find them.
 */
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/require.h"
#include "verify/text/bpe_files.h"

namespace {

using namespace verdigris::verify;

using verdigris::testing::Require;

void CheckText(const Tokenizer& tokenizer, std::string_view text) {
  Scratch scratch;
  std::vector<Token> tokens;
  Require(tokenizer.Encode(text, scratch, tokens).has_value());
  uint32_t at = 0;
  std::vector<uint32_t> ids;
  for (const Token& token : tokens) {
    Require(token.id < tokenizer.vocab() && token.begin == at && token.end > at);
    at = token.end;
    ids.push_back(token.id);
  }
  Require(at == text.size());
  std::string decoded;
  Require(tokenizer.Decode(ids, decoded).has_value());
  Require(decoded == text);
}

// "AA== 0", ...
std::string AllRanks() {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (int byte = 0; byte < 256; ++byte) {
    out += {kDigits[byte >> 2], kDigits[(byte & 3) << 4], '=', '='};
    out += " " + std::to_string(byte) + "\n";
  }
  return out;
}

// "\u0021":33, ... with the names of GPT-2.
std::string AllNames() {
  std::string out;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int code = itself ? byte : next++;
    char name[12];
    std::snprintf(name, sizeof(name), "\\u%04x", static_cast<unsigned>(code));
    out += "\"" + std::string(name) + "\":" + std::to_string(byte) + ",";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  TokenizerDescriptor descriptor;
  descriptor.pattern = static_cast<Pattern>(data[0] / 4 % 7);
  descriptor.vocab = 1 << 24;
  switch (data[0] % 4) {
    case 0: {
      const auto tokenizer = LoadDescribed(descriptor, AllRanks() + std::string(input), "");
      Require(tokenizer.has_value() || !tokenizer.error().message.empty());
      if (tokenizer) CheckText(**tokenizer, "The harbour's  12345 \xF0\x9F\x98\x80\n\n x");
      break;
    }
    case 1: {
      descriptor.merges = true;
      const size_t end = std::min(input.find('\0'), input.size());
      const std::string_view merges = input.substr(std::min(end + 1, input.size()));
      const auto tokenizer = LoadDescribed(descriptor, "{" + AllNames() + std::string(input.substr(0, end)) + "}", merges);
      Require(tokenizer.has_value() || !tokenizer.error().message.empty());
      if (tokenizer) CheckText(**tokenizer, "The harbour's  12345 \xF0\x9F\x98\x80\n\n x");
      break;
    }
    case 2: {
      const auto read = ParseTokenizerDescriptor(input);
      if (read) Require(WriteTokenizerDescriptor(*read) == input);
      break;
    }
    default: {
      const auto inflated = Inflated(std::string(input));
      Require(inflated.has_value() || !inflated.error().message.empty());
    }
  }
  return 0;
}
