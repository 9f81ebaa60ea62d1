// What tests of tokenizers share: the inputs of their vectors, digests of many ids, threads, hostile texts.
#pragma once

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
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

// `good` cut short after i of 200 parts, and from i = 200 on with one bit flipped.
inline std::string Mutated(const std::string& good, size_t i, std::mt19937_64& random) {
  if (i < 200) return good.substr(0, good.size() * i / 200);
  std::string file = good;
  const size_t bit = random() % (8 * file.size());
  file[bit / 8] = static_cast<char>(file[bit / 8] ^ 1 << bit % 8);
  return file;
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

// Overlapping parts of a corpus.
inline std::vector<std::string> PartsOf(const std::string& corpus) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < 40; ++i) texts.push_back(corpus.substr(37 * i, 600));
  return texts;
}

// Each thread takes the texts in another order, with a Scratch of its own.
inline void CheckEightThreads(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  std::vector<std::vector<uint32_t>> expected;
  for (const std::string& text : texts) expected.push_back(IdsOf(Encode(tokenizer, text)));
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Scratch scratch;
      std::vector<Token> tokens;
      std::string decoded;
      for (size_t i = 0; i < texts.size(); ++i) {
        const size_t k = (i * 7 + t * 5) % texts.size();
        const bool done = tokenizer.Encode(texts[k], scratch, tokens).has_value() && tokenizer.Decode(expected[k], decoded).has_value();
        wrong[t] += !done || IdsOf(tokens) != expected[k];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(8, 0));
}

// Processor seconds of the fastest of three runs with an empty cache.
inline double Seconds(const Tokenizer& tokenizer, const std::string& text) {
  double best = 1e9;
  std::vector<Token> tokens;
  for (int i = 0; i < 3; ++i) {
    Scratch scratch;
    const std::clock_t start = std::clock();
    REQUIRE(tokenizer.Encode(text, scratch, tokens).has_value());
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

inline std::string Repeated(const std::string& part, size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += part;
  return out;
}

// Texts that hang readers: runs that are one pre-token, runs that a backtracking engine goes through again for every character.
inline std::map<std::string, std::string> Hostile(size_t bytes) {
  std::mt19937_64 random(7);
  std::string noise;
  for (size_t i = 0; i < bytes; ++i) noise += static_cast<char>(random());
  return {{"one letter", Repeated("e", bytes)},       {"two letters", Repeated("th", bytes)},      {"spaces", Repeated(" ", bytes)},
          {"newlines", Repeated("\n ", bytes)},        {"one ideograph", Repeated("\xE7\x9A\x84", bytes)}, {"'s", Repeated("'s", bytes)},
          {"marks", "a" + Repeated("\xCC\x81\xCC\xA3", bytes)}, {"joiners", Repeated("\xE2\x80\x8D", bytes)}, {"upper case", "\xE3\x81\x82" + Repeated("AB", bytes)},
          {"ill-formed", Repeated("\xFF", bytes)},     {"half a space", Repeated("\xE2\x80", bytes)}, {"noise", noise}};
}

// A megabyte of each hostile text against half of it and against prose.
inline void CheckLinearTime(const Tokenizer& tokenizer) {
  constexpr size_t kBytes = 1 << 20;
  const auto whole = Hostile(kBytes), half = Hostile(kBytes / 2);
  CAPTURE(tokenizer.kind());
  // Words that the cache does not know, as most of a first text.
  std::string prose;
  for (std::mt19937_64 random(9); prose.size() < kBytes;) {
    prose += ' ';
    for (uint64_t length = 2 + random() % 8; length > 0; --length) prose += "etaoinshrdlucmfwyp"[random() % 18];
  }
  const double of_prose = Seconds(tokenizer, prose);
  for (const auto& row : whole) {
    const std::string& name = row.first;  // clang 14 captures no structured binding
    const std::string& text = row.second;
    CAPTURE(name);
    double of_half = 1e9, of_whole = 1e9;
    for (int i = 0; i < 3; ++i) {  // turn and turn about
      of_half = std::min(of_half, Seconds(tokenizer, half.at(name)));
      of_whole = std::min(of_whole, Seconds(tokenizer, text));
    }
    // Twice, and room for other programs on the machine, which crowd the caches; a quadratic reader takes four times as long.
    CHECK(of_whole < 3 * of_half + 0.02);
    CHECK(of_whole < 10 * of_prose + 0.05);
    MESSAGE(tokenizer.kind() << ", " << name << ": " << of_whole << " s for 1 MiB, " << of_whole / of_half << " x half of it, " << of_whole / of_prose << " x prose");
  }
}

}  // namespace verdigris::verify
