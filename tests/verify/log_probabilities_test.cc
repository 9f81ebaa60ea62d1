#include "verify/log_probabilities.h"

#include <string>

#include <doctest/doctest.h>

using namespace verdigris;
using namespace verdigris::verify;

namespace {

std::string Message(std::string_view text) {
  const auto read = ParseLogProbabilities(text);
  REQUIRE(!read);
  CHECK(read.error().kind == ErrorKind::kMalformed);
  return read.error().message;
}

}  // namespace

TEST_CASE("log-probabilities: one number a token, any white space, - where there is none") {
  const auto read = ParseLogProbabilities("-\n-1.25 -3e-2\t0\r\n-0\n-300.5");
  REQUIRE(read);
  CHECK(read->ln_q == std::vector<double>{0, -1.25, -.03, 0, 0, -300.5});
  CHECK(read->missing == 1);
  CHECK(CheckCount(*read, 6));
  const auto empty = ParseLogProbabilities(" \n");
  REQUIRE(empty);
  CHECK(empty->ln_q.empty());
}

TEST_CASE("log-probabilities of another text are refused with both lengths") {
  const auto read = ParseLogProbabilities("-1 -2 -3");
  REQUIRE(read);
  const auto count = CheckCount(*read, 5);
  REQUIRE(!count);
  CHECK(count.error().kind == ErrorKind::kMismatch);
  CHECK(count.error().message == "log-probabilities: 3 numbers for a text of 5 tokens");
}

TEST_CASE("log-probabilities: what is no number at most 0 is refused, with its place and without its text") {
  CHECK(Message("-1\n-2 0.3") == "log-probabilities: line 2: number 2 must be a number at most 0, got 0.3");
  CHECK(Message("nan") == "log-probabilities: line 1: number 0 must be a number at most 0, got nan");
  CHECK(Message("\n\n-inf") == "log-probabilities: line 3: number 0 must be a number at most 0, got -inf");
  CHECK(Message("-1e999") == "log-probabilities: line 1: number 0 must be a number that a double can hold");
  for (const std::string_view text : {"hello", "+1", "-1,-2", "--1", "-0x1p3", "-1..2", ".", "-1;", "\xef\xbb\xbf-1"}) {
    CAPTURE(text);
    CHECK(Message(text) == "log-probabilities: line 1: number 0 must be a decimal number or \"-\"");
  }
  CHECK(Message(std::string_view("-1\0", 3)).find("decimal") != std::string::npos);
}
