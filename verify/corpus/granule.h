// What one worker reads at a time (corpus.md C3): the segments of an input, or one of them where it can be had alone. Units that
// are done are passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "verify/corpus/group_name.h"
#include "verify/corpus/open_unit.h"
#include "verify/corpus/reader.h"

namespace verdigris::verify {

struct Granule {
  size_t input;         // of the list
  uint64_t first, end;  // segments; `end` is 2^64 - 1 where their number is not known
  uint64_t bytes;       // of the file as it lies, for progress
};

// Whether each segment is a granule; else the input is one. Of an Input or a ListedInput.
template <class T>
bool SegmentsAlone(const T& input) { return input.seekable && input.segments > 0; }

// The unit of a segment of an input.
Unit UnitOf(const Input& input, const ReadOptions& options, uint64_t segment);

// Whether a unit's file is there and good, and says that it is the last of its input.
enum class UnitState { kMissing, kDone, kDoneLast };

// How readers of granules make and pass over units.
struct GranuleContext {
  const RunObject& run;
  const ReadOptions& options;
  const GroupNamer& namer;
  std::string spill_folder;
  uint64_t group_memory;
  std::function<UnitState(const Unit&)> state_of;
};

// One user at a time.
class GranuleReader {
 public:
  GranuleReader(const GranuleContext& context, const Input& input, uint64_t first, uint64_t end);

  struct Step {
    std::shared_ptr<OpenUnit> unit;  // of the batch; null: the batch is empty
    uint64_t batch_number = 0;
    std::vector<std::shared_ptr<OpenUnit>> complete;  // units without a batch on its way: to be finished
    bool ended = false;
  };
  // Fills `batch` with the next documents of one unit.
  //
  // Errors   those of OpenReader; kMismatch where the file changed while it was read. Units that are open are abandoned.
  Result<Step> Read(RecordBatch& batch);

  uint64_t bytes_read() const { return reader_ ? reader_->bytes_read() : 0; }
  // Of the input, after the end; empty if there was none.
  std::string_view broken() const { return broken_; }
  // Units that were there already.
  uint64_t passed_over() const { return passed_over_; }

 private:
  Result<void> Start();
  Result<void> ReadInto(RecordBatch& batch, Step& step);
  // Closes the unit that is open, if one is, and opens that of `segment`, and those without records before it.
  Result<void> GoTo(uint64_t segment, Step& step);
  Result<void> CloseCurrent(bool last, std::string_view broken, Step& step);
  Result<void> CheckUnchanged() const;
  void Open(uint64_t segment);

  const GranuleContext& context_;
  Input input_;
  uint64_t first_, end_;
  std::unique_ptr<Reader> reader_;
  bool has_record_ = false;  // record_ was read and not yet taken
  Record record_;
  std::optional<uint64_t> segment_;
  std::shared_ptr<OpenUnit> unit_;  // null where the segment is passed over
  std::string broken_;
  uint64_t passed_over_ = 0;
  std::string name_buffer_;
};

}  // namespace verdigris::verify
