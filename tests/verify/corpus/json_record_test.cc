// The finder of members against simdjson, and where it is wider on purpose.
#include "verify/corpus/json_record.h"

#include <simdjson.h>

#include <random>

#include "doctest/doctest.h"

namespace verdigris::verify {
namespace {

// The text at `field`, decoded; "<json>", "<none>" or "<twice>".
std::string Find(std::string_view text, std::string_view field = "text") {
  const JsonPath path = ParseJsonPath(field);
  JsonSpan found;
  if (!FindInJson(text, {&path, 1}, {&found, 1})) return "<json>";
  if (found.duplicate) return "<twice>";
  if (!found.is_string()) return found.raw.empty() ? "<none>" : std::string(found.raw);
  std::string buffer;
  return std::string(DecodeJsonString(found.raw, buffer));
}

std::string Nested(int levels, std::string_view open, std::string_view close) {
  std::string out = "{\"text\":\"a\",\"b\":";
  for (int i = 1; i < levels; ++i) out += open;
  out += "1";
  for (int i = 1; i < levels; ++i) out += close;
  return out + "}";
}

}  // namespace

TEST_CASE("members, paths and escapes") {
  CHECK(Find(R"({"text":"hello"})") == "hello");
  CHECK(Find(R"( { "a" : [1,-2.5e+7,true,false,null,{}] , "text" : "x\n\t\"\\\/\b\f\r" } )") == "x\n\t\"\\/\b\f\r");
  CHECK(Find(R"({"text":"\u0041\u00e9\u20ac\ud83d\ude00"})") == "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(Find(R"({"text":"a\ud800b\udc00\ud800\ud800\udc00"})") == "a\xED\xA0\x80" "b\xED\xB0\x80\xED\xA0\x80\xF0\x90\x80\x80");
  CHECK(Find("{\"text\":\"\xFF\xC0\"}") == "\xFF\xC0");
  CHECK(Find(R"({"te\u0078t":"x"})") == "x");
  CHECK(Find(R"({"other":"x"})") == "<none>");
  CHECK(Find(R"({"text":null})") == "null");
  CHECK(Find(R"([1,2])") == "<none>");
  CHECK(Find(R"({"a":{"b":[{"c":"x"},{"c":"y"}]}})", "/a/b/1/c") == "y");
  CHECK(Find(R"({"a":{"b":"x"},"b":"y"})", "/a/b") == "x");
  CHECK(Find(R"({"a/b":{"~":"x"}})", "/a~1b/~0") == "x");
  CHECK(Find(R"({"a":"x","a/b":"y"})", "/a/b") == "<none>");
  CHECK(Find(R"({"":"x"})", "/") == "x");
}

TEST_CASE("a name twice on the path, and elsewhere") {
  CHECK(Find(R"({"text":"a","text":"a"})") == "<twice>");
  CHECK(Find(R"({"text":"a","te\u0078t":"b"})") == "<twice>");
  CHECK(Find(R"({"b":1,"text":"a","b":2})") == "a");
  CHECK(Find(R"({"a":{"text":"x"},"text":"y"})") == "y");
  CHECK(Find(R"({"a":{"b":"x"},"a":{}})", "/a/b") == "<twice>");
  CHECK(Find(R"({"a":[{"b":"x"},{"b":"y","b":"z"}]})", "/a/0/b") == "x");
  CHECK(Find(R"({"text":"a","text":"a")") == "<json>");
}

TEST_CASE("what is no JSON") {
  for (const char* text : {"", " ", "{", "{}x", "{\"text\":\"a\"} {}", "{text:1}", "{'text':1}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":+1}",
                           "{\"a\":1e}", "{\"a\":-}", "{\"a\":tru}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\n\"}",
                           "{\"a\":\"", "{\"a\":\"\\", "{\"a\":\"\\\"}", "{\"a\":1,}", "{,}", "[1,]", "[1 2]", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "NaN", "{\"a\":NaN}",
                           "{\"a\":1}\x0B", "{\"a\":\"\x1F\"}"}) {
    CAPTURE(text);
    CHECK(Find(text) == "<json>");
  }
  CHECK(Find(std::string_view("{\"a\":\"\0\"}", 9)) == "<json>");
  CHECK(Find(std::string_view("{\"a\":\"\\\0\"}", 10)) == "<json>");
}

TEST_CASE("64 levels, not 65") {
  CHECK(Find(Nested(64, "[", "]")) == "a");
  CHECK(Find(Nested(65, "[", "]")) == "<json>");
  CHECK(Find(Nested(64, "{\"x\":", "}")) == "a");
  CHECK(Find(Nested(65, "{\"x\":", "}")) == "<json>");
  CHECK(Find(std::string(1000000, '[')) == "<json>");
}

TEST_CASE("arrays of ids") {
  std::vector<uint32_t> ids;
  CHECK(DecodeJsonIds("[ 0, 1 ,16777215]", ids) == JsonIds::kIds);
  CHECK(ids == std::vector<uint32_t>{0, 1, 16777215});
  CHECK(DecodeJsonIds("[]", ids) == JsonIds::kIds);
  CHECK(ids.empty());
  CHECK(DecodeJsonIds("[-0]", ids) == JsonIds::kIds);
  CHECK(DecodeJsonIds("[16777216]", ids) == JsonIds::kOutOfRange);
  CHECK(DecodeJsonIds("[-1]", ids) == JsonIds::kOutOfRange);
  CHECK(DecodeJsonIds("[99999999999999999999999999]", ids) == JsonIds::kOutOfRange);
  for (const char* raw : {"[1.0]", "[1e3]", "[[1]]", "[\"1\"]", "[null]", "{}", "\"1\"", "1", "", "[1,true]"}) {
    CAPTURE(raw);
    CHECK(DecodeJsonIds(raw, ids) == JsonIds::kNotIds);
  }
}

// Texts made of pieces of JSON, most of them broken somewhere. Not a statistical test: the seed is fixed.
TEST_CASE("where simdjson accepts a text, both find the same") {
  static const char* const kPieces[] = {"{", "}", "[", "]", ",", ":", "\"text\"", "\"te\\u0078t\"", "\"a\"", "\"\\ud83d\\ude00\"", "\"\\n\"", "1", "-0.5e3", "0", "true",
                                        "null", " ", "\n", "{\"text\":", "\"text\":\"v\"", "\"b\":[1,2]", "\"long string of more than eight bytes\"", "\"\\", "x", "{}", "\xC3\xA9"};
  std::mt19937 random(20261127);
  simdjson::dom::parser parser;
  int accepted = 0, with_text = 0;
  for (int round = 0; round < 200000; ++round) {
    // Half of the texts begin as an object.
    std::string text = round % 2 == 0 ? "{" : "";
    const size_t count = 1 + random() % 9;
    for (size_t i = 0; i < count; ++i) text += kPieces[random() % std::size(kPieces)];
    if (round % 2 == 0) text += "}";
    simdjson::dom::element element;
    const auto error = parser.parse(text).get(element);
    const std::string ours = Find(text);
    CAPTURE(text);
    if (error == simdjson::NUMBER_ERROR) continue;  // beyond binary64, which is no fault of the grammar
    if (error != simdjson::SUCCESS) {
      CHECK(ours == "<json>");
      continue;
    }
    ++accepted;
    CHECK(ours != "<json>");
    std::string_view theirs;
    if (ours == "<twice>" || element["text"].get(theirs) != simdjson::SUCCESS) continue;
    ++with_text;
    CHECK(ours == theirs);
  }
  CHECK(accepted > 1000);
  CHECK(with_text > 100);
}

}  // namespace verdigris::verify
