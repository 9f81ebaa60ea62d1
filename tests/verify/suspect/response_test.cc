// Bodies of endpoints, honest and hostile. The forms are those of suspect-models.md M10.3, the expected numbers e^x by hand.
#include "verify/suspect/response.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace verdigris;
using namespace verdigris::verify;

namespace {

Response Legacy(const std::string& logprobs, const std::string& text = "\"ab\"") {
  const auto response = ParseResponse(R"({"model":"m","choices":[{"text":)" + text + R"(,"finish_reason":"stop","logprobs":)" + logprobs + "}]}", Api::kCompletions);
  REQUIRE_MESSAGE(response.has_value(), response.error().message);
  return *response;
}

Response Chat(const std::string& content) {
  const auto response =
      ParseResponse(R"({"model":"m","choices":[{"message":{"content":"ab"},"finish_reason":"length","logprobs":{"content":)" + content + "}}]}", Api::kChat);
  REQUIRE_MESSAGE(response.has_value(), response.error().message);
  return *response;
}

uint64_t Count(const Response& response, ListFault fault) { return response.faults[static_cast<size_t>(fault)]; }

// A legacy position whose list is `entries`.
Response One(const std::string& entries) { return Legacy(R"({"tokens":["a"],"token_logprobs":[-1],"top_logprobs":[)" + entries + "]}"); }

}  // namespace

TEST_CASE("legacy form: text, tokens, own probabilities, offsets, lists") {
  const Response response = Legacy(R"({"tokens":["a","bytes:\\xe2\\x80"],"token_logprobs":[null,-0.5],"text_offset":[0,1],
    "top_logprobs":[null,{"b":-0.5,"bytes:\\x63":-2,"c":-2.0}]})");
  CHECK(response.model == "m");
  CHECK(response.finish == "stop");
  CHECK(response.text == "ab");
  REQUIRE(response.positions.size() == 2);
  CHECK(response.positions[0].token == "a");
  CHECK_FALSE(response.positions[0].log_probability.has_value());
  CHECK(response.positions[0].fault == ListFault::kAbsent);
  CHECK(response.positions[1].token == "\xE2\x80");
  CHECK(response.positions[1].log_probability == -0.5);
  CHECK(response.positions[1].text_offset == 1u);
  CHECK(response.positions[1].fault == ListFault::kNone);
  REQUIRE(response.positions[1].list.size() == 2);
  CHECK(response.positions[1].list[1].token == "c");
  CHECK(std::abs(response.positions[1].list[1].log_probability - (-2 + std::log(2.0))) < 1e-12);  // equal entries add
  CHECK(Count(response, ListFault::kAbsent) == 1);
}

TEST_CASE("chat form: bytes before string, null content, no logprobs") {
  const Response response = Chat(R"([{"token":"x","bytes":[226,130,172],"logprob":-1.5,"top_logprobs":[
    {"token":"x","bytes":[226,130,172],"logprob":-1.5},{"token":"y","bytes":null,"logprob":-9999.0}]},
    {"token":"z","logprob":-0.1,"top_logprobs":[]}])");
  REQUIRE(response.positions.size() == 2);
  CHECK(response.positions[0].token == "\xE2\x82\xAC");
  REQUIRE(response.positions[0].list.size() == 2);
  CHECK(response.positions[0].list[0].token == "\xE2\x82\xAC");
  CHECK(response.positions[0].list[1].token == "y");
  CHECK(response.positions[0].list[1].log_probability == -INFINITY);  // -9999 is none
  CHECK(response.positions[1].fault == ListFault::kNone);
  const auto none = ParseResponse(R"({"choices":[{"message":{"content":null}}]})", Api::kChat);
  REQUIRE(none.has_value());
  CHECK(none->text.empty());
  CHECK(none->model.empty());
  CHECK(none->positions.empty());
}

TEST_CASE("log-probabilities that cannot be true drop their list, and are counted") {
  CHECK(One(R"({"a":0.001})").positions[0].list.at(0).log_probability == 0);  // rounding of a model
  CHECK(One(R"({"a":-0.1,"b":-3})").positions[0].fault == ListFault::kNone);
  struct Row {
    const char* entries;
    ListFault fault;
  };
  const Row rows[] = {
      {R"({"a":0.00101})", ListFault::kNumber}, {R"({"a":NaN})", ListFault::kNumber},         {R"({"a":Infinity})", ListFault::kNumber},
      {R"({"a":"x"})", ListFault::kNumber},     {R"({"a":null})", ListFault::kNumber},        {R"({"a":-0.1,"b":-2})", ListFault::kMass},
      {R"({"a":0,"b":-6.9})", ListFault::kMass},  // 1 + e^-6.9 = 1.00101
      {"[]", ListFault::kShape},                {"7", ListFault::kShape},                     {"null", ListFault::kAbsent}};
  for (const Row& row : rows) {
    CAPTURE(row.entries);
    const Response response = One(row.entries);
    REQUIRE(response.positions.size() == 1);
    CHECK(response.positions[0].fault == row.fault);
    CHECK(response.positions[0].list.empty());
    CHECK(Count(response, row.fault) == 1);
    CHECK(response.text == "ab");
  }
  CHECK(One(R"({"a":0,"b":-7})").positions[0].fault == ListFault::kNone);  // 1.00091
  CHECK(One(R"({"a":-Infinity,"b":-1})").positions[0].list.at(0).log_probability == -INFINITY);
}

TEST_CASE("a token's own probability that cannot be true takes its list with it") {
  const Response response = Legacy(R"({"tokens":["a","b"],"token_logprobs":[NaN,0.0005],"top_logprobs":[{"a":-1},{"b":-1}]})");
  CHECK_FALSE(response.positions[0].log_probability.has_value());
  CHECK(response.positions[0].fault == ListFault::kNumber);
  CHECK(response.positions[1].log_probability == 0.0);
  CHECK(response.positions[1].fault == ListFault::kNone);
}

TEST_CASE("arrays of unequal length drop all lists of the answer, once") {
  for (const char* logprobs : {R"({"tokens":["a","b"],"token_logprobs":[-1],"top_logprobs":[{"a":-1},{"b":-1}]})",
                               R"({"tokens":["a"],"token_logprobs":[-1],"top_logprobs":[{"a":-1},{"b":-1}]})",
                               R"({"tokens":["a"],"token_logprobs":[-1],"text_offset":[],"top_logprobs":[{"a":-1}]})",
                               R"({"tokens":["a"],"token_logprobs":-1,"top_logprobs":[{"a":-1}]})"}) {
    CAPTURE(logprobs);
    const Response response = Legacy(logprobs);
    CHECK(response.positions.empty());
    CHECK(Count(response, ListFault::kUnequal) == 1);
    CHECK(response.text == "ab");
  }
  // Arrays that are null give nothing, and say nothing against the others.
  const Response response = Legacy(R"({"tokens":["a"],"token_logprobs":null,"text_offset":null,"top_logprobs":[{"a":-1}]})");
  CHECK(response.positions.at(0).fault == ListFault::kNone);
}

TEST_CASE("chat lists of another form are dropped one by one") {
  const Response response = Chat(R"([7,{"token":"a","logprob":-1,"top_logprobs":{}},{"token":"a","logprob":-1,"top_logprobs":[3]},
    {"token":"a","logprob":-1,"top_logprobs":[{"token":"a"}]},{"token":"a","logprob":-1,"top_logprobs":[{"token":"a","bytes":[256],"logprob":-1}]},
    {"bytes":null,"logprob":-1,"top_logprobs":[]},{"token":"a","logprob":-1,"top_logprobs":null}])");
  REQUIRE(response.positions.size() == 7);
  CHECK(Count(response, ListFault::kShape) == 6);
  CHECK(Count(response, ListFault::kAbsent) == 1);
}

TEST_CASE("strings that are no text become U+FFFD; numbers in strings stay as they are") {
  CHECK(Legacy("null", "\"a\\ud83d\"").text == "a\xEF\xBF\xBD");
  CHECK(Legacy("null", "\"\\ude00b\"").text == "\xEF\xBF\xBD" "b");
  CHECK(Legacy("null", "\"\\ud83d\\u0041\"").text == "\xEF\xBF\xBD" "A");
  CHECK(Legacy("null", "\"\\ud83d\\ude00\"").text == "\xF0\x9F\x98\x80");
  CHECK(Legacy("null", "\"x\xE2\x82y\xFF\"").text == "x\xEF\xBF\xBD\xEF\xBF\xBDy\xEF\xBF\xBD");
  CHECK(Legacy("null", "\"NaN \\\"Infinity\"").text == "NaN \"Infinity");
  CHECK(Legacy("null", "null").text.empty());
  CHECK(RepairedUtf8("ok \xC3\xA9") == "ok \xC3\xA9");
  CHECK(RepairedUtf8("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate in UTF-8
}

TEST_CASE("what is no answer is malformed, and what is too large or too deep is a limit") {
  for (const char* body : {"", "x", "{", "[]", "{}", R"({"choices":null})", R"({"choices":[]})", R"({"choices":[7]})", R"({"choices":[{}]})",
                           R"({"choices":[{"text":7}]})", R"({"choices":[{"message":{"content":"a"}}]})", R"({"error":"x"})", "<html>",
                           R"({"choices":[{"text":"a"}]} x)", R"({"choices":[{"text":"a)"}) {
    CAPTURE(body);
    const auto response = ParseResponse(body, Api::kCompletions);
    REQUIRE_FALSE(response.has_value());
    CHECK(response.error().kind == ErrorKind::kMalformed);
  }
  CHECK_FALSE(ParseResponse(R"({"choices":[{"text":"a"}]})", Api::kChat).has_value());
  CHECK(ParseResponse(std::string(kMaxBodyBytes + 1, ' '), Api::kChat).error().kind == ErrorKind::kLimit);
  CHECK(ParseResponse(std::string(1'000'000, '['), Api::kChat).error().kind == ErrorKind::kLimit);
  CHECK(ParseResponse("{\"choices\":[{\"text\":\"a\",\"x\":" + std::string(70, '[') + std::string(70, ']') + "}]}", Api::kCompletions).error().kind == ErrorKind::kLimit);
  CHECK(ParseResponse("{\"choices\":[{\"text\":\"" + std::string(1000, '[') + "\"}]}", Api::kCompletions).has_value());
  const std::string nulls = R"({"model":null,"choices":[{"text":null,"finish_reason":null,"logprobs":null}]})";
  CHECK(ParseResponse(nulls, Api::kCompletions).has_value());
}

TEST_CASE("every prefix of an answer is refused, and no flipped bit does harm") {
  const std::string body =
      R"({"model":"m","choices":[{"text":"ab","logprobs":{"tokens":["a","b"],"token_logprobs":[null,-0.5],"text_offset":[0,1],"top_logprobs":[null,{"b":-0.5,"c":-2}]}}]})";
  for (size_t length = 0; length < body.size(); ++length) CHECK_FALSE(ParseResponse(body.substr(0, length), Api::kCompletions).has_value());
  size_t read = 0;
  for (size_t bit = 0; bit < 8 * body.size(); ++bit) {
    std::string changed = body;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const auto response = ParseResponse(changed, Api::kCompletions);
    if (!response) continue;
    ++read;
    for (const auto& position : response->positions) {
      for (const auto& entry : position.list) CHECK(entry.log_probability <= 0);
    }
  }
  CHECK(read > 100);
}

TEST_CASE("100,000 tokens with lists are read") {
  std::string tokens, own, lists;
  for (int i = 0; i < 100'000; ++i) {
    const char* comma = i == 0 ? "" : ",";
    tokens += std::string(comma) + "\"a\"";
    own += std::string(comma) + "-0.5";
    lists += std::string(comma) + R"({"a":-0.5,"b":-2.5,"c":-3.5})";
  }
  const Response response = Legacy("{\"tokens\":[" + tokens + "],\"token_logprobs\":[" + own + "],\"top_logprobs\":[" + lists + "]}");
  REQUIRE(response.positions.size() == 100'000);
  CHECK(response.positions.back().list.size() == 3);
}

TEST_CASE("errors of servers: the words that are theirs, not the request that they repeat") {
  CHECK(ErrorTextOf(R"({"error":{"code":"insufficient_quota","message":"no money"}})") == "insufficient_quota no money");
  CHECK(ErrorTextOf(R"({"error":"bad"})") == "bad");
  CHECK(ErrorTextOf(R"({"object":"error","message":"logprobs too many"})") == "logprobs too many");
  CHECK(ErrorTextOf(R"({"detail":"no"})") == "no");
  CHECK(ErrorTextOf(R"({"detail":[{"loc":["body","logprobs"],"msg":"bad value","input":{"prompt":"about logprobs"}}]})") == "bad value body logprobs");
  CHECK(ErrorTextOf(R"({"detail":[{"loc":["body","n"],"msg":"bad value","input":{"prompt":"about logprobs"}}]})") == "bad value body n");
  CHECK(ErrorTextOf("no logprobs here") == "no logprobs here");
  CHECK(ErrorTextOf("").empty());
  CHECK(ErrorTextOf("[]") == "[]");
}
