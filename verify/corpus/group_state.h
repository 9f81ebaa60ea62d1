// Group evidence (corpus.md C7): of each group and test the `keep` smallest distinct fingerprints below 2^(128 - sample_log2),
// each with its score and number of occurrences, and whether one was dropped for `keep`. States of parts merge into the state
// of the whole, in any order and grouping.
//
// A block is a list of states by (name, test), each with its rows ascending. Scans write one a unit; what does not fit into
// memory is written as sorted runs, blocks too, and merged like units.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/corpus/bytes.h"
#include "verify/corpus/run.h"
#include "verify/other_group.h"
#include "verify/sample.h"

namespace verdigris::verify {

inline constexpr size_t kMostGroupNames = size_t{1} << 20;  // a unit; the rest is kOtherGroup
inline constexpr size_t kMostGroupName = 1024;  // bytes, as ClipText leaves them

// Where a tuple was met first, in the order that first-seen assignment goes by.
struct FirstPlace {
  Digest unit{};
  uint32_t ordinal = 0;
  uint16_t part = 0;
  auto operator<=>(const FirstPlace&) const = default;
};

struct GroupRow {
  Fingerprint fingerprint{};
  uint64_t score = 0;
  uint32_t count = 0;  // stays at 2^32 - 1
  FirstPlace first;    // first-seen alone
  bool operator==(const GroupRow&) const = default;
};

struct GroupHead {
  std::string name;
  uint16_t test = 0;
  bool full = false;
  uint64_t rows = 0;  // below 2^32 in a unit
  bool operator==(const GroupHead&) const = default;
};

// Of all rows of a state; what results need.
struct GroupSums {
  uint64_t n = 0;
  Statistic statistic = 0;
  double sum = 0, squares = 0;  // of the counts
  double inflation() const { return sum == 0 ? 0 : squares / sum; }
};

// A block that was written.
struct GroupBlock {
  uint64_t count = 0;  // groups
  Digest digest{};
  Spool bytes;
};

// A block to read: `bytes` from `offset` of a source, `count` groups. It is not trusted.
struct GroupInput {
  std::shared_ptr<const ByteSource> source;
  uint64_t offset = 0, bytes = 0, count = 0;
  std::string where;  // for messages
};

// The groups of one unit while its documents pass. Not for several threads.
class GroupStates {
 public:
  // `unit`: of the places, if first_seen. `spill_folder`: where runs go once states take more than `memory_bytes`.
  GroupStates(const RunGroup& group, bool first_seen, const Digest& unit, std::string spill_folder, uint64_t memory_bytes);
  GroupStates(GroupStates&&) noexcept;
  ~GroupStates();

  // The sample of (name, test), to which the tuples of document (ordinal, part) are added (SampleText,
  // DocumentScanner::AddToGroup); it stands until the next call. `name` as ClipText leaves it; one too many is kOtherGroup.
  // Documents come in order.
  // Errors   kIo where a run could not be written; kLimit for first-seen from ordinal 2^32 or part 2^16 on.
  Result<Sample*> SampleOf(std::string_view name, uint64_t test, uint64_t ordinal, uint64_t part);
  // All of it, merged. Once.
  Result<GroupBlock> Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether the block of a unit's file is in order and in its bounds, with tests below `tests` and places of the unit itself.
// kMalformed.
Result<void> CheckGroups(const GroupInput& input, const RunGroup& group, bool first_seen, const Digest& unit, size_t tests);

// Merges blocks into states, by (name, test), and hands each on: its rows one by one in ascending order, then on_state with the
// head as merged and the number of parts that had it. `on_row` may be null.
//
// Errors   kMismatch: one fingerprint with two scores, named by group and the two inputs; kMalformed: a block that is not in
//          order, too long or too short, a row above the sample's bound, more rows than `keep`.
// Cost     memory: a buffer an input, 4 to 256 KiB, together 64 MiB; above 4,096 inputs runs in `spill_folder`.
struct MergedState {
  GroupHead head;
  GroupSums sums;
};
Result<void> MergeGroups(std::vector<GroupInput> inputs, const RunGroup& group, bool first_seen, const std::string& spill_folder,
                         const std::function<Result<void>(const GroupHead&, const GroupRow&)>& on_row,
                         const std::function<Result<void>(const MergedState&)>& on_state);

}  // namespace verdigris::verify
