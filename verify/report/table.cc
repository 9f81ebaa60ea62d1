// The guard against formulas is OWASP's ("CSV injection"), for strings only: log10_p is a number, and starts with a minus.
//
// Tested by tests/verify/report/table_test.cc.
#include "verify/report/table.h"

#include "verify/report/figures.h"
#include "verify/report/printable.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kColumns[] = {"uri",    "segment", "offset", "length", "ordinal", "part",    "id",      "group",    "test",        "kids",    "variant",
                                         "log10_p", "log10_q", "log10_e", "n",      "s",       "tokens",  "short",   "special",  "repeated",    "duplicate", "scored",
                                         "other_layer", "spans", "text", "finding", "baseline"};

}  // namespace

std::string TableCell(TableForm form, std::string_view text) {
  std::string cell;
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) cell += '\'';
  cell += Printable(text);
  if (form == TableForm::kTsv || cell.find_first_of(",\"") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    quoted += c;
    if (c == '"') quoted += c;
  }
  return quoted + "\"";
}

std::string TableHead(TableForm form) {
  std::string line;
  for (const std::string_view column : kColumns) line += (line.empty() ? "" : form == TableForm::kCsv ? "," : "\t") + std::string(column);
  return line + (form == TableForm::kCsv ? "\r\n" : "\n");
}

std::string TableRow(TableForm form, const DocumentResult& row) {
  std::string line, kids, spans;
  const auto cell = [&](std::string_view text) {
    if (!line.empty()) line += form == TableForm::kCsv ? ',' : '\t';
    line += text;
  };
  const auto integer = [&](uint64_t value) { cell(std::to_string(value)); };
  for (const std::string& kid : row.kids) kids += (kids.empty() ? "" : " ") + kid;
  for (const DocumentResult::Span& span : row.spans) {
    spans += (spans.empty() ? "" : " ") + std::to_string(span.bytes[0]) + "-" + std::to_string(span.bytes[1]);
  }
  line = TableCell(form, row.uri);
  if (line.empty() && form == TableForm::kCsv) line = "\"\"";
  for (const uint64_t value : {row.segment, row.offset, row.length, row.ordinal, row.part}) integer(value);
  cell(TableCell(form, row.id));
  cell(TableCell(form, row.group));
  integer(row.test);
  cell(kids);
  cell(TableCell(form, row.variant));
  cell(PrintReal(row.log10_p));
  cell(row.log10_q ? PrintReal(*row.log10_q) : "");
  cell(PrintReal(row.log10_e));
  integer(row.n);
  cell(row.s);
  for (const uint64_t value : {row.counts.tokens, row.counts.short_, row.counts.special, row.counts.repeated, row.counts.duplicate, row.counts.scored,
                               row.counts.other_layer}) {
    integer(value);
  }
  cell(spans);
  cell(row.text);
  integer(row.finding);
  integer(row.baseline);
  return line + (form == TableForm::kCsv ? "\r\n" : "\n");
}

}  // namespace verdigris::verify
