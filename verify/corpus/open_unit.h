// A unit while it is worked on: what its reader counts, and what the batches of its documents gave, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "verify/content.h"
#include "verify/corpus/batch_scan.h"
#include "verify/corpus/group_state.h"
#include "verify/corpus/unit_file.h"

namespace verdigris::verify {

class OpenUnit {
 public:
  // `spill_folder`, `group_memory`: as GroupStates.
  OpenUnit(const RunObject& run, const Unit& unit, const std::string& spill_folder, uint64_t group_memory);

  const Unit& unit() const { return summary_.unit; }
  const Digest& id() const { return id_; }

  // The reader's side, one thread at a time.
  // The next record of the unit; its ordinal, or nothing where it is no document (it is then counted and listed).
  std::optional<uint64_t> Take(const Record& record);
  // A batch is on its way to Add(); its number.
  uint64_t StartBatch();
  // No more records. `broken`: the code of a fault in the bytes, or empty.
  // True where all batches are in: the caller finishes the unit.
  bool Close(bool last, std::string_view broken);

  // The workers' side, any number of threads. True as for Close().
  // Errors   kIo where group states cannot be spilled.
  Result<bool> Add(uint64_t batch_number, const RecordBatch& batch, BatchResult result);

  // The unit cannot be finished: its input changed, or could not be read.
  void Abandon();
  bool abandoned() const;

  // Once, after Close() or Add() said so: the bytes of the unit file.
  Result<void> Finish(const ByteSink& sink);
  // Then:
  const UnitSummary& summary() const { return summary_; }

 private:
  struct Waiting {  // what must be taken in the order of the documents
    std::vector<DocRow> rows;
    struct Group {
      std::string name;
      uint64_t test, ordinal, part;
      std::vector<SampledTuple> tuples;
    };
    std::vector<Group> groups;
  };
  Result<void> TakeInOrder(Waiting& waiting);

  std::string spill_folder_;
  Digest id_;
  UnitSummary summary_;
  ContentDigest content_;
  uint64_t records_ = 0;
  uint64_t last_offset_ = 0;

  mutable std::mutex mutex_;  // of all below, and of summary_.results and the batches' part of summary_.counts
  uint64_t batches_ = 0;      // given out
  uint64_t open_ = 1;         // batches on their way, and the reader
  uint64_t next_ = 0;         // batch to be taken in order
  std::map<uint64_t, Waiting> waiting_;
  bool abandoned_ = false;
  UnitCounts counts_;
  std::vector<ErrorEntry> errors_;
  UnitFileBuilder builder_;
  std::optional<GroupStates> groups_;
};

}  // namespace verdigris::verify
