// The guard against formulas is OWASP's ("CSV injection"), for strings only: log10_p is a number, and starts with a minus.
//
// Tested by tests/verify/report/table_test.cc.
#include "verify/report/table.h"

#include "verify/corpus/finding_columns.h"
#include "verify/report/figures.h"
#include "verify/report/printable.h"

namespace verdigris::verify {
namespace {

// A cell as it stands in the line.
std::string Written(TableForm form, const TableColumn& column, const TableCellValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return column.kind == CellKind::kInput ? TableCell(form, *text) : *text;
  if (const auto* integer = std::get_if<uint64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return PrintReal(*real);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "1" : "0";
  return "";
}

char Separator(TableForm form) { return form == TableForm::kCsv ? ',' : '\t'; }
const char* LineEnd(TableForm form) { return form == TableForm::kCsv ? "\r\n" : "\n"; }

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
  for (const TableColumn& column : FindingColumns()) {
    if (!line.empty()) line += Separator(form);
    line += column.name;
  }
  return line + LineEnd(form);
}

std::string TableRow(TableForm form, const DocumentResult& row) {
  std::string line;
  for (const TableColumn& column : FindingColumns()) {
    const bool first = &column == FindingColumns().data();
    if (!first) line += Separator(form);
    line += Written(form, column, column.value(row));
    // A line that began with nothing could be taken for an empty one.
    if (first && line.empty() && form == TableForm::kCsv) line = "\"\"";
  }
  return line + LineEnd(form);
}

}  // namespace verdigris::verify
