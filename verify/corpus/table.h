// Tables without files: rows of id and text that an engine holds, cut into segments by crc32(id) mod P (corpus.md C12). The rows of a
// segment, in whatever order and partition they come, make one unit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/corpus/batch_scan.h"
#include "verify/corpus/group_name.h"
#include "verify/corpus/unit.h"

namespace verdigris::verify {

inline constexpr std::string_view kTableFormat = "table";

// The unit of a table that stands for all of it; its name is the URI, P stands in unit_bytes.
Unit TableUnit(std::string_view name, std::string_view text_field, uint64_t segments);
// As it stands in units.jsonl.
ListedInput ListedTable(Unit unit);

// Rows of one segment, in memory.
class TableRows {
 public:
  // `table`: as listed.
  explicit TableRows(Unit table) : table_(std::move(table)) {}

  // `text`: none where it is null. `group`: value of the field that groups are named by.
  // Errors   kMismatch: not of the segment that the first row is of. kLimit: more than 2^40 bytes.
  Result<void> Add(std::string_view id, std::optional<std::string_view> text, std::string_view group);

  // The unit and its file's bytes. A record is an id, in the order of their bytes. Equal rows are one; an id with two texts is a
  // record that failed (duplicate_id), one without text too (no_text).
  // Errors   kInvalidArgument: there is neither a row nor `segment`; kMismatch: rows of another; kIo as OpenUnit.
  Result<std::string> Finish(const ScanSetup& setup, const ReadOptions& read, const GroupNamer& namer, const std::string& spill_folder, uint64_t group_memory,
                             std::optional<uint64_t> segment, Digest& id);

 private:
  struct Row {
    size_t id, id_size, text, text_size, group, group_size;  // in bytes_
    bool has_text;
  };
  std::string_view IdOf(const Row& row) const { return std::string_view(bytes_).substr(row.id, row.id_size); }
  std::string_view TextOf(const Row& row) const { return std::string_view(bytes_).substr(row.text, row.text_size); }
  std::string_view GroupOf(const Row& row) const { return std::string_view(bytes_).substr(row.group, row.group_size); }

  Unit table_;
  std::string bytes_;
  std::vector<Row> rows_;
  std::optional<uint64_t> segment_;
};

}  // namespace verdigris::verify
