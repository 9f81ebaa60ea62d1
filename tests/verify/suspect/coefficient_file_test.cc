// The strict reader of coefficient files (keys-and-evidence.md E7 `weighted`, suspect-models.md M11). That what is written
// gives the same p again is tested in verdict_test.cc.
#include "verify/suspect/coefficient_file.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/verify/suspect/toy_case.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

std::string Fault(bool sequential, const std::vector<std::string>& lines) {
  CoefficientRows rows(2, sequential);
  for (const std::string& line : lines) {
    if (const auto added = rows.AddLine(line); !added) return std::string(ErrorClass(added.error().kind)) + ": " + added.error().message;
  }
  const auto done = rows.Finish();
  return done ? "" : std::string(ErrorClass(done.error().kind)) + ": " + done.error().message;
}

const std::string kStep = R"({"grid":"step"})", kRow = R"({"a":-3,"id":17,"w":[4,9]})";

}  // namespace

TEST_CASE("rows of fixed tests: ascending, canonical, in bounds") {
  CHECK(Fault(false, {}).empty());
  CHECK(Fault(false, {kRow}).empty());
  CHECK(Fault(false, {kRow, R"({"a":1023,"id":18,"w":[4,9]})", R"({"a":-1023,"id":3,"w":[4,10]})", R"({"a":1,"id":3,"w":[10,4]})"}).empty());
  const struct {
    const char* line;
    const char* fault;
  } kFaults[] = {
      {R"({"a":-3,"id":17,"w":[4,9]})", "malformed: rows must ascend by w and then id"},
      {R"({"a":-3,"id":16,"w":[4,9]})", "malformed: rows must ascend by w and then id"},
      {R"({"a":-3,"id":99,"w":[4,8]})", "malformed: rows must ascend by w and then id"},
      {R"({"a":0,"id":18,"w":[4,9]})", "malformed: a must be an integer in [-1023,1023], and not 0"},
      {R"({"a":1024,"id":18,"w":[4,9]})", "malformed: a must be an integer in [-1023,1023], and not 0"},
      {R"({"a":-9007199254740991,"id":18,"w":[4,9]})", "malformed: a must be an integer in [-1023,1023], and not 0"},
      {R"({"a":"1","id":18,"w":[4,9]})", "malformed: a must be an integer in [-1023,1023], and not 0"},
      {R"({"a":[1],"id":18,"w":[4,9]})", "malformed: a must be an integer in [-1023,1023], and not 0"},
      {R"({"a":1,"id":16777216,"w":[4,9]})", "malformed: id must be in [0,16777215], got 16777216"},
      {R"({"a":1,"id":18,"w":[4]})", "malformed: w must be a window of 2 ids"},
      {R"({"grid":"step"})", "malformed: a is missing"},
  };
  for (const auto& row : kFaults) {
    CAPTURE(row.line);
    CHECK(Fault(false, {kRow, row.line}) == row.fault);
  }
  for (const char* line : {"", "x", "[]", "{}", R"({"a":1,"id":18,"w":[4,9],"x":1})", R"({"a":1, "id":18,"w":[4,9]})", R"({"id":18,"a":1,"w":[4,9]})",
                           R"({"a":1,"id":18,"w":[4,9,1]})", R"({"a":1.5,"id":18,"w":[4,9]})", R"({"a":1,"id":-1,"w":[4,9]})"}) {
    CAPTURE(line);
    CHECK_FALSE(Fault(false, {kRow, line}).empty());
  }
  CHECK(Fault(false, {std::string(5000, 'x')}) == "limit: the line is longer than 4096 bytes");
}

TEST_CASE("rows of sequential tests: a grid line first, windows once, in their own order") {
  CHECK(Fault(true, {kStep, kRow}).empty());
  CHECK(Fault(true, {R"({"grid":"sd","sum_sq":"52"})", kRow, R"({"a":1,"id":3,"w":[1,1]})"}).empty());
  CHECK(Fault(true, {R"({"grid":"step","sets":3})", R"({"a":[1,0,-2],"id":3,"w":[1,1]})"}).empty());
  CHECK(Fault(true, {}) == "malformed: the grid line is missing");
  CHECK(Fault(true, {kRow}) == "malformed: grid is missing");
  CHECK(Fault(true, {R"({"grid":"half"})"}) == "unsupported: grid is none that is known");
  CHECK(Fault(true, {R"({"grid":"step","sum_sq":"52"})"}).starts_with("malformed: "));
  CHECK(Fault(true, {R"({"grid":"sd"})"}) == "malformed: sum_sq is missing");
  for (const char* sum : {"", "x", "-1", "052", "1e3", "99999999999999999999"}) {
    CAPTURE(sum);
    CHECK(Fault(true, {R"({"grid":"sd","sum_sq":")" + std::string(sum) + "\"}"}).starts_with("malformed: sum_sq"));
  }
  CHECK(Fault(true, {R"({"grid":"step","sets":1})"}) == "malformed: sets must be in [2,4], got 1");
  CHECK(Fault(true, {R"({"grid":"step","sets":2})", kRow}).starts_with("malformed: a must be as many integers"));
  CHECK(Fault(true, {R"({"grid":"step","sets":2})", R"({"a":[0,0],"id":3,"w":[1,1]})"}).starts_with("malformed: a must be as many integers"));
  // Within a window ids ascend; a window that comes again later is one too many.
  CHECK(Fault(true, {kStep, kRow, R"({"a":1,"id":3,"w":[4,9]})"}) == "malformed: rows must ascend by w and then id");
  CHECK(Fault(true, {kStep, kRow, R"({"a":1,"id":3,"w":[1,1]})", R"({"a":1,"id":99,"w":[4,9]})"}) == "malformed: a window comes twice");
  CHECK(Fault(true, {kStep, kStep}) == "malformed: a is missing");
}

TEST_CASE("rows that have no score under the profile are refused") {
  const Profile profile = ToyProfile(*FindScheme("green"));
  const Key key = TestKey("coefficients", 0);
  for (const char* line : {R"({"a":1,"id":2,"w":[4,9]})", R"({"a":1,"id":32,"w":[4,9]})", R"({"a":1,"id":5,"w":[1,9]})"}) {
    CAPTURE(line);
    CoefficientRows rows(2, false);
    REQUIRE(rows.AddLine(line));
    const auto outcome = OutcomeOf(profile, rows, key.secret());
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().message == "row 1 has a special id");
  }
  CoefficientRows none(2, false), empty(2, true);
  REQUIRE(empty.AddLine(kStep));
  for (const CoefficientRows* rows : {&none, &empty}) {
    const auto outcome = OutcomeOf(profile, *rows, key.secret());
    REQUIRE(outcome);
    CHECK(outcome->log10_p == 0);
  }
}
