// Findings as a table for other programs: CSV and TSV.
#pragma once

#include <string>
#include <string_view>

#include "verify/corpus/result_files.h"

namespace verdigris::verify {

enum class TableForm { kCsv, kTsv };

// The line of column names.
std::string TableHead(TableForm form);
// A row. A number is written as it is. A string of the input that a spreadsheet would take for a formula (it starts with
// = + - @, TAB or CR) gets a ' before it; controls are spelled \xNN, those of the writing direction \uNNNN; CSV quotes as RFC 4180.
std::string TableRow(TableForm form, const DocumentResult& row);
// One such string.
std::string TableCell(TableForm form, std::string_view text);

}  // namespace verdigris::verify
