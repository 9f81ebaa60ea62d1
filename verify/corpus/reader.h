// What every input looks like to a scan: records in order, each with the segment it starts in (corpus.md C2, C3).
//
// Errors   kIo, kNotFound: the system's reason; the unit is tried again at the next start. kInvalidArgument: options that do not
//          suit the input. kUnsupported: a format this build cannot read. kNoMemory. What is wrong with one record, or with the
//          bytes behind it, is no error: it is a record that failed, or broken() (corpus.md C15), also where the head of the input
//          is wrong: that is a first segment without records, broken.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "verify/corpus/input.h"
#include "watermark/result.h"

namespace verdigris::verify {

enum class RecordKind { kText, kIds, kNotText, kFailed };

struct Record {
  RecordKind kind = RecordKind::kText;
  std::string_view failure;       // kFailed: the code of C15, a string literal
  uint64_t segment = 0;           // in which it starts
  uint64_t offset = 0;            // its place, as the table of C2 counts for the format
  std::string_view text;          // kText: bytes as extracted, ill-formed UTF-8 included
  std::span<const uint32_t> ids;  // kIds
  std::string_view name;          // for people: --id-field, WARC-Record-ID; empty if there is none
  std::string_view group;         // value of the field that names the group, or of the URL that does; empty if there is none
};

// One pass over consecutive segments of one input.
class Reader {
 public:
  virtual ~Reader() = default;

  // The next record that starts in [first, end); false behind the last one. Views stand until the next call.
  virtual Result<bool> Next(Record& record) = 0;
  // After false: the segment the input ended in, or was broken in; nothing if more follows behind `end`. A segment without
  // records is one too: a unit for each of first..last_segment() exists. Where a fault cuts a record off, the input is broken
  // in the segment in which that record starts, and the record is none.
  virtual std::optional<uint64_t> last_segment() const = 0;
  // After false: the code of C15 for a fault in the bytes themselves, "bomb", "window", "corrupt", "csv" (its header), "warc", "npy",
  // "megatron", "tokens" or "parquet"; empty if there was none before `end`.
  virtual std::string_view broken() const = 0;
  // What was read of the file as it lies, for progress.
  virtual uint64_t bytes_read() const = 0;
};

inline constexpr uint64_t kNoEnd = std::numeric_limits<uint64_t>::max();

// Records of segments [first, end); with kNoEnd to the end of the input. An unseekable input (Input::seekable) is inflated from its start, passing over what lies
// before `first`.
Result<std::unique_ptr<Reader>> OpenReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end);

}  // namespace verdigris::verify
