// Tested by tests/verify/report/table_test.cc and tests/interop/parquet_outputs.py.
#include "verify/corpus/finding_columns.h"

namespace verdigris::verify {
namespace {

using Row = DocumentResult;
using Value = TableCellValue;
using enum CellKind;

std::string Kids(const Row& row) {
  std::string out;
  for (const std::string& kid : row.kids) out += (out.empty() ? "" : " ") + kid;
  return out;
}

std::string SpansOfBytes(const Row& row) {
  std::string out;
  for (const Row::Span& span : row.spans) out += (out.empty() ? "" : " ") + std::to_string(span.bytes[0]) + "-" + std::to_string(span.bytes[1]);
  return out;
}

constexpr TableColumn kColumns[] = {
    {"uri", kInput, [](const Row& row) -> Value { return row.uri; }},
    {"segment", kInteger, [](const Row& row) -> Value { return row.segment; }},
    {"offset", kInteger, [](const Row& row) -> Value { return row.offset; }},
    {"length", kInteger, [](const Row& row) -> Value { return row.length; }},
    {"ordinal", kInteger, [](const Row& row) -> Value { return row.ordinal; }},
    {"part", kInteger, [](const Row& row) -> Value { return row.part; }},
    {"id", kInput, [](const Row& row) -> Value { return row.id; }},
    {"group", kInput, [](const Row& row) -> Value { return row.group; }},
    {"test", kInteger, [](const Row& row) -> Value { return row.test; }},
    {"kids", kWord, [](const Row& row) -> Value { return Kids(row); }},
    {"variant", kInput, [](const Row& row) -> Value { return row.variant; }},
    {"log10_p", kReal, [](const Row& row) -> Value { return row.log10_p; }},
    {"log10_q", kReal, [](const Row& row) -> Value { return row.log10_q ? Value(*row.log10_q) : Value(); }},
    {"log10_e", kReal, [](const Row& row) -> Value { return row.log10_e; }},
    {"n", kInteger, [](const Row& row) -> Value { return row.n; }},
    {"s", kWord, [](const Row& row) -> Value { return row.s; }},
    {"tokens", kInteger, [](const Row& row) -> Value { return row.counts.tokens; }},
    {"short", kInteger, [](const Row& row) -> Value { return row.counts.short_; }},
    {"special", kInteger, [](const Row& row) -> Value { return row.counts.special; }},
    {"repeated", kInteger, [](const Row& row) -> Value { return row.counts.repeated; }},
    {"duplicate", kInteger, [](const Row& row) -> Value { return row.counts.duplicate; }},
    {"scored", kInteger, [](const Row& row) -> Value { return row.counts.scored; }},
    {"other_layer", kInteger, [](const Row& row) -> Value { return row.counts.other_layer; }},
    {"spans", kWord, [](const Row& row) -> Value { return SpansOfBytes(row); }},
    {"text", kWord, [](const Row& row) -> Value { return row.text; }},
    {"finding", kFlag, [](const Row& row) -> Value { return row.finding; }},
    {"baseline", kFlag, [](const Row& row) -> Value { return row.baseline; }},
};

}  // namespace

std::span<const TableColumn> FindingColumns() { return kColumns; }

}  // namespace verdigris::verify
