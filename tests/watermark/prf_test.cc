// Expected tags, words and layers: native.json `nonces`, `words`, `selectors`; CMAC: SP 800-38B, appendix D.3. N13's example
// stands in all_schemes and selftest.
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
      const uint32_t index = v >> 2;
      uint8_t block[kBlockBytes], streamed[2 * kBlockBytes];
      prf->Blocks<1>(DrawTags(tag), &index, 1, block);
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

TEST_CASE("CMAC of whole and broken blocks is that of SP 800-38B") {
  const WindowMac mac = *WindowMac::Create(KeyFromHex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"));
  const auto message = Unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                             "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  const struct { size_t length; const char* tag; } rows[] = {{16, "28a7023f452e8f82bd4bf28d8c37c35c"},
                                                             {40, "aaf3d8f1de5640c232f5b169b9c911e6"},
                                                             {64, "e1992190549f6ed5696a2c056c315410"}};
  for (const auto& row : rows) {
    CAPTURE(row.length);
    std::vector<uint8_t> many;
    for (int i = 0; i < 300; ++i) many.insert(many.end(), message.begin(), message.begin() + static_cast<ptrdiff_t>(row.length));
    std::vector<Tag> tags(300);
    mac.Macs(many.data(), row.length, 300, tags.data());
    for (const Tag& tag : tags) CHECK(Hex(tag.bytes) == row.tag);
  }
}

TEST_CASE("the tag of a window is the CMAC of its message, for every width") {
  const WindowMac mac = *WindowMac::Create(TestKey("prf_test macs", 0));
  const uint32_t window[8] = {1, 70000, 16777215, 0, 5, 6, 7, 8};
  for (size_t h = 1; h <= 8; ++h) {
    uint8_t message[WindowMessageBytes(8)];
    WriteWindowMessage(window, h, message);
    Tag tag;
    mac.Macs(message, WindowMessageBytes(h), 1, &tag);
    CHECK(tag.bytes == mac.TagOf(window, h).bytes);
  }
}

TEST_CASE("another key in place draws what a new object under it draws, also with several contexts in the pools") {
  Prf prf = *Prf::Create(TestKey("prf_test rekey", 0));
  const uint32_t window[2] = {3, 4};
  const auto draws_of = [&](const Prf& of) {
    const Tag tag = of.mac().TagOf(window, 2);
    std::vector<uint8_t> bytes(tag.bytes.begin(), tag.bytes.end());
    bytes.resize(16 + 5 * kBlockBytes);
    of.Keystream(tag, 7, 3, bytes.data() + 16);
    const uint32_t indices[2] = {0, 99};
    of.Blocks<1>(DrawTags(tag), indices, 2, bytes.data() + 16 + 3 * kBlockBytes);
    return bytes;
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back([&] { for (int i = 0; i < 200; ++i) draws_of(prf); });
  }
  for (uint32_t i = 1; i < 20; ++i) {
    const Key key = TestKey("prf_test rekey", i);
    prf.Rekey(key.secret());
    const auto want = draws_of(*Prf::Create(key));
    std::vector<std::vector<uint8_t>> got(4);
    {
      std::vector<std::jthread> threads;
      for (auto& bytes : got) threads.emplace_back([&] { bytes = draws_of(prf); });
    }
    for (const auto& bytes : got) CHECK(bytes == want);
  }
}
