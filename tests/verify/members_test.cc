// The reader of members: each fault is named by its path.
#include "verify/members.h"

#include <doctest/doctest.h>

using namespace verdigris;
using namespace verdigris::verify;

namespace {

Json Value(const char* text) { return *ParseJson(text); }

template <class Read>
std::string FaultOf(const char* text, Read read) {
  const Json json = Value(text);
  Members members(json, "");
  read(members);
  const auto done = members.Done();
  return done ? "none" : done.error().message;
}

}  // namespace

TEST_CASE("members are taken one by one, and nothing may be left over") {
  CHECK(FaultOf(R"({"a":1})", [](Members& m) { CHECK(m.Integer("a") == 1); }) == "none");
  CHECK(FaultOf(R"({"a":1,"b":2})", [](Members& m) { m.Integer("a"); }) == "the file has a member that is not known");
  CHECK(FaultOf(R"({"a":1})", [](Members& m) { m.Integer("b"); }) == "b is missing");
  CHECK(FaultOf("[]", [](Members& m) { m.Integer("b"); }) == "the file must be an object");
  CHECK(FaultOf(R"({"a":5})", [](Members& m) { m.Integer("a", 1, 4); }) == "a must be in [1,4], got 5");
  CHECK(FaultOf(R"({"a":-1})", [](Members& m) { m.Integer("a"); }) == "a must be in [0,9007199254740991], got -1");
  CHECK(FaultOf(R"({"a":"x"})", [](Members& m) { m.Integer("a"); }) == "a must be an integer");
  CHECK(FaultOf(R"({"a":2})", [](Members& m) { m.Bit("a"); }) == "a must be in [0,1], got 2");
  CHECK(FaultOf(R"({"a":2})", [](Members& m) { m.Text("a"); }) == "a must be a string");
  CHECK(FaultOf(R"({"a":"four"})", [](Members& m) { m.Text("a", 1, 3); }) == "a must be of 1 to 3 bytes, got 4");
  CHECK(FaultOf(R"({"a":"q"})", [](Members& m) { m.Word("a", {"x", "y"}); }) == "a must be one of x, y");
  CHECK(FaultOf(R"({"a":"0"})", [](Members& m) { m.DigestOf("a"); }) == "a must be a SHA-256 in lower-case hex");
  CHECK(FaultOf(R"({"a":""})", [](Members& m) { CHECK_FALSE(m.DigestOrEmpty("a").has_value()); }) == "none");
  CHECK(FaultOf(R"({"a":"2027-02-30T00:00:00Z"})", [](Members& m) { m.Time("a"); }) == "a must be a time YYYY-MM-DDThh:mm:ssZ that exists");
  CHECK(FaultOf(R"({"a":[1,"x"]})", [](Members& m) { m.Integers("a", 9); }) == "a must be a list of integers in [0,9007199254740991]");
  CHECK(FaultOf(R"({"a":[1,2,3]})", [](Members& m) { m.Integers("a", 2); }) == "a has more than 2 elements");
  CHECK(FaultOf(R"({"a":["x",1]})", [](Members& m) { m.Texts("a", 9); }).starts_with("a must be a list of strings"));
  CHECK(FaultOf(R"({"a":{}})", [](Members& m) { m.Array("a", 9); }) == "a must be a list");
}

TEST_CASE("objects below are read with their own path, and the first fault is the one that is said") {
  const auto inner = [](Members& m) {
    Members of = m.Object("a");
    of.Integer("b", 0, 1);
    m.Close(of);
    m.Integer("z");
  };
  CHECK(FaultOf(R"({"a":{"b":1},"z":3})", inner) == "none");
  CHECK(FaultOf(R"({"a":{"b":2}})", inner) == "a.b must be in [0,1], got 2");
  CHECK(FaultOf(R"({"a":{"b":1,"c":1},"z":3})", inner) == "a has a member that is not known");
  CHECK(FaultOf(R"({"a":1,"z":3})", inner) == "a must be an object");
  const auto elements = [](Members& m) {
    const auto array = m.Array("a", 4);
    for (size_t i = 0; i < array.size(); ++i) {
      Members of = m.Element("a", i, array[i]);
      of.Bit("b");
      m.Close(of);
    }
  };
  CHECK(FaultOf(R"({"a":[{"b":1},{"b":2}]})", elements) == "a[1].b must be in [0,1], got 2");
}

TEST_CASE("a file is one canonical value with its schema and a line feed") {
  CHECK(ParseSchemaFile("{\"schema\":\"s/1\"}\n", "s/1").has_value());
  CHECK(ParseSchemaFile("{\"schema\":\"s/1\"}", "s/1").error().kind == ErrorKind::kMalformed);
  CHECK(ParseSchemaFile("{\"schema\": \"s/1\"}\n", "s/1").error().kind == ErrorKind::kMalformed);
  CHECK(ParseSchemaFile("{\"schema\":\"s/2\"}\n", "s/1").error().kind == ErrorKind::kUnsupported);
  CHECK(ParseSchemaFile("{\"schema\":1}\n", "s/1").error().kind == ErrorKind::kMalformed);
  CHECK(ParseSchemaFile("", "s/1").error().kind == ErrorKind::kMalformed);
}
