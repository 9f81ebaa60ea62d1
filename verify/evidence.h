// Evidence: the distinct tuples (window, token) of one text, corpus or suspect, each once, with what was counted there
// and no key and no score (design.md section 3). Every test is a sum over its rows; merging is exact and does not depend
// on order, since rows of one tuple become one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "watermark/context.h"
#include "watermark/prf.h"

namespace verdigris::verify {

// Where a tuple was met first: record (a text's ordinal), then position in it.
struct Place {
  uint64_t record;
  uint32_t position;
  auto operator<=>(const Place&) const = default;
};

class Evidence {
 public:
  // Window width, 1 to 8.
  explicit Evidence(size_t h);

  size_t window() const { return h_; }
  size_t size() const { return places_.size(); }
  // Row i: h ids of window, oldest first, then the token.
  const uint32_t* window_of(size_t row) const { return keys_.data() + row * (h_ + 1); }
  uint32_t id_of(size_t row) const { return keys_[row * (h_ + 1) + h_]; }
  uint64_t occurrences(size_t row) const { return occurrences_[row]; }
  Place first_place(size_t row) const { return places_[row]; }

  // Adds the eligible positions of one text. `added`, if not null, gets for each position the row it founded, or kNone
  // where it is not eligible or its tuple was there before.
  // Precondition: states are those of ClassifyPositions for ids.
  static constexpr size_t kNone = ~size_t{0};
  void AddText(std::span<const uint32_t> ids, std::span<const PositionState> states, uint64_t record, std::vector<size_t>* added);

  // Rows of both: occurrences add up, the earlier place stands. Precondition: the same window width; records that are in
  // both are counted twice, so units must be disjoint.
  void Merge(const Evidence& other);

  // The row of the tuple at `key`, h + 1 ids: window, then token; kNone where there is none.
  size_t FindRow(const uint32_t* key) const;

  // Rows in the order of their first places: the order for statistics that have one.
  std::vector<size_t> InOrder() const;

 private:
  // Row of the tuple at `key` (h + 1 ids), founded if new.
  size_t RowOf(const uint32_t* key, bool* founded);
  // The slot that holds this tuple, or the free one where it would go. Precondition: the table has a free slot.
  size_t FindSlot(const uint32_t* key, bool* free) const;
  void Grow();

  size_t h_;
  uint64_t seed_;
  std::vector<uint32_t> keys_;
  std::vector<uint64_t> occurrences_;
  std::vector<Place> places_;
  std::vector<uint32_t> slots_;  // open addressing: 1 + row
};

}  // namespace verdigris::verify
