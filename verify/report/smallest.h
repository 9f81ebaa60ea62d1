// The rows of least p of a stream that is longer than memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "verify/corpus/result_files.h"

namespace verdigris::verify {

// Keeps the `most` rows of least log10_p; of equal ones those that came first. Cost: O(log most) a row.
template <class Row>
class Smallest {
 public:
  explicit Smallest(size_t most) : most_(most) {}

  void Add(const Row& row) {
    ++seen_;
    if (most_ == 0) return;
    if (kept_.size() == most_) {
      if (!(row.log10_p < kept_.front().row.log10_p)) return;
      std::pop_heap(kept_.begin(), kept_.end(), Before);
      kept_.pop_back();
    }
    kept_.push_back({row, seen_});
    std::push_heap(kept_.begin(), kept_.end(), Before);
  }

  uint64_t seen() const { return seen_; }

  // Ascending in p; nothing is kept afterwards.
  std::vector<Row> Take() {
    std::sort_heap(kept_.begin(), kept_.end(), Before);
    std::vector<Row> rows;
    rows.reserve(kept_.size());
    for (Kept& kept : kept_) rows.push_back(std::move(kept.row));
    kept_.clear();
    return rows;
  }

 private:
  struct Kept {
    Row row;
    uint64_t place;
  };
  static bool Before(const Kept& a, const Kept& b) {
    return a.row.log10_p < b.row.log10_p || (a.row.log10_p == b.row.log10_p && a.place < b.place);
  }

  size_t most_;
  uint64_t seen_ = 0;
  std::vector<Kept> kept_;  // a heap, the largest in front
};

}  // namespace verdigris::verify
