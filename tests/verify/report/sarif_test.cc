// The form is checked against the schema of OASIS by tests/report/sarif_test.py; here, what this project puts into it.
#include "verify/report/sarif.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "verify/report/smallest.h"

namespace verdigris::verify {
namespace {

DocumentResult Row(const std::string& uri, double log10_p) {
  DocumentResult row;
  row.uri = uri;
  row.kids = {"090ebcf4285fc5fc"};
  row.text = "00112233445566778899aabbccddeeff";
  row.offset = 7, row.length = 9;
  row.log10_p = log10_p;
  return row;
}

nlohmann::json SarifOf(const std::vector<DocumentResult>& rows) {
  CorpusSummary summary;
  summary.scheme = "green";
  std::string out;
  WriteSarif(summary, rows, rows.size(), [&](std::string_view bytes) { out += bytes; });
  return nlohmann::json::parse(out);
}

TEST_CASE("sarif: place, rank and fingerprints of a finding") {
  DocumentResult known = Row("b", -321.5);
  known.baseline = true;
  const nlohmann::json log = SarifOf({Row("a", -12.5), known});
  CHECK(log["version"] == "2.1.0");
  const auto& results = log["runs"][0]["results"];
  REQUIRE(results.size() == 2);
  CHECK(results[0]["ruleId"] == "verdigris/green");
  CHECK(results[0]["rank"] == 12.5);
  CHECK(results[0]["locations"][0]["physicalLocation"]["region"] == nlohmann::json({{"byteOffset", 7}, {"byteLength", 9}}));
  CHECK(results[0]["partialFingerprints"] == nlohmann::json({{"kid", "090ebcf4285fc5fc"}, {"text", "00112233445566778899aabbccddeeff"}}));
  CHECK(results[0]["baselineState"] == "new");
  CHECK(results[1]["rank"] == 100);
  CHECK(results[1]["baselineState"] == "unchanged");
}

TEST_CASE("sarif: no findings, and still a log") { CHECK(SarifOf({})["runs"][0]["results"].empty()); }

TEST_CASE("sarif: names are URI references of RFC 3986, whatever they hold") {
  const struct {
    const char* name;
    const char* uri;
  } kRows[] = {{"cc/part-1.jsonl", "cc/part-1.jsonl"}, {"a b", "a%20b"},     {"a%FFb", "a%FFb"},
               {"100%", "100%25"},                     {"x:y", "x%3Ay"},     {"\xC3\xA9", "%C3%A9"},
               {"<script>\n", "%3Cscript%3E%0A"},      {"a#b?c", "a%23b%3Fc"}};
  for (const auto& row : kRows) {
    CAPTURE(row.name);
    CHECK(SarifOf({Row(row.name, -5)})["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == row.uri);
  }
}

TEST_CASE("smallest: the rows of least p, ascending, the earlier of equal ones") {
  Smallest<DocumentResult> smallest(3);
  const double values[] = {-4, -9, -5, -5, -3, -9, -5};
  for (size_t i = 0; i < 7; ++i) {
    DocumentResult row = Row("a", values[i]);
    row.ordinal = i;
    smallest.Add(row);
  }
  CHECK(smallest.seen() == 7);
  const auto rows = smallest.Take();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].ordinal == 1);
  CHECK(rows[1].ordinal == 5);
  CHECK(rows[2].ordinal == 2);
  Smallest<DocumentResult> none(0);
  none.Add(Row("a", -1));
  CHECK(none.Take().empty());
}

}  // namespace
}  // namespace verdigris::verify
