// Answers and predictions collected elsewhere, line by line (docs/formats/answers_elsewhere.md, docs/formats/reading.md).
#include "verify/suspect/answer_file.h"

#include <string>

#include <doctest/doctest.h>

using namespace verdigris;
using namespace verdigris::verify;

namespace {

std::string Fault(const std::string& line) {
  const auto answer = ParseElsewhereAnswer(line);
  return answer ? "" : std::string(ErrorClass(answer.error().kind)) + ": " + answer.error().message;
}

}  // namespace

TEST_CASE("ids, text, lists of ids, lists of tokens") {
  const auto ids = ParseElsewhereAnswer(R"( {"id":"p1#12", "model":"s-1","output":[3,0,16777215]} )");
  REQUIRE(ids);
  CHECK(ids->output == std::vector<uint32_t>{3, 0, 16777215});
  CHECK(ids->model == "s-1");
  CHECK_FALSE(ids->has_lists);
  const auto text = ParseElsewhereAnswer(R"({"id":"a#b#0","text":"The roof\n"})");
  REQUIRE(text);
  CHECK(text->text == "The roof\n");
  CHECK(ParseRecordId(text->id)->prompt == "a#b");
  // As docs/formats/reading.md has it.
  const auto reading = ParseElsewhereAnswer(R"({"id":"p-17#1","prompt":[1,414,1045],"output":[281,94],"lists":[[[281,-0.415515],[94,-2.302585]],[[94,-0.693147]]]})");
  REQUIRE(reading);
  CHECK(reading->prompt == std::vector<uint32_t>{1, 414, 1045});
  REQUIRE(reading->id_lists.size() == 2);
  CHECK(reading->id_lists[0] == std::vector<std::pair<uint32_t, double>>{{281, -0.415515}, {94, -2.302585}});
  const auto tokens = ParseElsewhereAnswer(R"({"id":"p1#0","text":"The roof is","tokens":["The"," roof"," is"],"lists":[null,[[" roof",-0.1],[" wall",-3]],[[" is",1e-4]]]})");
  REQUIRE(tokens);
  REQUIRE(tokens->positions.size() == 3);
  CHECK(tokens->positions[0].fault == ListFault::kAbsent);
  CHECK(tokens->positions[1].token == " roof");
  CHECK(tokens->positions[1].list[1].log_probability == -3);
  CHECK(tokens->positions[2].list[0].log_probability == 0);  // rounding above 0
}

TEST_CASE("what is no answer is named by its member, and never shown") {
  const struct {
    const char* line;
    const char* fault;
  } kFaults[] = {
      {"", "malformed: must be a JSON object"},
      {"[]", "malformed: must be a JSON object"},
      {R"({"id":"p1#0","output":[3])", "malformed: must be a JSON object"},
      {R"({"id":"p1#0","output":[3],"secret":1})", "malformed: has a member that is not known"},
      {R"({"output":[3]})", "malformed: id must be a prompt's id, #, and a number"},
      {R"({"id":"p1","output":[3]})", "malformed: id must be a prompt's id, #, and a number"},
      {R"({"id":"#1","output":[3]})", "malformed: id must be a prompt's id, #, and a number"},
      {R"({"id":"p1#01","output":[3]})", "malformed: id must be a prompt's id, #, and a number"},
      {R"({"id":"p1#99999999999","output":[3]})", "malformed: id must be a prompt's id, #, and a number"},
      {R"({"id":7,"output":[3]})", "malformed: id must be a string of at most 256 bytes"},
      {R"({"id":"p1#0"})", "malformed: must have either output or text"},
      {R"({"id":"p1#0","output":[3],"text":"x"})", "malformed: must have either output or text"},
      {R"({"id":"p1#0","output":3})", "malformed: output must be an array of ids"},
      {R"({"id":"p1#0","output":[-1]})", "malformed: output must be an id below 2^24"},
      {R"({"id":"p1#0","output":[16777216]})", "malformed: output must be an id below 2^24"},
      {R"({"id":"p1#0","output":[1.5]})", "malformed: output must be an id below 2^24"},
      {R"({"id":"p1#0","output":[3],"lists":[]})", "malformed: lists must be as many as tokens"},
      {R"({"id":"p1#0","output":[3],"lists":7})", "malformed: lists and tokens must be arrays"},
      {R"({"id":"p1#0","output":[3],"lists":[7]})", "malformed: list 0 must be null or at most 2^20 pairs"},
      {R"({"id":"p1#0","output":[3],"lists":[[[3]]]})", "malformed: list 0: an entry must be [id or token, log-probability]"},
      {R"({"id":"p1#0","output":[3],"lists":[[["x",-1]]]})", "malformed: list 0 must be an id below 2^24"},
      {R"({"id":"p1#0","output":[3],"lists":[[[3,0.01]]]})", "malformed: list 0 must be a log-probability, at most 0"},
      {R"({"id":"p1#0","output":[3],"lists":[[[3,"x"]]]})", "malformed: list 0 must be a log-probability, at most 0"},
      {R"({"id":"p1#0","output":[3],"lists":[[[3,-0.1],[4,-0.5]]]})", "malformed: list 0: probabilities are above 1 in sum"},
      {R"({"id":"p1#0","output":[3],"lists":[[[3,-1],[3,-2]]]})", "malformed: list 0: an id stands twice"},
      {R"({"id":"p1#0","output":[3],"tokens":["x"],"lists":[null]})", "malformed: lists go with output, or with text and tokens"},
      {R"({"id":"p1#0","text":"x","lists":[null]})", "malformed: lists go with output, or with text and tokens"},
      {R"({"id":"p1#0","text":"x","tokens":["x"]})", "malformed: tokens need lists"},
      {R"({"id":"p1#0","text":"x","tokens":[7],"lists":[null]})", "malformed: tokens must be strings"},
      {R"({"id":"p1#0","text":"x","tokens":["x"],"lists":[[[7,-1]]]})", "malformed: list 0: with `tokens`, entries must be tokens"},
  };
  for (const auto& row : kFaults) {
    CAPTURE(row.line);
    CHECK(Fault(row.line) == row.fault);
  }
  // NaN and infinities are no JSON.
  CHECK(Fault(R"({"id":"p1#0","output":[3],"lists":[[[3,NaN]]]})") == "malformed: must be a JSON object");
  CHECK(Fault(std::string(100'000, '[')) == "malformed: must be a JSON object");
}
