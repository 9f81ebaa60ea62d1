// Tested by tests/python/corpus_test.py.
#include "verify/corpus/table.h"

#include <zlib.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "verify/corpus/open_unit.h"

namespace verdigris::verify {
namespace {

constexpr uint64_t kMostTableBytes = uint64_t{1} << 40;

// As every engine has it: the CRC of zlib, over the bytes of the id.
uint64_t SegmentOf(std::string_view id, uint64_t segments) {
  return ::crc32_z(0, reinterpret_cast<const Bytef*>(id.data()), id.size()) % segments;
}

}  // namespace

Unit TableUnit(std::string_view name, std::string_view text_field, uint64_t segments) {
  Unit unit;
  unit.format = kTableFormat;
  unit.path = text_field;
  unit.unit_bytes = segments;
  unit.uri = name;
  return unit;
}

ListedInput ListedTable(Unit unit) {
  ListedInput input;
  input.seekable = true;
  input.segments = unit.unit_bytes;
  input.unit = std::move(unit);
  return input;
}

Result<void> TableRows::Add(std::string_view id, std::optional<std::string_view> text, std::string_view group) {
  const uint64_t segment = SegmentOf(id, table_.unit_bytes);
  if (segment_ && *segment_ != segment) {
    return Fail(ErrorKind::kMismatch, "rows of segments " + std::to_string(std::min(*segment_, segment)) + " and " + std::to_string(std::max(*segment_, segment)) +
                                          " came together: group the table by crc32(id) mod " + std::to_string(table_.unit_bytes));
  }
  segment_ = segment;
  const std::string_view body = text.value_or(std::string_view());
  if (id.size() + body.size() + group.size() > kMostTableBytes - bytes_.size()) return Fail(ErrorKind::kLimit, "a segment has more than 2^40 bytes: take more segments");
  Row row{bytes_.size(), id.size(), 0, body.size(), 0, group.size(), text.has_value()};
  bytes_ += id;
  row.text = bytes_.size();
  bytes_ += body;
  row.group = bytes_.size();
  bytes_ += group;
  rows_.push_back(row);
  return {};
}

Result<std::string> TableRows::Finish(const ScanSetup& setup, const ReadOptions& read, const GroupNamer& namer, const std::string& spill_folder,
                                      uint64_t group_memory, std::optional<uint64_t> segment, Digest& id) {
  if (!segment) segment = segment_;
  if (!segment) return Fail(ErrorKind::kInvalidArgument, "there are no rows: name the segment that has none");
  if (segment_ && *segment_ != *segment) {
    return Fail(ErrorKind::kMismatch, "rows of segment " + std::to_string(*segment_) + " were given as those of segment " + std::to_string(*segment));
  }
  if (*segment >= table_.unit_bytes) {
    return Fail(ErrorKind::kInvalidArgument, "segment must be below " + std::to_string(table_.unit_bytes) + ", got " + std::to_string(*segment));
  }
  std::sort(rows_.begin(), rows_.end(), [this](const Row& a, const Row& b) {
    return std::tuple(IdOf(a), a.has_text, TextOf(a), GroupOf(a)) < std::tuple(IdOf(b), b.has_text, TextOf(b), GroupOf(b));
  });

  Unit unit = table_;
  unit.segment = *segment;
  OpenUnit open(*setup.run, unit, spill_folder, group_memory);
  BatchScanner scanner(setup);
  RecordBatch batch;
  const auto scan_batch = [&]() -> Result<void> {
    if (batch.empty()) return {};
    const uint64_t number = open.StartBatch();
    BatchResult result;
    VERDIGRIS_RETURN_IF_ERROR(scanner.Scan(batch, result));
    VERDIGRIS_ASSIGN_OR_RETURN([[maybe_unused]] const bool complete, open.Add(number, batch, std::move(result)));
    batch.Clear();
    return {};
  };
  std::string name;
  uint64_t place = 0;
  for (size_t first = 0, next; first < rows_.size(); first = next, ++place) {
    const Row& row = rows_[first];
    bool one = true;
    for (next = first + 1; next < rows_.size() && IdOf(rows_[next]) == IdOf(row); ++next) {
      one = one && rows_[next].has_text == row.has_text && TextOf(rows_[next]) == TextOf(row);
    }
    Record record;
    record.segment = *segment;
    record.offset = place;
    record.name = IdOf(row);
    record.group = GroupOf(row);
    record.text = TextOf(row);
    if (!one) record.failure = "duplicate_id";
    else if (!row.has_text) record.failure = "no_text";
    else if (row.text_size > read.max_record_bytes) record.failure = "too_long";
    if (!record.failure.empty()) record.kind = RecordKind::kFailed;
    if (const auto ordinal = open.Take(record)) {
      batch.Add(record, *ordinal, namer.NameOf(table_.uri, record.group, name), setup.run->max_doc_bytes);
    }
    if (batch.full()) VERDIGRIS_RETURN_IF_ERROR(scan_batch());
  }
  VERDIGRIS_RETURN_IF_ERROR(scan_batch());
  open.Close(*segment + 1 == table_.unit_bytes, {});
  id = open.id();
  std::string bytes;
  VERDIGRIS_RETURN_IF_ERROR(open.Finish([&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  }));
  return bytes;
}

}  // namespace verdigris::verify
