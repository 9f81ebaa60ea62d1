// Expected tags, words and layers: native.json `nonces`, `words`, `selectors`. SP 800-38B example keys are not used, since
// WindowMac takes windows only; N13's example stands in all_schemes and selftest.
#include "watermark/prf.h"

#include <cstring>
#include <thread>

#include "tests/watermark/testing.h"

using namespace verdigris;
using namespace verdigris::testing;

TEST_CASE("tags of windows are those of the vectors, one by one and in one batch") {
  const auto file = ReadJsonFile("native_common.json");
  REQUIRE(file["nonces"].size() == 128);
  for (const auto& row : file["nonces"]) {
    const auto prf = Prf::Create(KeyFromHex(row["layer_key"]));
    REQUIRE(prf.has_value());
    const std::vector<uint32_t> window = row["window"];
    const Tag tag = prf->mac().TagOf(window.data(), window.size());
    CHECK(Hex({tag.bytes.data(), Tag::kNonceBytes}) == row["nonce"]);
    CHECK(tag.channel() == row["channel_word"]);
    const std::vector<const uint32_t*> many(131, window.data());
    std::vector<Tag> tags(many.size());
    prf->mac().Tags(many.data(), window.size(), many.size(), tags.data());
    for (const Tag& each : tags) CHECK(each.bytes == tag.bytes);
  }
}

TEST_CASE("keystream words are those of the vectors, as blocks and as a stream from any place") {
  const auto file = ReadJsonFile("native_common.json");
  REQUIRE(file["words"].size() == 32);
  for (const auto& row : file["words"]) {
    const auto prf = Prf::Create(KeyFromHex(row["layer_key"]));
    REQUIRE(prf.has_value());
    const std::vector<uint32_t> window = row["window"];
    const Tag tag = prf->mac().TagOf(window.data(), window.size());
    CHECK(tag.channel() == row["channel_word"]);
    const auto word_at = [](const uint8_t* block, uint32_t v) {
      const uint8_t* p = block + 4 * (v & 3);
      return uint32_t{p[0]} | uint32_t{p[1]} << 8 | uint32_t{p[2]} << 16 | uint32_t{p[3]} << 24;
    };
    for (size_t i = 0; i < row["tokens"].size(); ++i) {
      const uint32_t v = row["tokens"][i];
      const BlockIndex index{&tag, v >> 2};
      uint8_t block[kBlockBytes], streamed[2 * kBlockBytes];
      prf->Blocks(&index, 1, block);
      CHECK(word_at(block, v) == row["words"][i]);
      prf->Keystream(tag, v >> 2, 2, streamed);
      CHECK(std::memcmp(block, streamed, kBlockBytes) == 0);
    }
    for (const auto& [count, digest] : row["all_words_sha256"].items()) {
      const size_t ids = std::stoul(count);
      std::vector<uint8_t> stream((ids + 3) / 4 * kBlockBytes);
      prf->Keystream(tag, 0, (ids + 3) / 4, stream.data());
      CHECK(Sha256Hex({stream.data(), 4 * ids}) == digest);
    }
  }
}

TEST_CASE("threads that share one PRF draw the same bytes as one thread") {
  const auto prf = Prf::Create(TestKey("prf_test threads", 0));
  REQUIRE(prf.has_value());
  const auto digest_of = [&](uint32_t start) {
    std::vector<uint8_t> all;
    for (uint32_t i = start; i < start + 50; ++i) {
      const uint32_t window[2] = {i, i + 1};
      const Tag tag = prf->mac().TagOf(window, 2);
      std::vector<uint8_t> stream(700 * kBlockBytes);
      prf->Keystream(tag, 0, 700, stream.data());
      all.insert(all.end(), stream.begin(), stream.end());
    }
    return Sha256(all);
  };
  std::vector<Digest> alone, together(16);
  for (uint32_t t = 0; t < 16; ++t) alone.push_back(digest_of(100 * t));
  {
    std::vector<std::jthread> threads;
    for (uint32_t t = 0; t < 16; ++t) threads.emplace_back([&, t] { together[t] = digest_of(100 * t); });
  }
  CHECK(alone == together);
}
