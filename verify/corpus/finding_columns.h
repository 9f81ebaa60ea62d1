// A document's result as a row of a table: which columns there are and what stands in them, whatever the table is written as
// (report/table.h, corpus/parquet_writer.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "verify/corpus/result_files.h"

namespace verdigris::verify {

enum class CellKind {
  kInput,  // a string of the input: it may hold anything
  kWord,   // a string of our own: names of keys, decimal numbers, lists with spaces between
  kInteger,
  kReal,
  kFlag,
};

// Of the kind that the column says, or empty.
using TableCellValue = std::variant<std::monostate, std::string, uint64_t, double, bool>;

struct TableColumn {
  std::string_view name;
  CellKind kind;
  TableCellValue (*value)(const DocumentResult&);
};

std::span<const TableColumn> FindingColumns();

}  // namespace verdigris::verify
