// Evidence of a suspect model: for each window w and id v, how often and with what probability the suspect, and models that
// never saw the mark, put v after w. No key and no score (suspect-models.md M3).
//
// Probabilities are integers in units of 2^-32, so sums are exact and the rows do not depend on how the records were
// divided among units, threads or machines.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "watermark/context.h"
#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr uint64_t kProbabilityOne = uint64_t{1} << 32;
inline constexpr size_t kMaxReferences = 3;

// floor(2^32 min(1, e^lp) + 1/2), binary64. lp is not NaN.
uint64_t FixedProbability(double ln_p);

struct ListEntry {
  uint32_t id;
  uint64_t probability;  // at most kProbabilityOne
  bool operator==(const ListEntry&) const = default;
};

// The k best of `entries` (ties: smallest id), and, if the suspect itself sampled `sampled`, that one too. For a given text
// the actual id must not be kept beyond the k best: which one it is depends on the key.
std::vector<ListEntry> KeepTopK(std::span<const std::pair<uint32_t, double>> ids_and_ln_p, size_t k, std::optional<uint32_t> sampled);

// One list for each position of a record's output; a list may be empty: none was given there.
class Lists {
 public:
  // Keeps it ascending by id. Equal ids add up, to kProbabilityOne at most.
  void Add(std::span<const ListEntry> list);
  void Clear() {
    entries_.clear();
    ends_.clear();
  }
  size_t size() const { return ends_.size(); }
  std::span<const ListEntry> operator[](size_t i) const {
    const size_t start = i == 0 ? 0 : ends_[i - 1];
    return {entries_.data() + start, ends_[i] - start};
  }

 private:
  std::vector<ListEntry> entries_;
  std::vector<size_t> ends_;
};

// What the suspect did with one prompt, or was shown.
struct SuspectRecord {
  std::span<const uint32_t> prompt, output;
  const Lists* suspect = nullptr;                     // null: answers without lists
  std::array<const Lists*, kMaxReferences> references{};  // the first m are set
};

enum class Showing {
  kClosed,   // the suspect wrote the output
  kReading,  // it was shown the output, and `suspect` is what it predicted at each position
};

// First encounter of a window: ordinal of the unit, then a position that counts on through the unit.
struct FirstPlace {
  uint64_t unit = 0;
  uint32_t position = 0;
  auto operator<=>(const FirstPlace&) const = default;
};

class SuspectEvidence {
 public:
  struct Options {
    size_t window = 2;       // 1 to 8
    size_t references = 0;   // at most kMaxReferences
    Showing showing = Showing::kClosed;
    uint64_t memory_bytes = uint64_t{2} << 30;  // beyond it, windows are sampled
    Digest sample_seed{};    // the plan's digest: settles which windows a sample keeps
  };
  static constexpr uint64_t kRowBytes = 96;  // most that a row takes, its share of its window included

  // Precondition: options as above.
  SuspectEvidence(const Options& options, SpecialIds special);

  // Adds one unit. Precondition: ordinals of units are distinct; a record has as many lists as output ids, and the first
  // options.references references set.
  // Closed: count marks the answered id; windows of the record's own prompt are left out. Reading: count marks the
  // suspect's most probable id (ties: smallest); a window that was shown before, in a prompt or in any text, is used up.
  // Where there is a list, references count at its ids and, closed, at the answered id; where there is none, at all theirs.
  // Errors   kInvalidArgument: an id >= 2^24, a probability above 1, a unit with 2^32 positions; the unit is then not added.
  Result<void> AddUnit(uint64_t ordinal, std::span<const SuspectRecord> records);

  // Rows of both; in any order and grouping the same. Precondition: the same options, no unit in both.
  void Merge(const SuspectEvidence& other);

  const Options& options() const { return options_; }
  const SpecialIds& special() const { return special_; }

  size_t windows() const { return window_n_.size(); }
  size_t rows() const { return row_window_.size(); }
  // Window i: h ids, oldest first; positions counted there; where it was met first.
  const uint32_t* window(size_t i) const { return window_ids_.data() + i * options_.window; }
  uint64_t positions(size_t i) const { return window_n_[i]; }
  FirstPlace first(size_t i) const { return {window_unit_[i], window_position_[i]}; }
  // Row r: the window it belongs to, its id, its sums over all positions of the window, and those of the first encounter.
  uint32_t window_of(size_t r) const { return row_window_[r]; }
  uint32_t id(size_t r) const { return row_id_[r]; }
  uint64_t count(size_t r) const { return count_[r]; }
  uint64_t suspect(size_t r) const { return suspect_[r]; }
  uint64_t reference(size_t k, size_t r) const { return references_[k][r]; }
  uint64_t first_count(size_t r) const { return first_bits_[r] & 1; }
  uint64_t first_suspect(size_t r) const { return First(r, 0); }
  uint64_t first_reference(size_t k, size_t r) const { return First(r, k + 1); }
  // Whether window i occurs in the prompt of any record: `strict` leaves it out (statistics.md 3.3).
  bool in_prompt(size_t i) const { return window_in_prompt_[i] != 0; }

  // Share of all windows that are kept, 1 unless memory ran out: a power of 1/2.
  double share() const;

  // Rows in the order of their windows (as lists of numbers), then of their ids: the order of coefficient files.
  std::vector<uint32_t> Sorted() const;
  // Rows in the order of first encounter of their windows, then of their ids: the order of sequential tests.
  std::vector<uint32_t> InOrder() const;

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  using Probabilities = std::array<uint64_t, 1 + kMaxReferences>;  // the suspect's, then the references'

  uint32_t WindowAt(const uint32_t* ids);  // founded if new; kNone where the sample leaves it out
  uint32_t RowAt(uint32_t window, uint32_t id);
  size_t WindowSlot(const uint32_t* ids) const;
  size_t RowSlot(uint32_t window, uint32_t id) const;
  bool Sampled(const uint32_t* ids) const;
  // Makes `place` the first encounter of a window if none was earlier; what the former one left is cleared.
  bool Meet(uint32_t window, FirstPlace place);
  void AddPosition(const uint32_t* window_ids, FirstPlace place, const SuspectRecord& record, size_t t);
  void AddRow(uint32_t window, uint32_t id, bool hit, const Probabilities& probabilities, bool first);
  uint64_t First(size_t r, size_t j) const { return (first_bits_[r] >> (j + 1) & 1) != 0 ? kProbabilityOne : first_[j].empty() ? 0 : first_[j][r]; }
  void SetFirst(size_t r, bool hit, const Probabilities& probabilities);
  void KeepWithinMemory();
  void GrowWindowSlots();
  void GrowRowSlots();
  void Halve();

  Options options_;
  SpecialIds special_;
  uint64_t seed_;
  int halvings_ = 0;  // windows whose sample hash is below 2^(64 - halvings_) are kept

  std::vector<uint32_t> window_ids_;
  std::vector<uint64_t> window_n_, window_unit_;
  std::vector<uint32_t> window_position_;
  std::vector<uint32_t> window_last_row_;  // its rows are a chain through row_previous_
  std::vector<uint8_t> window_in_prompt_;
  std::vector<uint32_t> window_slots_;  // open addressing: 1 + window
  size_t bare_windows_ = 0;             // without rows

  std::vector<uint32_t> row_window_, row_id_, row_previous_;
  std::vector<uint64_t> count_, suspect_;
  std::array<std::vector<uint64_t>, kMaxReferences> references_;
  // Of the first encounter: bit 0 the count; bit 1 + j says that probability j is 1, which 32 bits would not hold.
  std::vector<uint8_t> first_bits_;
  std::array<std::vector<uint32_t>, 1 + kMaxReferences> first_;  // the suspect's, then the references'
  std::vector<uint32_t> row_slots_;  // open addressing: 1 + row

  std::vector<uint32_t> prompt_windows_;                     // scratch: those of one record
  std::vector<std::pair<uint32_t, Probabilities>> position_;  // scratch: the ids of one position
};

}  // namespace verdigris::verify
