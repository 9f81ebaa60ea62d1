// Expected bytes: evidence.json `canonical_json` of the second implementation.
#include "watermark/json.h"

#include "tests/watermark/testing.h"

using namespace verdigris;
using namespace verdigris::testing;

TEST_CASE("canonical bytes are those of the vectors, and are read back") {
  const auto file = ReadJsonFile("canonical_json.json");
  REQUIRE(file["values"].size() >= 5);
  for (const auto& row : file["values"]) {
    const std::string canonical = row["canonical"];
    CAPTURE(canonical);
    CHECK(Hex(Sha256(AsBytes(canonical))) == row["sha256"]);
    const auto value = ParseCanonicalJson(canonical);
    REQUIRE(value.has_value());
    CHECK(WriteJson(*value) == canonical);
    const auto loose = ParseJson(row["value"].dump(2));
    REQUIRE(loose.has_value());
    CHECK(WriteJson(*loose) == canonical);
  }
}

TEST_CASE("what is not canonical, or no value of the subset, is refused with its class") {
  struct Case { const char* name; std::string text; ErrorKind kind; };
  const Case cases[] = {
      {"empty", "", ErrorKind::kMalformed},
      {"white space only", " \n", ErrorKind::kMalformed},
      {"space between tokens", "{\"a\": 1}", ErrorKind::kMalformed},
      {"members out of order", "{\"b\":1,\"a\":2}", ErrorKind::kMalformed},
      {"repeated name", "{\"a\":1,\"a\":1}", ErrorKind::kMalformed},
      {"fraction", "1.0", ErrorKind::kMalformed},
      {"exponent", "1e3", ErrorKind::kMalformed},
      {"true", "true", ErrorKind::kMalformed},
      {"null", "null", ErrorKind::kMalformed},
      {"minus zero", "-0", ErrorKind::kMalformed},
      {"leading zero", "01", ErrorKind::kMalformed},
      {"2^53", "9007199254740992", ErrorKind::kMalformed},
      {"a number of 60 digits", std::string(60, '9'), ErrorKind::kMalformed},
      {"needless escape", "\"\\u0041\"", ErrorKind::kMalformed},
      {"escaped slash", "\"\\/\"", ErrorKind::kMalformed},
      {"upper-case escape", "\"\\u001F\"", ErrorKind::kMalformed},
      {"lone high surrogate", "\"\\ud800\"", ErrorKind::kMalformed},
      {"lone low surrogate", "\"\\udc00\"", ErrorKind::kMalformed},
      {"surrogate pair written out", "\"\\ud83d\\ude00\"", ErrorKind::kMalformed},
      {"surrogate in UTF-8", "\"\xED\xA0\x80\"", ErrorKind::kMalformed},
      {"overlong UTF-8", "\"\xC0\xAF\"", ErrorKind::kMalformed},
      {"above U+10FFFF", "\"\xF4\x90\x80\x80\"", ErrorKind::kMalformed},
      {"cut UTF-8", "\"\xE2\x82", ErrorKind::kMalformed},
      {"raw control character", "\"\x01\"", ErrorKind::kMalformed},
      {"byte order mark", "\xEF\xBB\xBF{}", ErrorKind::kMalformed},
      {"trailing comma", "[1,]", ErrorKind::kMalformed},
      {"trailing byte", "{}x", ErrorKind::kMalformed},
      {"open array", "[1", ErrorKind::kMalformed},
      {"member name of 65 characters", "{\"" + std::string(65, 'a') + "\":1}", ErrorKind::kMalformed},
      {"member name with a dot", "{\"a.b\":1}", ErrorKind::kMalformed},
      {"33 levels below the top", std::string(34, '[') + std::string(34, ']'), ErrorKind::kLimit},
      {"a million brackets", std::string(1000000, '['), ErrorKind::kLimit},
      {"above 64 MiB", std::string((size_t{64} << 20) + 1, ' '), ErrorKind::kLimit},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto value = ParseCanonicalJson(c.text);
    REQUIRE(!value.has_value());
    CHECK(value.error().kind == c.kind);
  }
  CHECK(ParseCanonicalJson(std::string(33, '[') + std::string(33, ']')).has_value());
}

TEST_CASE("the loose reader takes white space and escapes, and still refuses repeated names") {
  const auto value = ParseJson(" { \"b\" : [ 1 , -2 ] , \"a\" : \"\\ud83d\\ude00\\u0041\\/\" } ");
  REQUIRE(value.has_value());
  CHECK(WriteJson(*value) == "{\"a\":\"\xF0\x9F\x98\x80" "A/\",\"b\":[1,-2]}");
  CHECK(!ParseJson("{\"a\":1, \"a\":2}").has_value());
}
