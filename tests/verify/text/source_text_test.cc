// Ill-formed parts, NFC of Unicode 9.0 and the map back to the document.
//
// Ill-formed parts: the table of Unicode 16.0, section 3.9 (U+FFFD for each maximal subpart). NFC: ICU's own normalizer filtered to
// the characters of Unicode 9.0, which is another implementation than ours.
#include "verify/text/source_text.h"

#include <chrono>
#include <random>

#include <unicode/normalizer2.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include "tests/verify/text/tokenizer_vectors.h"

namespace verdigris::verify {
namespace {

using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;

// Of tokens of one byte of the text each.
Ranges ByteRanges(const SourceText& source) {
  std::vector<Token> tokens;
  for (uint32_t i = 0; i < source.text().size(); ++i) tokens.push_back({0, i, i + 1});
  source.ToDocument(tokens);
  Ranges ranges;
  for (const Token& token : tokens) ranges.emplace_back(token.begin, token.end);
  return ranges;
}

TEST_CASE("each maximal ill-formed part is one U+FFFD, and maps as a whole") {
  SourceText source;
  // Unicode 16.0, tables 3-8 to 3-11.
  const std::pair<const char*, size_t> rows[] = {{"C0AFE080BFF081825A", 8 + 0}, {"EDA080EDBFBFEDAF5A", 8}, {"F4919293FF5A80BF5A"  , 5 + 2}, {"E180E2F09192F1BF5A", 4}};
  const size_t letters[] = {1, 1, 2, 1};
  for (size_t i = 0; i < 4; ++i) {
    CAPTURE(rows[i].first);
    const std::string document = FromHex([&] {
      std::string lower = rows[i].first;
      for (char& c : lower) c = c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
      return lower;
    }());
    source.Read(document, false);
    CHECK(source.text().size() == 3 * rows[i].second + letters[i]);
  }
  const std::string document = "a\xE2\x82" "b\xFF";
  source.Read(document, false);
  CHECK(source.text() == "a\xEF\xBF\xBD" "b\xEF\xBF\xBD");
  CHECK(ByteRanges(source) == Ranges{{0, 1}, {1, 3}, {1, 3}, {1, 3}, {3, 4}, {4, 5}, {4, 5}, {4, 5}});
}

TEST_CASE("a text that nothing changes is the document itself") {
  SourceText source;
  const std::string document = "plain \xC3\xA9 \xF0\x9F\x98\x80";
  source.Read(document, false);
  CHECK(source.text().data() == document.data());
  CHECK(ByteRanges(source)[6] == std::pair<uint32_t, uint32_t>{6, 7});
  source.Read("", true);
  CHECK(source.text().empty());
}

TEST_CASE("what NFC changes maps as a whole, the rest byte by byte") {
  SourceText source;
  source.Read("ae\xCC\x81" "b", true);  // e and U+0301
  CHECK(source.text() == "a\xC3\xA9" "b");
  CHECK(ByteRanges(source) == Ranges{{0, 1}, {1, 4}, {1, 4}, {4, 5}});
  source.Read("q\xCC\x81", true);  // no composition: unchanged
  CHECK(source.text() == "q\xCC\x81");
  CHECK(ByteRanges(source) == Ranges{{0, 1}, {1, 2}, {2, 3}});
  source.Read("e\xCC\x81", false);  // without composing
  CHECK(source.text() == "e\xCC\x81");
  source.Read("\xFF\xCC\x81", true);  // a mark after an ill-formed part
  CHECK(ByteRanges(source) == Ranges{{0, 1}, {0, 1}, {0, 1}, {1, 2}, {2, 3}});
  // U+1E4D0 came with Unicode 15.0: inert, also between a letter and its mark.
  source.Read("e\xF0\x9E\x93\x90\xCC\x81", true);
  CHECK(source.text() == "e\xF0\x9E\x93\x90\xCC\x81");
}

TEST_CASE("NFC is that of Unicode 9.0, as ICU's filtered normalizer has it") {
  UErrorCode error = U_ZERO_ERROR;
  icu::UnicodeSet old(icu::UnicodeString(u"[:age=9.0:]"), error);
  const icu::FilteredNormalizer2 expected(*icu::Normalizer2::getNFCInstance(error), old);
  REQUIRE(U_SUCCESS(error));
  std::mt19937_64 random(1);
  // Characters that compose, decompose or reorder, of every version; and any.
  std::vector<UChar32> pool;
  for (UChar32 c = 0x80; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    if (c >= 0xAC00 && c < 0xD7A4 && random() % 100 > 0) continue;
    if (!icu::Normalizer2::getNFCInstance(error)->isInert(c)) pool.push_back(c);
  }
  size_t changed = 0;
  SourceText source;
  for (int i = 0; i < 30000; ++i) {
    icu::UnicodeString text;
    for (uint64_t length = 1 + random() % 12; length > 0; --length) {
      const uint64_t kind = random() % 8;
      text.append(kind == 0 ? static_cast<UChar32>('a' + random() % 26) : kind == 1 ? static_cast<UChar32>(0x300 + random() % 0x60) : pool[random() % pool.size()]);
    }
    std::string document, wanted;
    text.toUTF8String(document);
    icu::UnicodeString normal;
    expected.normalize(text, normal, error);
    normal.toUTF8String(wanted);
    source.Read(document, true);
    CAPTURE(i);
    CHECK(source.text() == wanted);
    changed += source.text() != document;
    const Ranges ranges = ByteRanges(source);
    for (size_t k = 1; k < ranges.size(); ++k) CHECK((ranges[k - 1].first <= ranges[k].first && ranges[k - 1].second <= ranges[k].second));
    if (!ranges.empty()) CHECK((ranges.front().first == 0 && ranges.back().second == document.size()));
  }
  CHECK(changed > 5000);
}

TEST_CASE("marks in the wrong order take no quadratic time") {
  std::string marks = "a";
  for (int i = 0; i < 200000; ++i) marks += "\xCC\x81\xCC\xA3";  // classes 230 and 220
  SourceText source;
  const auto start = std::chrono::steady_clock::now();
  source.Read(marks, true);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));  // ICU's own: minutes
  CHECK(source.text().size() == marks.size());  // U+1EA1, 3 bytes for 1 + 2, then all the other marks
}

}  // namespace
}  // namespace verdigris::verify
