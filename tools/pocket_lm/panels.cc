// Why not Eigen's own product. One text is written a token at a time, so each weight is read for one multiplication and
// memory decides. Eigen walks several rows at once, short stretches that the processor does not foresee; read in order,
// the same bytes came twice as fast (4096 x 128 out of main memory: 174 us against 346). Eigen's products of matrices
// also add in another order than those with vectors, so logits would depend on how a caller divides a text into calls.
//
// Several vectors take their turn at one panel while the panel is in the first cache. Tested by
// tests/tools/pocket_lm_test.cc, speed by tests/bench/pocket_lm_bench.cc.
#include "tools/pocket_lm/panels.h"

#include <algorithm>

#include <Eigen/Core>

namespace verdigris::pocket {
namespace {

// In floats. The processor's own prefetching stops where a page ends; asking for what lies a page ahead was worth a
// factor of 1.7 for 6 MB, the size of the committed model. An address beyond the end is harmless.
constexpr size_t kCacheLine = 16;
constexpr size_t kAhead = 1024;

}  // namespace

void Panels::AppendRow(const float* row) {
  if (rows_ % kPanelRows == 0) numbers_.resize(numbers_.size() + kPanelRows * columns_);
  float* place = numbers_.data() + Place(rows_);
  for (size_t column = 0; column < columns_; ++column) place[column * kPanelRows] = row[column];
  ++rows_;
}

void Panels::Clear() {
  rows_ = 0;
  numbers_.clear();
}

void Panels::Multiply(const float* vectors, size_t count, float* products) const {
  using Sums = Eigen::Array<float, kPanelRows, 1>;
  for (size_t row = 0; row < rows_; row += kPanelRows) {
    for (size_t i = 0; i < count; ++i) {
      const float* panel = numbers_.data() + row * columns_;
      const float* vector = vectors + i * columns_;
      Sums sums = Sums::Zero();
      for (size_t column = 0; column < columns_; ++column, panel += kPanelRows) {
        for (size_t line = 0; line < kPanelRows; line += kCacheLine) __builtin_prefetch(panel + kAhead + line);
        sums += Eigen::Map<const Sums>(panel) * vector[column];
      }
      std::copy_n(sums.data(), std::min(kPanelRows, rows_ - row), products + i * rows_ + row);
    }
  }
}

}  // namespace verdigris::pocket
