// First-seen assignment (statistics.md 3.2, corpus.md C4): how many tuples each document of a corpus is the first to have, and
// what they score.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "verify/corpus/bytes.h"
#include "watermark/result.h"
#include "watermark/scheme.h"  // Statistic

namespace verdigris::verify {

// A document under a test. `unit` numbers the units as the caller likes.
struct TestedDocument {
  uint32_t unit = 0, ordinal = 0, part = 0, test = 0;
  auto operator<=>(const TestedDocument&) const = default;
};

struct FirstSeen {
  TestedDocument document;
  uint64_t n = 0;  // tuples that no document before it has
  Statistic s = 0;
};

// What FirstSeenCounts gave, in the order of the documents, from the first on.
class FirstSeenReader {
 public:
  FirstSeenReader(std::shared_ptr<const ByteSource> source, uint64_t offset, uint64_t records, size_t buffer_bytes);

  // The next record; none behind the last. It stays until Next().
  Result<std::optional<FirstSeen>> Peek();
  void Next();

 private:
  std::shared_ptr<const ByteSource> source_;
  uint64_t offset_, left_;  // of what is not in the buffer: where it lies, records
  size_t buffer_bytes_;
  std::string buffer_;
  size_t begin_ = 0;
};

// Adds up over documents that come in any order.
class FirstSeenCounts {
 public:
  // What does not fit into `memory_bytes` goes to `spill_folder` as sorted runs.
  FirstSeenCounts(std::string spill_folder, uint64_t memory_bytes);

  // `document` is the first that has a tuple of this score.
  // Errors   kIo where a run cannot be written.
  Result<void> Add(const TestedDocument& document, uint64_t score);
  // No more are added.
  Result<void> Finish();
  // After Finish(), any number of times.
  FirstSeenReader Read() const;

 private:
  struct Run {
    uint64_t offset = 0, records = 0;  // in the spool
  };
  void Unite();
  Result<void> WriteRun();
  Result<Run> Merge(const Run* runs, size_t count, Spool& to) const;
  size_t BufferBytes(size_t runs) const;

  std::string folder_;
  size_t most_records_;
  std::vector<FirstSeen> records_;
  Spool spool_;
  std::vector<Run> runs_;
};

}  // namespace verdigris::verify
