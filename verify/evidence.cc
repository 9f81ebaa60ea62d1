// Tuples sit in one flat array, h + 1 ids a row, behind an open-addressing table of row numbers, compared in full: a
// hash alone is no identity. The table's seed is random for each object, so nobody can prepare a corpus whose tuples
// collide; rows keep the order in which they were founded, so the seed changes no result.
//
// Tested by tests/verify/evidence_test.cc.
#include "verify/evidence.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>

namespace verdigris::verify {

Evidence::Evidence(size_t h) : h_(h), seed_(RandomTableSeed()) { assert(h >= 1 && h <= kMaxWindow); }

void Evidence::Grow() {
  slots_.assign(std::max<size_t>(64, 2 * slots_.size()), 0);
  for (size_t row = 0; row < size(); ++row) {
    bool founded = false;
    // Rows are distinct, so each finds a free slot.
    const size_t slot = FindSlot(keys_.data() + row * (h_ + 1), &founded);
    slots_[slot] = static_cast<uint32_t>(row + 1);
  }
}

size_t Evidence::FindSlot(const uint32_t* key, bool* free) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = static_cast<size_t>(HashIds(seed_, key, h_ + 1)) & mask;
  while (slots_[slot] != 0 &&
         std::memcmp(keys_.data() + (slots_[slot] - 1) * (h_ + 1), key, (h_ + 1) * sizeof *key) != 0) {
    slot = (slot + 1) & mask;
  }
  *free = slots_[slot] == 0;
  return slot;
}

size_t Evidence::RowOf(const uint32_t* key, bool* founded) {
  if (2 * (size() + 1) > slots_.size()) Grow();
  const size_t slot = FindSlot(key, founded);
  if (*founded) {
    keys_.insert(keys_.end(), key, key + h_ + 1);
    occurrences_.push_back(0);
    places_.push_back({});
    slots_[slot] = static_cast<uint32_t>(size());
  }
  return slots_[slot] - 1;
}

size_t Evidence::FindRow(const uint32_t* key) const {
  if (slots_.empty()) return kNone;
  bool free = false;
  const size_t slot = FindSlot(key, &free);
  return free ? kNone : slots_[slot] - 1;
}

void Evidence::AddText(std::span<const uint32_t> ids, std::span<const PositionState> states, uint64_t record,
                       std::vector<size_t>* added) {
  assert(ids.size() == states.size());
  if (added != nullptr) added->assign(ids.size(), kNone);
  for (size_t t = h_; t < ids.size(); ++t) {
    if (states[t] != PositionState::kEligible) continue;
    bool founded = false;
    const size_t row = RowOf(ids.data() + t - h_, &founded);
    ++occurrences_[row];
    const Place place{record, static_cast<uint32_t>(t)};
    if (founded || place < places_[row]) places_[row] = place;
    if (founded && added != nullptr) (*added)[t] = row;
  }
}

void Evidence::Merge(const Evidence& other) {
  assert(h_ == other.h_);
  for (size_t i = 0; i < other.size(); ++i) {
    bool founded = false;
    const size_t row = RowOf(other.window_of(i), &founded);
    occurrences_[row] += other.occurrences_[i];
    if (founded || other.places_[i] < places_[row]) places_[row] = other.places_[i];
  }
}

std::vector<size_t> Evidence::InOrder() const {
  std::vector<size_t> rows(size());
  std::iota(rows.begin(), rows.end(), size_t{0});
  std::sort(rows.begin(), rows.end(), [&](size_t a, size_t b) { return places_[a] < places_[b]; });
  return rows;
}

}  // namespace verdigris::verify
