#include "verify/corpus/result_files.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace verdigris::verify {
namespace {

DocumentResult Document() {
  DocumentResult row;
  row.uri = "cc/part-1 \"x\"\n.jsonl";
  row.segment = 3, row.offset = 81922, row.length = 2204, row.ordinal = 8812, row.part = 1, row.test = 0;
  row.id = "doc", row.group = "example.org";
  row.kids = {"090ebcf4285fc5fc"};
  row.variant = "as-is";
  row.text = "00112233445566778899aabbccddeeff";
  row.counts = {512, 2, 15, 64, 0, 431, 0};
  row.n = 431;
  row.s = "340282366920938463463374607431768211455";
  row.spans = {{{40, 512}, {171, 2204}}};
  row.log10_p = -21.6388223073907;
  row.log10_q = -1.5e-300;
  row.log10_e = 18.25;
  row.finding = true;
  return row;
}

CorpusSummary Summary() {
  CorpusSummary summary;
  summary.run = summary.root = summary.profile = std::string(64, 'a');
  summary.scheme = "green";
  summary.alpha_log10 = -2, summary.tau_log10 = -3;
  summary.control = "bh";
  summary.units = 7;
  summary.counts = {{"documents", 100}, {"tested", 90}};
  summary.errors = {{"json", 2}};
  TestSummary test;
  test.kids = {"090ebcf4285fc5fc"};
  test.variant = "as-is";
  test.m = 90, test.rows = 3, test.findings = 2, test.baseline = 1, test.distinct_texts = 2;
  test.histogram = {80, 7}, test.uniform = {10, 80}, test.lengths = {0, 90};
  test.power = TestSummary::AtMedian{431, 0.394, -4.5, 0.95, 381};
  summary.tests = {test};
  return summary;
}

std::string Replaced(std::string text, const std::string& old, const std::string& by) {
  const size_t at = text.find(old);
  REQUIRE_MESSAGE(at != std::string::npos, old);
  return text.replace(at, old.size(), by);
}

TEST_CASE("result files: what is written is read again, every number to the last bit") {
  const std::string line = ToJson(Document());
  CHECK(line.find('\n') == std::string::npos);
  const auto row = ParseDocumentResult(line);
  REQUIRE(row);
  CHECK(ToJson(*row) == line);
  CHECK(row->log10_p == -21.6388223073907);
  CHECK(row->log10_q == -1.5e-300);
  CHECK(row->spans[0].bytes[1] == 2204);
  DocumentResult bare = Document();
  bare.log10_q.reset();
  const auto without = ParseDocumentResult(ToJson(bare));
  REQUIRE(without);
  CHECK_FALSE(without->log10_q);

  const auto summary = ParseCorpusSummary(ToJson(Summary()));
  REQUIRE(summary);
  CHECK(ToJson(*summary) == ToJson(Summary()));
  CorpusSummary first_seen = Summary();
  first_seen.first_seen = true;
  CHECK(ToJson(*ParseCorpusSummary(ToJson(first_seen))) == ToJson(first_seen));
  CHECK(ParseCorpusSummary(Replaced(ToJson(first_seen), "first-seen", "last-seen")).error().message == "assign must be first-seen");

  GroupResult group;
  group.name = "example.org", group.n = 1000, group.s = "300", group.sample_log2 = 6, group.inflation = 1.25, group.documents = 12, group.log10_p = -4.5, group.full = true;
  const auto read = ParseGroupResult(ToJson(group));
  REQUIRE(read);
  CHECK(ToJson(*read) == ToJson(group));

  ErrorResult error{"a.gz", "corrupt", {}, {}, {}};
  CHECK(ToJson(*ParseErrorResult(ToJson(error))) == ToJson(error));
  error.segment = 1, error.offset = 2, error.ordinal = 3;
  CHECK(ToJson(*ParseErrorResult(ToJson(error))) == ToJson(error));
}

TEST_CASE("result files: members that are not known are passed over; known ones are checked, by name") {
  const std::string good = ToJson(Document());
  CHECK(ParseDocumentResult(Replaced(good, "{", "{\"later\":{\"a\":[1.5,null]},")));
  const struct {
    const char* old;
    const char* by;
    const char* names;
  } kRows[] = {{"\"uri\":", "\"Uri\":", "uri is missing"},
               {"\"n\":431", "\"n\":-1", "n must be"},
               {"\"n\":431", "\"n\":431.5", "n must be"},
               {"\"n\":431", "\"n\":\"431\"", "n must be"},
               {"\"log10_p\":-21", "\"log10_p\":21", "log10_p must be"},
               {"\"finding\":1", "\"finding\":2", "finding must be"},
               {"\"finding\":1", "\"finding\":true", "finding must be"},
               {"\"short\":2", "\"short\":-2", "counts.short must be"},
               {"[40,512,171,2204]", "[40,512,171]", "spans must be"},
               {"[40,512,171,2204]", "[512,40,171,2204]", "spans must be"},
               {"090ebcf4285fc5fc", "090EBCF4285FC5FC", "kids must be"},
               {"00112233", "0011223", "text must be"},
               {"\"s\":\"3", "\"s\":\"03", "s must be"},
               {"\"test\":0", "\"test\":65536", "test must be"},
               {"\"part\":1", "\"part\":1,\"part\":1", "twice"}};
  for (const auto& row : kRows) {
    CAPTURE(row.by);
    const auto read = ParseDocumentResult(Replaced(good, row.old, row.by));
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == ErrorKind::kMalformed);
    CHECK_MESSAGE(read.error().message.find(row.names) != std::string::npos, read.error().message);
  }
  const auto later = ParseDocumentResult(Replaced(good, "verdigris.document/1", "verdigris.document/2"));
  REQUIRE_FALSE(later);
  CHECK(later.error().kind == ErrorKind::kUnsupported);
  for (const char* bad : {"", "null", "[]", "{", "{\"schema\":1}", "\xFF"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseDocumentResult(bad));
    CHECK_FALSE(ParseCorpusSummary(bad));
  }
}

TEST_CASE("result files: rows are read one by one, and an error names its line") {
  char path[] = "/tmp/verdigris-results-XXXXXX";
  const int fd = ::mkstemp(path);
  REQUIRE(fd >= 0);
  const std::string lines = ToJson(Document()) + "\n" + ToJson(Document()) + "\n{}\n";
  REQUIRE(::write(fd, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size()));
  ::close(fd);
  auto reader = ResultReader<DocumentResult>::Open(path);
  REQUIRE(reader);
  DocumentResult row;
  CHECK(*reader->Next(row));
  CHECK(*reader->Next(row));
  const auto third = reader->Next(row);
  REQUIRE_FALSE(third);
  CHECK(third.error().message == std::string(path) + ":3: schema is missing");
  ::unlink(path);
}

}  // namespace
}  // namespace verdigris::verify
