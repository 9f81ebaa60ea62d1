// What a spreadsheet takes for a formula: OWASP, "CSV Injection". Quoting: RFC 4180.
#include "verify/report/table.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace verdigris::verify {
namespace {

TEST_CASE("table: strings that could be formulas, controls and quotes are made harmless") {
  const struct {
    const char* text;
    const char* csv;
    const char* tsv;
  } kRows[] = {{"plain", "plain", "plain"},
               {"", "", ""},
               {"=1+1", "'=1+1", "'=1+1"},
               {"+1", "'+1", "'+1"},
               {"-1", "'-1", "'-1"},
               {"@SUM(A1)", "'@SUM(A1)", "'@SUM(A1)"},
               {"\tx", "'\\x09x", "'\\x09x"},
               {"\rx", "'\\x0dx", "'\\x0dx"},
               {"a\nb", "a\\x0ab", "a\\x0ab"},
               {"a,b", "\"a,b\"", "a,b"},
               {"a\"b", "\"a\"\"b\"", "a\"b"},
               {"=\"x\",1", "\"'=\"\"x\"\",1\"", "'=\"x\",1"},
               {"\x1b[2J", "\\x1b[2J", "\\x1b[2J"},
               {"\xE2\x80\xAEgnp", "\\u202egnp", "\\u202egnp"},
               {"a=b", "a=b", "a=b"}};
  for (const auto& row : kRows) {
    CAPTURE(row.text);
    CHECK(TableCell(TableForm::kCsv, row.text) == row.csv);
    CHECK(TableCell(TableForm::kTsv, row.text) == row.tsv);
  }
}

TEST_CASE("table: numbers are numbers, and every row has as many cells as the head") {
  DocumentResult row;
  row.uri = "a.txt";
  row.kids = {"0123456789abcdef", "fedcba9876543210"};
  row.log10_p = -21.63882230737160;
  row.spans = {{{10, 20}, {40, 80}}, {{30, 40}, {100, 140}}};
  row.s = "201";
  row.finding = true;
  const std::string line = TableRow(TableForm::kTsv, row), head = TableHead(TableForm::kTsv);
  CHECK(std::count(line.begin(), line.end(), '\t') == std::count(head.begin(), head.end(), '\t'));
  CHECK(line.find("\t-21.6388223073716\t\t0\t") != std::string::npos);  // no q, which is an empty cell
  CHECK(line.find("\t0123456789abcdef fedcba9876543210\t") != std::string::npos);
  CHECK(line.find("\t40-80 100-140\t") != std::string::npos);
  CHECK(TableRow(TableForm::kCsv, row).ends_with("\r\n"));
  row.uri.clear();
  const std::string without = TableRow(TableForm::kCsv, row), commas = TableHead(TableForm::kCsv);
  CHECK(std::count(without.begin(), without.end(), ',') == std::count(commas.begin(), commas.end(), ','));
}

}  // namespace
}  // namespace verdigris::verify
