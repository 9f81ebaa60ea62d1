// The unit file (corpus.md C6): the summary, one canonical JSON line, then three blocks: `docs`, `errors`, `groups`. A pure
// function of the unit's bytes and the run object.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/corpus/edges.h"
#include "verify/corpus/group_state.h"
#include "verify/corpus/run.h"
#include "verify/corpus/unit.h"
#include "verify/finding.h"  // Counts

namespace verdigris::verify {

inline constexpr size_t kMostInputText = 1024;     // bytes of a string of the input in a row
inline constexpr size_t kMostListedErrors = 1000;  // a unit
inline constexpr size_t kMostSpans = 1000;         // a row; the first ones of more
inline constexpr size_t kMostRowBytes = 131072;    // a line of `docs`
inline constexpr size_t kUniformBins = 20;
inline constexpr size_t kMostLengths = 40;         // lengths below 2^40

struct BlockFacts {
  uint64_t count = 0, bytes = 0;  // lines, or groups
  Digest digest{};
  bool operator==(const BlockFacts&) const = default;
};

struct UnitCounts {
  uint64_t documents = 0, failed = 0, ids_above_vocab = 0, invalid_utf8 = 0, not_text = 0, parts = 0, tested = 0, text_bytes = 0, tokens = 0,
           untested = 0;
  std::map<std::string, uint64_t> errors;  // by code
  bool operator==(const UnitCounts&) const = default;

  void Add(const UnitCounts& more);
};

// Over the documents that a test judged.
struct UnitResult {
  uint64_t duplicate = 0, other_layer = 0, repeated = 0, rows = 0, scored = 0, short_ = 0, special = 0, tested = 0, tokens = 0;
  std::vector<uint64_t> histogram;  // tau_hundredths entries: p above tau
  std::array<uint64_t, kUniformBins> uniform{};
  std::vector<uint64_t> lengths;  // documents with scored in [2^j, 2^(j+1)), up to the last entry that is not 0; scored 0 is in entry 0
  bool operator==(const UnitResult&) const = default;

  // Counts one tested document whose p stands at `place` (edges.h).
  void Add(const Counts& counts, const PlaceOfP& place);
  void Add(const UnitResult& more);
};

struct UnitSummary {
  BlockFacts docs, errors, groups;
  Digest content{};
  UnitCounts counts;
  bool last = false;
  std::vector<UnitResult> results;  // one a test of the run
  Digest run{};
  bool broken = false;
  Unit unit;
  bool operator==(const UnitSummary&) const = default;
};

// A row of `docs`: a document with p <= tau under a test; of a first-seen run, any document that was tested.
struct DocRow {
  Counts counts;
  std::string group, id;  // ClipText()
  uint64_t length = 0, n = 0, offset = 0, ordinal = 0, part = 0;
  Statistic s = 0;
  std::vector<std::array<uint64_t, 4>> spans;  // first and last token, first and last byte, half-open
  uint64_t test = 0;
  std::array<uint8_t, 16> text{};  // first bytes of the document's SHA-256
};

// All zero, of a unit of a run.
UnitSummary EmptySummary(const RunObject& run, const Unit& unit);

struct ErrorEntry {
  std::string code;
  uint64_t offset = 0, ordinal = 0;
  bool operator==(const ErrorEntry&) const = default;
};

// A string of the input as rows carry it: at most so many bytes, cut at a character; what is no UTF-8 becomes U+FFFD.
std::string ClipText(std::string_view text, size_t most = kMostInputText);

// Canonical lines, no line feed.
std::string DocRowJson(const DocRow& row);
Result<DocRow> ParseDocRow(std::string_view line);
std::string ErrorEntryJson(const ErrorEntry& entry);
Result<ErrorEntry> ParseErrorEntry(std::string_view line);
std::string UnitSummaryJson(const UnitSummary& summary);
// Errors   kMalformed naming the member; kUnsupported for another schema.
Result<UnitSummary> ParseUnitSummary(std::string_view line);

// What a unit file is put together from. Rows and entries come in their order (ordinal, part, test; ordinal).
class UnitFileBuilder {
 public:
  // `spill_folder`: where rows go that do not fit into a little memory.
  explicit UnitFileBuilder(const std::string& spill_folder) : docs_(spill_folder), errors_(spill_folder) {}

  Result<void> Add(const DocRow& row);
  Result<void> Add(const ErrorEntry& entry);  // beyond kMostListedErrors: not listed

  // `summary` gets the facts of the blocks. The bytes of the file come in pieces.
  Result<void> Finish(UnitSummary& summary, const GroupBlock& groups, const ByteSink& sink);

 private:
  uint64_t rows_ = 0, entries_ = 0;
  Spool docs_, errors_;
};

// Where the parts of a unit file lie: what of a file that was checked is enough to read its blocks again.
struct UnitLayout {
  uint64_t docs_at = 0, errors_at = 0, groups_at = 0, end = 0, groups = 0;
};

GroupInput GroupsOf(std::shared_ptr<const ByteSource> source, const UnitLayout& layout, std::string where);

// A unit file that is read: from a disk, or from memory. The summary has been read and the length of the file agrees with it;
// the rest is checked as it passes.
//
// Errors   kMalformed: names the member or the place. kIo, kNotFound.
class UnitFile {
 public:
  static Result<UnitFile> Open(const std::string& path);
  static Result<UnitFile> FromMemory(std::string_view bytes);
  static Result<UnitFile> Of(std::shared_ptr<const ByteSource> source);

  const UnitSummary& summary() const { return summary_; }
  const std::string& summary_bytes() const { return summary_bytes_; }  // without line feed: a leaf of the evidence tree
  const ByteSource& source() const { return *source_; }

  // Everything that one file can show: digests and lengths of blocks, order and bounds of rows, rows against counts, and, if
  // `run` is not null, that it is of that run (kMismatch). `on_row`, if given, gets each row.
  Result<void> Check(const RunObject* run, const std::function<Result<void>(const DocRow&)>& on_row = {}) const;

  // The groups' block, to be merged.
  GroupInput groups() const { return GroupsOf(source_, layout_, "groups of unit " + Hex(UnitId(summary_.unit))); }
  const UnitLayout& layout() const { return layout_; }

 private:
  UnitFile() = default;
  std::shared_ptr<const ByteSource> source_;
  UnitSummary summary_;
  std::string summary_bytes_;
  UnitLayout layout_;
};

// The blocks of a file that was checked, without its summary and digests.
Result<void> ForEachRow(const ByteSource& source, const UnitLayout& layout, const std::function<Result<void>(const DocRow&)>& on_row);
Result<void> ForEachError(const ByteSource& source, const UnitLayout& layout, const std::function<Result<void>(const ErrorEntry&)>& on_error);

}  // namespace verdigris::verify
