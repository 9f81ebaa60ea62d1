// Windows over tokens, which positions count, and repeated contexts (native-schemes.md N5). One copy for marking and
// for scoring, so that both sides agree on every position.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "watermark/result.h"

namespace verdigris {

inline constexpr size_t kMostIds = size_t{1} << 31;      // of one text or history: positions are kept in 32 bits
inline constexpr uint32_t kIdLimit = uint32_t{1} << 24;  // no tokenizer has more; placeholders such as 0xFFFFFFFF lie above

struct IdRange {
  uint32_t first;
  uint32_t last;  // included
};

// Ids that are never marked and never scored: those listed, and all from the vocabulary size on.
class SpecialIds {
 public:
  // Precondition: ranges ascending, disjoint, below vocab (Profile checks it).
  SpecialIds(std::span<const IdRange> ranges, uint32_t vocab);

  bool Contains(uint32_t id) const { return id >= vocab_ || (bits_[id >> 6] >> (id & 63) & 1) != 0; }
  bool ContainsAny(const uint32_t* ids, size_t count) const {
    bool any = false;
    for (size_t i = 0; i < count; ++i) any |= Contains(ids[i]);
    return any;
  }
  // The same of a whole text: range by range, of many ids at once where ranges are few, as they are.
  bool ContainsAnyOf(std::span<const uint32_t> ids) const;
  std::span<const IdRange> ranges() const { return ranges_; }
  uint32_t vocab() const { return vocab_; }

 private:
  std::vector<IdRange> ranges_;
  std::vector<uint64_t> bits_;
  uint32_t vocab_;
};

// What became of a position of an answer while it was made (serving.md S2; the numbers are those of the C header).
enum class MarkState : int32_t { kMarked = 1, kOff = 2, kShort = 3, kSpecial = 4, kRepeated = 5, kNoChoice = 6 };

// What becomes of a position of a text when it is judged; the first that applies (keys-and-evidence.md E7).
enum class PositionState : uint8_t { kEligible, kShort, kSpecial, kRepeated };

enum class Rule { kTuple, kFirst };

// For tables keyed by sequences of ids: a random seed for each table, so that nobody can prepare ids that collide, and the
// hash. Neither enters a result. RandomTableSeed may throw std::bad_alloc.
uint64_t RandomTableSeed();
inline uint64_t HashIds(uint64_t seed, const uint32_t* ids, size_t count) {
  __extension__ using Product = unsigned __int128;
  uint64_t hash = seed;
  for (size_t i = 0; i < count; i += 2) {
    // Two ids a multiplication, by a number that nobody knows; both halves of the product count.
    const uint64_t pair = i + 1 < count ? uint64_t{ids[i + 1]} << 32 | ids[i] : ids[i];
    const Product product = static_cast<Product>(hash ^ pair) * (seed | 1);
    hash = static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
  }
  return hash;
}

// kInvalidArgument for an id >= 2^24: "output id 4294967295 at 17".
Result<void> CheckIds(std::span<const uint32_t> ids);

// The state of every position of one text. Under kFirst a position whose window occurred before in this text is
// kRepeated; under kTuple none is. `states` gets ids.size() entries. Cost: O(n), O(n) memory under kFirst.
void ClassifyPositions(std::span<const uint32_t> ids, size_t h, const SpecialIds& special, Rule rule,
                       std::vector<PositionState>& states);

// The same for one text after another, without allocation once the table is as large as the longest text needs. One user at
// a time.
class PositionClassifier {
 public:
  PositionClassifier() : seed_(RandomTableSeed()) {}

  void Classify(std::span<const uint32_t> ids, size_t h, const SpecialIds& special, Rule rule, std::vector<PositionState>& states);
  // Replaces `positions` by the eligible ones whose tuple was not met before in the text, ascending.
  // Precondition: states are those of Classify() for ids and rule; further positions may have been made ineligible, but then
  // every one of the same tuple.
  void FirstOfEachTuple(std::span<const uint32_t> ids, size_t h, Rule rule, std::span<const PositionState> states,
                        std::vector<uint32_t>& positions);

 private:
  // Open addressing: the end of a stretch, 0 where free. Texts of a usual length need half of the memory, which the nearest cache holds.
  template <class End>
  struct Set {
    std::vector<End> slots;
    size_t mask = 0;
  };
  // Calls `with` with a set for stretches of a text of so many ids, empty.
  template <class With>
  void WithSet(size_t ids, With&& with);
  // Whether the stretch of `width` ids that ends before ids[end] was not in the set; it is then. kWidth: as `width`, or 0.
  template <size_t kWidth, class End>
  bool Insert(Set<End>& set, const uint32_t* ids, size_t end, size_t width) const;

  uint64_t seed_;
  Set<uint16_t> small_;
  Set<uint32_t> large_;
};

// Whether the next position's window equals that of an earlier position (h or later) of the output.
// Precondition: output.size() >= h. Cost: O(n), no memory.
bool WindowIsRepeated(std::span<const uint32_t> output, size_t h);

// The windows of one sequence, for callers that would otherwise pay WindowIsRepeated's O(n) for each token. One user at
// a time. Cost: O(1) an id, at most 32 bytes an id.
class History {
 public:
  // 1 <= h <= 8.
  explicit History(size_t h);

  size_t window() const { return h_; }
  size_t length() const { return ids_.size(); }
  std::span<const uint32_t> ids() const { return ids_; }

  // Precondition: ids pass CheckIds. Strong guarantee: bad_alloc leaves the history as it was.
  void Push(std::span<const uint32_t> ids);
  // Back to the first n ids. Precondition: n <= length().
  void Truncate(size_t n);

  enum class NextState : uint8_t { kNew = 1, kRepeated = 2, kShort = 3 };
  // State of the next position.
  NextState Next() const;
  // States and windows of the next position and of those after each draft id: draft.size() + 1 entries, and as many
  // times h ids (zeros where short). The history is the same afterwards.
  void Peek(std::span<const uint32_t> draft, uint32_t* windows, NextState* states);

 private:
  const uint32_t* WindowOf(size_t position) const { return ids_.data() + position - h_; }
  size_t FindSlot(const uint32_t* window) const;
  void Insert(size_t position);
  void Grow();

  size_t h_;
  uint64_t seed_;
  std::vector<uint32_t> ids_;
  std::vector<uint32_t> slots_;  // open addressing: 1 + first position of a window, 0 where free
  size_t used_ = 0;
};

}  // namespace verdigris
