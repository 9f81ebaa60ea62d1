// Names of groups: hosts of URLs, as RFC 3986 takes them apart, prefixes of paths, fields.
#include "verify/corpus/group_name.h"

#include <doctest/doctest.h>

#include <string>

using namespace verdigris;
using namespace verdigris::verify;

namespace {

std::string NameOf(std::string_view by, std::string_view uri, std::string_view group) {
  const auto namer = GroupNamer::Create(by);
  REQUIRE(namer.has_value());
  std::string buffer;
  return std::string(namer->NameOf(uri, group, buffer));
}

}  // namespace

TEST_CASE("hosts: without user, port and path, in lower case") {
  struct Row {
    const char *url, *host;
  };
  for (const Row& row : {Row{"https://Example.ORG/a?b#c", "example.org"}, Row{"http://user:pw@h.example:8080/", "h.example"}, Row{"//cdn.example", "cdn.example"},
                         Row{"https://[2001:DB8::1]:443/x", "[2001:db8::1]"}, Row{"https://example.org.", "example.org"}, Row{"https://a@b@c/", "c"},
                         Row{"http://h?x=//other/", "h"}, Row{"example.org/no/scheme", ""}, Row{"", ""}, Row{"https://", ""}, Row{"http://[::1", "[::1"}}) {
    CAPTURE(row.url);
    CHECK(NameOf("host", "cc/part.jsonl", row.url) == row.host);
  }
  CHECK(GroupNamer::Create("host")->field() == "url");
}

TEST_CASE("the other ways to group, and what is none") {
  CHECK(NameOf("none", "u", "g").empty());
  CHECK(!GroupNamer::Create("none")->pools());
  CHECK(NameOf("source", "cc/part-1.jsonl", "g") == "cc/part-1.jsonl");
  CHECK(NameOf("path:1", "cc/part-1.jsonl", "g") == "cc");
  CHECK(NameOf("path:2", "a/b/c", "g") == "a/b");
  CHECK(NameOf("path:3", "a/b", "g") == "a/b");
  CHECK(NameOf("path:1", "/data/x", "g") == "/data");
  CHECK(NameOf("field:licence", "u", "cc-by") == "cc-by");
  CHECK(GroupNamer::Create("field:licence")->field() == "licence");
  for (const char* wrong : {"", "Host", "path", "path:", "path:0", "path:65", "path:2x", "field:", "field"}) {
    CAPTURE(wrong);
    CHECK(GroupNamer::Create(wrong).error().kind == ErrorKind::kInvalidArgument);
  }
}
