// Expected words: native.json `words`.
#include "watermark/words.h"

#include "tests/watermark/testing.h"

using namespace verdigris;
using namespace verdigris::testing;

TEST_CASE("words of a row, of a list and of tuples are those of the vectors") {
  const auto file = ReadJsonFile("native_common.json");
  REQUIRE(file["words"].size() == 32);
  std::vector<uint32_t> row(kWordsAtOnce + 5);
  for (const auto& c : file["words"]) {
    const auto prf = Prf::Create(KeyFromHex(c["layer_key"]));
    REQUIRE(prf.has_value());
    const std::vector<uint32_t> window = c["window"], ids = c["tokens"], expected = c["words"];
    const Tag tag = prf->mac().TagOf(window.data(), window.size());
    std::vector<uint32_t> words(ids.size());
    WordsOfIds(*prf, tag, ids, words.data());
    CHECK(words == expected);
    const std::vector<Tag> tags(ids.size(), tag);
    std::fill(words.begin(), words.end(), 0);
    WordsOfTuples(*prf, tags, ids, words.data());
    CHECK(words == expected);
    for (size_t i = 0; i < ids.size(); ++i) {
      const size_t first = ids[i] / 4 * 4;
      WordsOfRow(*prf, tag, first, {row.data(), ids[i] - first + 1});
      CHECK(row[ids[i] - first] == expected[i]);
    }
  }
}

TEST_CASE("the pieces of a row or of a list are its words, at every length about a piece and a block") {
  const Prf prf = *Prf::Create(TestKey("words", 0));
  const uint32_t window[2] = {10, 11};
  const Tag tag = prf.mac().TagOf(window, 2);
  std::vector<uint32_t> all(2 * kWordsAtOnce + 8);
  WordsOfRow(prf, tag, 0, all);
  for (const size_t count : {size_t{1}, size_t{3}, size_t{4}, size_t{5}, kWordsAtOnce - 1, kWordsAtOnce, kWordsAtOnce + 1, 2 * kWordsAtOnce + 7}) {
    CAPTURE(count);
    std::vector<uint32_t> ids(count);
    for (size_t i = 0; i < count; ++i) ids[i] = static_cast<uint32_t>(count - 1 - i);
    std::vector<uint32_t> row, list;
    ForEachWords(prf, tag, nullptr, count, [&](size_t start, std::span<const uint32_t> words) {
      CHECK(start == row.size());
      row.insert(row.end(), words.begin(), words.end());
    });
    ForEachWords(prf, tag, ids.data(), count, [&](size_t start, std::span<const uint32_t> words) {
      CHECK(start == list.size());
      list.insert(list.end(), words.begin(), words.end());
    });
    std::reverse(list.begin(), list.end());
    all.resize(count);
    CHECK(row == all);
    CHECK(list == all);
    all.resize(2 * kWordsAtOnce + 8);
    WordsOfRow(prf, tag, 0, all);
  }
}
