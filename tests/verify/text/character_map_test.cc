// Character maps, good and bad. The tries are laid out by hand: each node has a block of 256 units of its own, so every
// place is known. The map that spm_train 0.1.97 wrote (tests/data/tiny_unigram.model) must pass too.
#include "verify/text/character_map.h"

#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "verify/text/sentencepiece_model.h"

namespace verdigris::verify {
namespace {

// The unit at `place` for byte `label`, leading to `base`.
uint32_t Unit(uint32_t place, uint8_t label, uint32_t base, bool ends_key) {
  const uint32_t offset = place ^ base;
  REQUIRE(offset < (1u << 21));
  return offset << 10 | (ends_key ? 1u << 8 : 0) | label;
}

uint32_t Leaf(uint32_t value) { return value | 1u << 31; }

class Map {
 public:
  explicit Map(uint32_t blocks) : units_(256 * blocks, Leaf(0xFF)) { units_[0] = Unit(0, 0, Base(0), false); }

  // The first place of a block is left out, so that no node of block 0 has unit 0, the root, below it.
  static uint32_t Base(uint32_t block) { return 256 * block + 1; }

  // From the node with block `from`, byte c leads to the node with block `to`.
  Map& Edge(uint32_t from, uint8_t c, uint32_t to, bool ends_key = false) {
    const uint32_t place = Base(from) ^ c;
    units_[place] = Unit(place, c, Base(to), ends_key);
    return *this;
  }
  Map& Value(uint32_t block, uint32_t value) {
    units_[Base(block)] = Leaf(value);
    return *this;
  }
  Map& Raw(uint32_t place, uint32_t unit) {
    units_[place] = unit;
    return *this;
  }

  std::string Blob(std::string_view replacements) const {
    std::string blob;
    auto put = [&](uint32_t x) {
      for (int shift = 0; shift < 32; shift += 8) blob.push_back(static_cast<char>(x >> shift));
    };
    put(static_cast<uint32_t>(4 * units_.size()));
    for (uint32_t unit : units_) put(unit);
    return blob.append(replacements);
  }

 private:
  std::vector<uint32_t> units_;
};

// a -> replacement at 0, ab -> replacement at `place`.
Map TwoKeys(uint32_t place = 2) {
  Map map(3);
  map.Edge(0, 'a', 1, true).Value(1, 0).Edge(1, 'b', 2, true).Value(2, place);
  return map;
}

std::string Cause(const std::string& blob) {
  const auto map = ReadCharacterMap(blob);
  if (map) return "";
  CHECK(map.error().kind == ErrorKind::kMalformed);
  return map.error().message;
}

using namespace std::string_literals;

TEST_CASE("an empty character map and a small one are accepted, in their parts") {
  CHECK(ReadCharacterMap("").value().trie.empty());
  const std::string blob = TwoKeys().Blob("x\0yz\0"s);
  const auto map = ReadCharacterMap(blob);
  REQUIRE(map.has_value());
  CHECK(map->trie.size() == 3 * 1024);
  CHECK(map->replacements == "x\0yz\0"s);
}

TEST_CASE("the map that spm_train wrote is accepted") {
  std::ifstream in(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_unigram.model", std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  const auto model = ReadSentencePieceModel(file);
  REQUIRE(model.has_value());
  CHECK(model->normalizer.character_map.trie.size() == 1024);
  CHECK(model->normalizer.character_map.replacements.back() == '\0');
}

TEST_CASE("sizes that do not fit are refused") {
  CHECK(Cause("abc") == "character map: 3 bytes");
  CHECK(Cause("\0\0\0\0a\0"s) == "character map: a trie of 0 bytes in a map of 6");
  CHECK(Cause("\5\0\0\0aaaaaaaaa\0"s) == "character map: a trie of 5 bytes in a map of 14");
  CHECK(Cause("\x08\0\0\0aaaaaaaa"s) == "character map: a trie of 8 bytes in a map of 12");
  CHECK(Cause("\xFC\xFF\xFF\xFF" "aaaaaaaa"s) == "character map: a trie of 4294967292 bytes in a map of 12");
  // A trie of one unit: the library reads unit 0, then what its offset and the text say.
  CHECK(Cause("\4\0\0\0\0\0\0\0a\0"s) == "character map: place 255 is read, the trie has 1");
}

TEST_CASE("a place that some text would reach must exist") {
  const std::string replacements = "x\0yz\0"s;
  CHECK(Cause(TwoKeys().Edge(1, 'c', 3).Blob(replacements)) == "character map: place 1023 is read, the trie has 768");
  CHECK(Cause(TwoKeys().Edge(1, 'c', 4000, true).Blob(replacements)) == "character map: place 1024255 is read, the trie has 768");
  CHECK(Cause(TwoKeys().Edge(1, 0, 3).Blob(replacements)) == "character map: place 1023 is read, the trie has 768");
  // The same unit where no text leads: block 2 has no edge from 'd' on. Its label says another byte.
  const uint32_t place = Map::Base(2) ^ 'd';
  CHECK(Cause(TwoKeys().Raw(place, Unit(place, 'e', Map::Base(4000), true)).Blob(replacements)).empty());
  CHECK_FALSE(Cause(TwoKeys().Raw(place, Unit(place, 'd', Map::Base(4000), true)).Blob(replacements)).empty());
  // The root itself leads outside.
  CHECK(Cause(TwoKeys().Raw(0, Unit(0, 0, 3 * 256, false)).Blob(replacements)) == "character map: place 1023 is read, the trie has 768");
  // The offset's extension bit: 1 << 10 means 256 there.
  CHECK(Cause(TwoKeys().Raw(1 ^ 'q', 3u << 10 | 1u << 9 | 'q').Blob(replacements)) == "character map: place 1023 is read, the trie has 768");
}

TEST_CASE("replacements must begin and end inside of their part") {
  CHECK(Cause(TwoKeys(4).Blob("x\0yz\0"s)).empty());
  CHECK(Cause(TwoKeys(5).Blob("x\0yz\0"s)) == "character map: replacement at 5, they end at 5");
  CHECK(Cause(TwoKeys(2).Blob("x\0yz"s)) == "character map: replacement at 2, they end at 2");
  CHECK(Cause(TwoKeys(2).Blob("xyz"s)) == "character map: replacement at 0, they end at 0");
  CHECK(Cause(TwoKeys(0x7FFFFFFF).Blob("x\0yz\0"s)) == "character map: replacement at 2147483647, they end at 5");
}

TEST_CASE("a way that leads back is refused, a tail shared by two keys is not") {
  Map loop = TwoKeys();
  loop.Edge(2, 'a', 1);
  CHECK(Cause(loop.Blob("x\0yz\0"s)) == "character map: unit 608 leads back to itself");
  Map shared(4);
  shared.Edge(0, 'a', 1).Edge(0, 'b', 2).Edge(1, 'c', 3, true).Edge(2, 'c', 3, true).Value(3, 0);
  CHECK(Cause(shared.Blob("x\0"s)).empty());
}

TEST_CASE("at most 32 keys may begin one text") {
  for (uint32_t keys : {32u, 33u}) {
    CAPTURE(keys);
    Map chain(keys + 1);
    for (uint32_t i = 0; i < keys; ++i) chain.Edge(i, 'a', i + 1, true).Value(i + 1, 0);
    CHECK(Cause(chain.Blob("x\0"s)) == (keys == 32 ? "" : "character map: more than 32 keys begin a common text"));
  }
}

TEST_CASE("a replacement may be 64 times as long as its key, and spaces count three") {
  auto one = [](const std::string& replacement) { return Cause(Map(2).Edge(0, 'a', 1, true).Value(1, 0).Blob(replacement + "\0"s)); };
  CHECK(one(std::string(64, 'x')).empty());
  CHECK(one(std::string(65, 'x')) == "character map: a replacement of more than 64 times its key");
  CHECK(one(std::string(21, ' ')).empty());
  CHECK(one(std::string(22, ' ')) == "character map: a replacement of more than 64 times its key");
  // A key of two bytes may have twice as much; but not where a key of one byte shares its end.
  const std::string two = std::string(128, 'x') + "\0"s;
  CHECK(Cause(Map(3).Edge(0, 'a', 1).Edge(1, 'b', 2, true).Value(2, 0).Blob(two)).empty());
  CHECK(Cause(Map(3).Edge(0, 'a', 1).Edge(1, 'b', 2, true).Edge(0, 'b', 2, true).Value(2, 0).Blob(two)) ==
        "character map: a replacement of more than 64 times its key");
  // The shortest way counts below a shared place too: "bc" (2 bytes) and "abc" (3) end in one node.
  Map shared(4);
  shared.Edge(0, 'a', 1).Edge(1, 'b', 2).Edge(0, 'b', 2).Edge(2, 'c', 3, true).Value(3, 0);
  CHECK(Cause(shared.Blob(two)).empty());
  CHECK(Cause(shared.Blob("x" + two)) == "character map: a replacement of more than 64 times its key");
}

TEST_CASE("a key of 7,000 bytes is walked") {
  const uint32_t length = 7000;  // offsets of one unit reach 2^21 places
  Map chain(length + 1);
  for (uint32_t i = 0; i < length; ++i) chain.Edge(i, 'a', i + 1, i + 1 == length);
  chain.Value(length, 0);
  CHECK(Cause(chain.Blob("x\0"s)).empty());
}

}  // namespace
}  // namespace verdigris::verify
