// States of one key lie side by side in the blocks that are merged: a heap over the heads of all blocks finds the least (name,
// test), a heap over the parts that have it finds the least fingerprint. As soon as `keep` rows are out, what is left of the
// parts is passed over; that something is left is what `full` says.
//
// Tested by tests/verify/corpus/group_state_test.cc (10,000 random families against a map).
#include "verify/corpus/group_state.h"

#include <algorithm>
#include <cassert>
#include <deque>
#include <map>
#include <set>
#include <tuple>

#include "verify/big_endian.h"
#include "watermark/json.h"

namespace verdigris::verify {
namespace {

constexpr size_t kMostInputsAtOnce = 4096;
constexpr uint64_t kBuffers = uint64_t{64} << 20;  // of all inputs that are open
constexpr uint64_t kLeastBuffer = 4096, kMostBuffer = uint64_t{1} << 18;

// A unit's rows are counted in 4 bytes, as its file has them; what many units have together, in a sorted run, in 8.
enum class BlockKind : size_t { kUnit = 4, kRun = 8 };
size_t CountBytes(BlockKind kind) { return static_cast<size_t>(kind); }

size_t RowBytes(bool first_seen) { return kBlockBytes + 8 + 4 + (first_seen ? 32 + 4 + 2 : 0); }

// Writes a block; heads get their numbers once their rows are out.
class BlockWriter {
 public:
  BlockWriter(BlockKind kind, const std::string& folder, bool first_seen) : kind_(kind), first_seen_(first_seen), spool_(folder) {}

  Result<void> Begin(std::string_view name, uint16_t test) {
    std::string head;
    AppendBe(head, name.size(), 2);
    head += name;
    AppendBe(head, test, 2);
    patch_at_ = spool_.size() + head.size();
    head.append(1 + CountBytes(kind_), '\0');
    rows_ = 0;
    ++count_;
    return spool_.Append(head);
  }
  Result<void> Add(const GroupRow& row) {
    if (kind_ == BlockKind::kUnit && rows_ == ~uint32_t{0}) return Fail(ErrorKind::kLimit, "a group of more than 2^32 - 1 tuples in a unit: take smaller units, or group by something finer");
    ++rows_;
    std::string bytes(reinterpret_cast<const char*>(row.fingerprint.data()), row.fingerprint.size());
    AppendBe(bytes, row.score, 8);
    AppendBe(bytes, row.count, 4);
    if (first_seen_) {
      bytes.append(reinterpret_cast<const char*>(row.first.unit.data()), row.first.unit.size());
      AppendBe(bytes, row.first.ordinal, 4);
      AppendBe(bytes, row.first.part, 2);
    }
    return spool_.Append(bytes);
  }
  Result<void> End(bool full) {
    std::string numbers(1, full ? '\1' : '\0');
    AppendBe(numbers, rows_, CountBytes(kind_));
    return spool_.Patch(patch_at_, numbers);
  }
  Result<GroupBlock> Finish() {
    VERDIGRIS_ASSIGN_OR_RETURN(const Digest digest, spool_.Sha256Of());
    return GroupBlock{count_, digest, std::move(spool_)};
  }

 private:
  BlockKind kind_;
  bool first_seen_;
  Spool spool_;
  uint64_t count_ = 0, patch_at_ = 0, rows_ = 0;
};

// Goes through a block that is not trusted.
class BlockReader {
 public:
  BlockReader(GroupInput input, BlockKind kind, const RunGroup& group, bool first_seen, uint64_t buffer_bytes)
      : input_(std::move(input)), kind_(kind), group_(group), first_seen_(first_seen), buffer_bytes_(buffer_bytes), bound_(0, group.sample_log2) {}

  const GroupHead& head() const { return head_; }
  const GroupRow& row() const { return row_; }
  const std::string& where() const { return input_.where; }

  // The next head, passing over rows that are left; false behind the last.
  Result<bool> NextHead() {
    VERDIGRIS_RETURN_IF_ERROR(Skip(rows_left_ * RowBytes(first_seen_)));
    rows_left_ = 0;
    if (left() == 0) {
      if (groups_ != input_.count) return Malformed("has " + std::to_string(groups_) + " groups, " + std::to_string(input_.count) + " stated");
      return false;
    }
    VERDIGRIS_ASSIGN_OR_RETURN(const char* length, Take(2));
    const size_t name_bytes = static_cast<size_t>(ReadBe(length, 2));
    if (name_bytes > kMostGroupName) return Malformed("has a name of " + std::to_string(name_bytes) + " bytes");
    VERDIGRIS_ASSIGN_OR_RETURN(const char* rest, Take(name_bytes + 2 + 1 + CountBytes(kind_)));
    GroupHead head;
    head.name.assign(rest, name_bytes);
    head.test = static_cast<uint16_t>(ReadBe(rest + name_bytes, 2));
    const uint64_t full = ReadBe(rest + name_bytes + 2, 1);
    head.rows = ReadBe(rest + name_bytes + 3, CountBytes(kind_));
    head.full = full == 1;
    if (!IsUtf8(head.name)) return Malformed("has a name that is no UTF-8");
    if (group_.by == "none" && !head.name.empty()) return Malformed("has a name, and documents are not grouped");
    if (full > 1) return Malformed("has a `full` of " + std::to_string(full));
    if (groups_ > 0 && std::tie(head.name, head.test) <= std::tie(head_.name, head_.test)) return Malformed("is not in order of name and test");
    if (group_.keep != 0 && head.rows > group_.keep) return Malformed("keeps " + std::to_string(head.rows) + " rows, at most " + std::to_string(group_.keep));
    if (head.full && (group_.keep == 0 || head.rows != group_.keep)) return Malformed("is full with " + std::to_string(head.rows) + " rows");
    if (head.rows > left() / RowBytes(first_seen_)) return Malformed("ends within its rows");
    head_ = std::move(head);
    rows_left_ = head_.rows;
    first_row_ = true;
    ++groups_;
    return true;
  }

  Unexpected Malformed(const std::string& why) const {
    return Fail(ErrorKind::kMalformed, input_.where + ": group " + std::to_string(groups_) + " " + why);
  }

  // The next row of the group; false behind the last.
  Result<bool> NextRow() {
    if (rows_left_ == 0) return false;
    VERDIGRIS_ASSIGN_OR_RETURN(const char* bytes, Take(RowBytes(first_seen_)));
    Fingerprint fingerprint;
    std::copy_n(bytes, fingerprint.size(), reinterpret_cast<char*>(fingerprint.data()));
    if (!first_row_ && !(row_.fingerprint < fingerprint)) return Malformed("has rows that are not in order");
    first_row_ = false;
    row_.fingerprint = fingerprint;
    row_.score = ReadBe(bytes + 16, 8);
    row_.count = static_cast<uint32_t>(ReadBe(bytes + 24, 4));
    if (first_seen_) {
      std::copy_n(bytes + 28, row_.first.unit.size(), reinterpret_cast<char*>(row_.first.unit.data()));
      row_.first.ordinal = static_cast<uint32_t>(ReadBe(bytes + 60, 4));
      row_.first.part = static_cast<uint16_t>(ReadBe(bytes + 64, 2));
    }
    if (row_.count == 0) return Malformed("has a row that was counted 0 times");
    if (!bound_.Takes(fingerprint)) return Malformed("has a row above the bound of the sample");
    --rows_left_;
    return true;
  }

 private:
  uint64_t left() const { return input_.bytes - taken_; }

  // `bytes` in one piece; they stand until the next call.
  Result<const char*> Take(size_t bytes) {
    if (bytes > left()) return Malformed("ends early");
    if (begin_ + bytes > buffer_.size()) {
      buffer_.erase(0, begin_);
      begin_ = 0;
      const uint64_t unread = input_.bytes - (taken_ + buffer_.size());
      const uint64_t more = std::min(unread, std::max<uint64_t>(buffer_bytes_, bytes - buffer_.size()));
      VERDIGRIS_ASSIGN_OR_RETURN(const std::string piece, input_.source->Read(input_.offset + taken_ + buffer_.size(), more));
      buffer_ += piece;
    }
    const char* at = buffer_.data() + begin_;
    begin_ += bytes;
    taken_ += bytes;
    return at;
  }

  Result<void> Skip(uint64_t bytes) {
    if (bytes > left()) return Malformed("ends early");
    taken_ += bytes;
    if (bytes <= buffer_.size() - begin_) {
      begin_ += static_cast<size_t>(bytes);
    } else {
      buffer_.clear();
      begin_ = 0;
    }
    return {};
  }

  GroupInput input_;
  BlockKind kind_;
  RunGroup group_;
  bool first_seen_;
  uint64_t buffer_bytes_;
  Sample bound_;  // empty: takes what lies below the sample's bound
  std::string buffer_;
  size_t begin_ = 0;
  uint64_t taken_ = 0;
  uint64_t groups_ = 0, rows_left_ = 0;
  GroupHead head_;
  GroupRow row_;
  bool first_row_ = true;  // none of the group was read
};

// Merges the states at the heads of `parts`, all of one (name, test).
Result<MergedState> MergeState(const std::vector<BlockReader*>& parts, uint64_t keep, const std::function<Result<void>(const GroupHead&, const GroupRow&)>& on_row) {
  MergedState merged;
  merged.head.name = parts[0]->head().name;
  merged.head.test = parts[0]->head().test;
  std::vector<BlockReader*> heap;
  const auto after = [](const BlockReader* a, const BlockReader* b) { return a->row().fingerprint > b->row().fingerprint; };
  for (BlockReader* part : parts) {
    merged.head.full = merged.head.full || part->head().full;
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, part->NextRow());
    if (more) heap.push_back(part);
  }
  std::make_heap(heap.begin(), heap.end(), after);
  while (!heap.empty()) {
    if (keep != 0 && merged.sums.n == keep) {
      merged.head.full = true;
      break;
    }
    GroupRow row = heap.front()->row();
    row.count = 0;
    const std::string* const where = &heap.front()->where();
    while (!heap.empty() && heap.front()->row().fingerprint == row.fingerprint) {
      std::pop_heap(heap.begin(), heap.end(), after);
      const GroupRow& next = heap.back()->row();
      if (next.score != row.score) {
        return Fail(ErrorKind::kMismatch, "group '" + merged.head.name + "', test " + std::to_string(merged.head.test) + ": one tuple has two scores, in " + *where +
                                              " and " + heap.back()->where());
      }
      row.count = AddOccurrences(row.count, next.count);
      row.first = std::min(row.first, next.first);
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, heap.back()->NextRow());
      if (more) {
        std::push_heap(heap.begin(), heap.end(), after);
      } else {
        heap.pop_back();
      }
    }
    ++merged.sums.n;
    merged.sums.statistic += row.score;
    merged.sums.sum += row.count;
    merged.sums.squares += static_cast<double>(row.count) * row.count;
    if (on_row) VERDIGRIS_RETURN_IF_ERROR(on_row(merged.head, row));
  }
  merged.head.rows = merged.sums.n;
  return merged;
}

// At most kMostInputsAtOnce. `on_begin` hears of a state before its rows.
Result<void> MergeAtOnce(std::span<GroupInput> inputs, BlockKind kind, const RunGroup& group, bool first_seen, const std::function<Result<void>(const GroupHead&)>& on_begin,
                         const std::function<Result<void>(const GroupHead&, const GroupRow&)>& on_row,
                         const std::function<Result<void>(const MergedState&)>& on_state) {
  const uint64_t buffer = std::clamp(kBuffers / std::max<uint64_t>(inputs.size(), 1), kLeastBuffer, kMostBuffer);
  std::deque<BlockReader> readers;
  std::vector<BlockReader*> heap;
  const auto after = [](const BlockReader* a, const BlockReader* b) { return std::tie(a->head().name, a->head().test) > std::tie(b->head().name, b->head().test); };
  for (GroupInput& input : inputs) {
    readers.emplace_back(std::move(input), kind, group, first_seen, buffer);
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, readers.back().NextHead());
    if (more) heap.push_back(&readers.back());
  }
  std::make_heap(heap.begin(), heap.end(), after);
  std::vector<BlockReader*> parts;
  while (!heap.empty()) {
    parts.clear();
    do {
      std::pop_heap(heap.begin(), heap.end(), after);
      parts.push_back(heap.back());
      heap.pop_back();
    } while (!heap.empty() && heap.front()->head().name == parts[0]->head().name && heap.front()->head().test == parts[0]->head().test);
    if (on_begin) VERDIGRIS_RETURN_IF_ERROR(on_begin(parts[0]->head()));
    VERDIGRIS_ASSIGN_OR_RETURN(const MergedState merged, MergeState(parts, group.keep, on_row));
    VERDIGRIS_RETURN_IF_ERROR(on_state(merged));
    for (BlockReader* part : parts) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, part->NextHead());
      if (!more) continue;
      heap.push_back(part);
      std::push_heap(heap.begin(), heap.end(), after);
    }
  }
  return {};
}

Result<GroupBlock> MergeToBlock(std::span<GroupInput> inputs, BlockKind kind, BlockKind to, const RunGroup& group, bool first_seen, const std::string& folder) {
  BlockWriter writer(to, folder, first_seen);
  VERDIGRIS_RETURN_IF_ERROR(MergeAtOnce(
      inputs, kind, group, first_seen, [&](const GroupHead& head) { return writer.Begin(head.name, head.test); },
      [&](const GroupHead&, const GroupRow& row) { return writer.Add(row); }, [&](const MergedState& merged) { return writer.End(merged.head.full); }));
  return writer.Finish();
}

GroupInput InputOf(const GroupBlock& block) { return {block.bytes.source(), 0, block.bytes.size(), block.count, "a sorted run"}; }

}  // namespace

struct GroupStates::State {
  RunGroup group;
  bool first_seen;
  Digest unit;
  std::string folder;
  uint64_t memory_bytes;
  std::set<std::string, std::less<>> names;  // all that were met, up to kMostGroupNames
  std::map<std::pair<std::string, uint64_t>, Sample> samples;
  std::vector<GroupBlock> runs;
  Sample* current = nullptr;
  uint64_t current_bytes = 0, bytes = 0;

  // What one sample takes beside its rows.
  static constexpr uint64_t kOverhead = 256;

  void CountCurrent() {
    if (current == nullptr) return;
    bytes += current->memory_bytes() - current_bytes;
    current_bytes = current->memory_bytes();
  }

  Result<GroupBlock> WriteBlock(BlockKind kind) {
    BlockWriter writer(kind, folder, first_seen);
    for (auto& [key, sample] : samples) {
      VERDIGRIS_RETURN_IF_ERROR(writer.Begin(key.first, static_cast<uint16_t>(key.second)));
      for (const Sample::Row& row : sample.rows()) {
        GroupRow out{row.fingerprint, row.score, row.occurrences, {}};
        if (first_seen) out.first = {unit, static_cast<uint32_t>(row.place >> 16), static_cast<uint16_t>(row.place)};
        VERDIGRIS_RETURN_IF_ERROR(writer.Add(out));
      }
      VERDIGRIS_RETURN_IF_ERROR(writer.End(sample.full()));
    }
    return writer.Finish();
  }

  Result<void> WriteRun() {
    VERDIGRIS_ASSIGN_OR_RETURN(GroupBlock run, WriteBlock(BlockKind::kRun));
    runs.push_back(std::move(run));
    samples.clear();
    current = nullptr;
    bytes = 0;
    return {};
  }
};

GroupStates::GroupStates(const RunGroup& group, bool first_seen, const Digest& unit, std::string spill_folder, uint64_t memory_bytes)
    : state_(std::make_unique<State>()) {
  state_->group = group;
  state_->first_seen = first_seen;
  state_->unit = unit;
  state_->folder = std::move(spill_folder);
  state_->memory_bytes = memory_bytes;
}
GroupStates::GroupStates(GroupStates&&) noexcept = default;
GroupStates::~GroupStates() = default;

Result<Sample*> GroupStates::SampleOf(std::string_view name, uint64_t test, uint64_t ordinal, uint64_t part) {
  State& state = *state_;
  assert(name.size() <= kMostGroupName && test < kMostTests);
  if (state.first_seen && (ordinal > UINT32_MAX || part > UINT16_MAX)) {
    return Fail(ErrorKind::kLimit, "first-seen assignment knows 2^32 records a unit and 2^16 parts a record");
  }
  state.CountCurrent();
  if (state.bytes > state.memory_bytes) VERDIGRIS_RETURN_IF_ERROR(state.WriteRun());
  bool known = state.names.find(name) != state.names.end();
  if (!known && state.names.size() < kMostGroupNames) known = state.names.emplace(name).second;
  const std::string_view group = known ? name : kOtherGroup;
  const auto [at, founded] = state.samples.try_emplace({std::string(group), test}, static_cast<size_t>(state.group.keep), state.group.sample_log2);
  if (founded) state.bytes += State::kOverhead;
  state.current = &at->second;
  state.current_bytes = at->second.memory_bytes();
  at->second.SetPlace(ordinal << 16 | part);
  return state.current;
}

Result<GroupBlock> GroupStates::Finish() {
  State& state = *state_;
  if (state.runs.empty()) return state.WriteBlock(BlockKind::kUnit);
  VERDIGRIS_RETURN_IF_ERROR(state.WriteRun());
  std::vector<GroupInput> inputs;
  for (const GroupBlock& run : state.runs) inputs.push_back(InputOf(run));
  return MergeToBlock(inputs, BlockKind::kRun, BlockKind::kUnit, state.group, state.first_seen, state.folder);
}

Result<void> CheckGroups(const GroupInput& input, const RunGroup& group, bool first_seen, const Digest& unit, size_t tests) {
  BlockReader reader(input, BlockKind::kUnit, group, first_seen, kMostBuffer);
  for (;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool head, reader.NextHead());
    if (!head) return {};
    if (reader.head().test >= tests) return Fail(ErrorKind::kMalformed, input.where + ": test " + std::to_string(reader.head().test) + " is none of the run");
    for (;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool row, reader.NextRow());
      if (!row) break;
      if (first_seen && reader.row().first.unit != unit) return reader.Malformed("has a tuple that was met in another unit");
    }
  }
}

Result<void> MergeGroups(std::vector<GroupInput> inputs, const RunGroup& group, bool first_seen, const std::string& spill_folder,
                         const std::function<Result<void>(const GroupHead&, const GroupRow&)>& on_row,
                         const std::function<Result<void>(const MergedState&)>& on_state) {
  std::vector<GroupBlock> runs;  // keep their files open
  BlockKind kind = BlockKind::kUnit;
  while (inputs.size() > kMostInputsAtOnce) {
    std::vector<GroupBlock> merged;
    std::vector<GroupInput> next;
    for (size_t at = 0; at < inputs.size(); at += kMostInputsAtOnce) {
      const size_t count = std::min(kMostInputsAtOnce, inputs.size() - at);
      VERDIGRIS_ASSIGN_OR_RETURN(GroupBlock run, MergeToBlock(std::span(inputs).subspan(at, count), kind, BlockKind::kRun, group, first_seen, spill_folder));
      next.push_back(InputOf(run));
      merged.push_back(std::move(run));
    }
    inputs = std::move(next);
    runs = std::move(merged);
    kind = BlockKind::kRun;
  }
  return MergeAtOnce(inputs, kind, group, first_seen, {}, on_row, on_state);
}

}  // namespace verdigris::verify
