// What tests of tokenizers share: the inputs of their vectors, and digests of many ids.
#pragma once

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "verify/text/tokenizer.h"
#include "watermark/key.h"

namespace verdigris::verify {

inline std::string Get(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string FromHex(const std::string& hex) {
  std::string out(hex.size() / 2, '\0');
  REQUIRE(ParseHex(hex, {reinterpret_cast<uint8_t*>(out.data()), out.size()}));
  return out;
}

// Of an entry of `inputs`.
inline std::string InputText(const nlohmann::json& input) {
  return input.contains("hex") ? FromHex(input["hex"]) : input["text"].get<std::string>();
}

inline std::vector<Token> Encode(const Tokenizer& tokenizer, std::string_view text) {
  Scratch scratch;
  std::vector<Token> tokens{{1, 2, 3}};  // what was there before goes
  REQUIRE(tokenizer.Encode(text, scratch, tokens).has_value());
  return tokens;
}

inline std::vector<uint32_t> IdsOf(const std::vector<Token>& tokens) {
  std::vector<uint32_t> ids;
  for (const Token& token : tokens) ids.push_back(token.id);
  return ids;
}

inline void CheckAscending(const std::vector<Token>& tokens, size_t document_bytes) {
  uint32_t begin = 0, end = 0;
  bool ascend = true;
  for (const Token& token : tokens) {
    ascend = ascend && begin <= token.begin && end <= token.end && token.begin <= token.end && token.end <= document_bytes;
    begin = token.begin;
    end = token.end;
  }
  CHECK(ascend);
}

inline std::vector<std::string> Characters(const std::string& utf8) {
  std::vector<std::string> out;
  for (const char c : utf8) {
    if ((c & 0xC0) != 0x80) out.emplace_back();
    out.back().push_back(c);
  }
  return out;
}

// The stream of tokenizers.json: block i gives string i; byte 0 the length 1..63, then two bytes a character.
inline std::vector<std::string> Stream(const std::string& alphabet_utf8) {
  const std::vector<std::string> alphabet = Characters(alphabet_utf8);
  std::vector<std::string> out;
  for (uint32_t i = 0; i < 2000; ++i) {
    std::string block;
    for (uint32_t j = 0; j < 4; ++j) {
      std::string seed = "tokenizer-stream";
      for (uint32_t x : {i, j}) {
        for (int shift = 24; shift >= 0; shift -= 8) seed.push_back(static_cast<char>(x >> shift));
      }
      const Digest digest = Sha256(AsBytes(seed));
      block.append(digest.begin(), digest.end());
    }
    auto byte = [&](size_t k) { return static_cast<uint8_t>(block[k]); };
    std::string text;
    for (size_t k = 0; k < 1u + byte(0) % 63; ++k) text += alphabet[(byte(1 + 2 * k) << 8 | byte(2 + 2 * k)) % alphabet.size()];
    out.push_back(text);
  }
  return out;
}

// SHA-256 over u32le(count) and the ids as u32le, text after text.
struct IdDigest {
  std::string bytes;
  size_t ids = 0;
  void PutU32(uint32_t x) {
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(x >> shift));
  }
  void Add(const std::vector<Token>& tokens) {
    PutU32(static_cast<uint32_t>(tokens.size()));
    for (const Token& token : tokens) PutU32(token.id);
    ids += tokens.size();
  }
  nlohmann::json result() const { return {{"ids", ids}, {"sha256", Hex(Sha256(AsBytes(bytes)))}}; }
};

}  // namespace verdigris::verify
