// The units of one granule, one after another in the thread that asks: what an engine's worker does (corpus.md C12), and what
// checks a unit that is there.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "verify/corpus/granule.h"

namespace verdigris::verify {

class UnitStream {
 public:
  // `setup`, `read` and `namer` must outlive the stream. Every unit of segments [first, end) is done, whether it is there or not.
  UnitStream(const ScanSetup& setup, const ReadOptions& read, const GroupNamer& namer, const std::string& spill_folder, uint64_t group_memory,
             const Input& input, uint64_t first, uint64_t end);
  UnitStream(const UnitStream&) = delete;

  // Reads and tests a batch of documents, some milliseconds of work. False after the last.
  // Errors   those of GranuleReader::Read; kIo where states of groups cannot be spilled.
  Result<bool> Step();

  struct Unit {
    Digest id;
    std::string bytes;  // of its unit file
  };
  // The next unit that is complete; nothing before the next Step().
  Result<std::optional<Unit>> Take();

 private:
  GranuleContext context_;
  GranuleReader reader_;
  BatchScanner scanner_;
  RecordBatch batch_;
  BatchResult result_;
  std::deque<std::shared_ptr<OpenUnit>> complete_;
  bool ended_ = false;
};

}  // namespace verdigris::verify
