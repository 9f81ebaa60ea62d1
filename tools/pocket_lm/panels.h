// A matrix laid out for products with a few vectors, which is all that a language model does with its weights and keys.
#pragma once

#include <cstddef>
#include <vector>

namespace verdigris::pocket {

// Grows by rows. They lie in panels of kPanelRows, within a panel column by column. So a product reads memory from
// start to end, which is what limits it, and keeps the sums of a panel in registers.
class Panels {
 public:
  static constexpr size_t kPanelRows = 32;

  explicit Panels(size_t columns = 0) : columns_(columns) {}

  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }
  float at(size_t row, size_t column) const { return numbers_[Place(row) + column * kPanelRows]; }

  void Reserve(size_t rows) { numbers_.reserve((rows + kPanelRows - 1) / kPanelRows * kPanelRows * columns_); }
  void AppendRow(const float* row);
  void Clear();

  // The product with `count` vectors, of columns() numbers each, one after the other; so are the products, rows() each.
  // A number is the same sum in the same order, however many vectors there are.
  void Multiply(const float* vectors, size_t count, float* products) const;

 private:
  size_t Place(size_t row) const { return row / kPanelRows * kPanelRows * columns_ + row % kPanelRows; }

  size_t rows_ = 0;
  size_t columns_ = 0;
  std::vector<float> numbers_;  // whole panels
};

}  // namespace verdigris::pocket
