// Lines of a provider's log: what they hold, and what is refused, by member.
#include "verify/suspect/served_log.h"

#include <doctest/doctest.h>

using namespace verdigris;
using namespace verdigris::verify;

TEST_CASE("a line of the log is read, with and without a time, in any order of members") {
  const auto answer = ParseServedAnswer(R"({"time":"2027-01-31T09:30:00Z","output":[3,16777215],"prompt":[],"account":"acct-7"})");
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  CHECK(answer->account == "acct-7");
  CHECK(answer->prompt.empty());
  CHECK(answer->output == std::vector<uint32_t>{3, 16777215});
  CHECK(answer->time == "2027-01-31T09:30:00Z");
  const auto bare = ParseServedAnswer(R"( {"account" : "a", "prompt" : [ 1, 2 ], "output" : []} )");
  REQUIRE(bare.has_value());
  CHECK(bare->prompt == std::vector<uint32_t>{1, 2});
  CHECK(bare->time.empty());
}

TEST_CASE("a line that is not one of the log is refused by its member") {
  static constexpr struct {
    const char* line;
    const char* message;
  } kRows[] = {
      {"[]", "served answer: a line must be a JSON object"},
      {R"({"prompt":[],"output":[]})", "served answer: `account` must be a label of 1 to 64 characters of A-Z a-z 0-9 . _ : @ / + -"},
      {R"({"account":"","prompt":[],"output":[]})", "served answer: `account` must be a label of 1 to 64 characters of A-Z a-z 0-9 . _ : @ / + -"},
      {R"({"account":7,"prompt":[],"output":[]})", "served answer: `account` must be a label of 1 to 64 characters of A-Z a-z 0-9 . _ : @ / + -"},
      {R"({"account":"a","output":[]})", "served answer: `prompt` must be a list of token ids"},
      {R"({"account":"a","promt":[],"output":[]})", "served answer: `prompt` must be a list of token ids"},
      {R"({"account":"a","prompt":"text","output":[]})", "served answer: `prompt` must be a list of token ids"},
      {R"({"account":"a","prompt":[]})", "served answer: `output` must be a list of token ids"},
      {R"({"account":"a","prompt":[],"output":[1,-1]})", "served answer: `output` has no token id at 1: a whole number below 2^24 is needed"},
      {R"({"account":"a","prompt":[16777216],"output":[]})", "served answer: `prompt` has no token id at 0: a whole number below 2^24 is needed"},
      {R"({"account":"a","prompt":[],"output":[[]]})", "served answer: `output` has no token id at 0: a whole number below 2^24 is needed"},
      {R"({"account":"a","prompt":[],"output":[],"time":"2027-02-30T00:00:00Z"})", "served answer: `time` must be a time such as 2027-01-31T09:30:00Z"},
      {R"({"account":"a","prompt":[],"output":[],"time":5})", "served answer: `time` must be a time such as 2027-01-31T09:30:00Z"},
      {R"({"account":"a","prompt":[],"output":[],"id":"x"})", "served answer: a member other than account, prompt, output and time"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.line);
    const auto answer = ParseServedAnswer(row.line);
    REQUIRE(!answer.has_value());
    CHECK(answer.error().kind == ErrorKind::kMalformed);
    CHECK(answer.error().message == row.message);
  }
  CHECK(!ParseServedAnswer("").has_value());
  CHECK(!ParseServedAnswer(R"({"account":"a","account":"b","prompt":[],"output":[]})").has_value());
  CHECK(!ParseServedAnswer(R"({"account":"a","prompt":[],"output":[1.5]})").has_value());
}
