// One row of logits as an engine has it (type, stride, candidate ids), and the passes over it that every scheme shares.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "watermark/context.h"
#include "watermark/result.h"

namespace verdigris {

enum class LogitType : int32_t { kF32 = 1, kF16 = 2, kBf16 = 3, kF64 = 64 };  // kF64: C++ only

size_t SizeOf(LogitType type);

// Candidates of one draw. Entry i is id ids[i], or id i where ids is null; -inf entries are absent.
struct Row {
  LogitType type = LogitType::kF32;
  void* logits = nullptr;
  size_t count = 0;
  size_t logit_stride = 0;  // bytes; 0: packed
  const void* ids = nullptr;  // uint32_t each, or null
  size_t id_stride = 0;     // bytes; 0: packed
};

// The word of one entry of a row.
struct WordAt {
  uint32_t index;
  uint32_t word;
};

// Buffers of one marking call; kept and reused by the marker, so that a warm call allocates nothing.
struct Workspace {
  std::vector<float> logits;
  std::vector<uint32_t> ids;
  std::vector<uint8_t> bits;
  std::vector<IdRange> special;
  std::vector<uint64_t> seen;  // a bit for each candidate id; all clear between two calls
  std::vector<uint32_t> above;
  std::vector<double> weights;
  std::vector<double> marked_weights;
  std::vector<uint32_t> words;
  std::vector<WordAt> draws;
};

// A packed row ready to be marked.
template <class Real>
struct RowView {
  Real* logits;
  const uint32_t* ids;             // null: index is id
  size_t count;
  Real max;                        // of the finite entries
  size_t finite;                   // entries above -inf
  std::span<const IdRange> special;  // ranges of indices (not ids) that hold special ids, ascending
};

// Stride smaller than the type, count 0, null pointers: kInvalidArgument.
Result<void> CheckRow(const Row& row);

// Values as binary32 (exact for the narrower types) to a packed array, and back with rounding to nearest even.
void LoadLogits(const Row& row, float* out);
void StoreLogits(const float* values, const Row& row);
// Ids of a candidate list to a packed array. Errors: kInvalidArgument where an id stands twice.
Result<void> LoadIds(const Row& row, Workspace& workspace);

// Largest entry and number of finite ones. Errors: kInvalidArgument for NaN, +inf or no finite entry.
template <class Real>
struct RowScan {
  Real max;
  size_t finite;
};
template <class Real>
Result<RowScan<Real>> ScanRow(const Real* logits, size_t count);

// Index ranges of a row that hold special ids. `ids` null: index is id.
void FindSpecial(const SpecialIds& special, const uint32_t* ids, size_t count, std::vector<IdRange>& out);

// Clears the bits of index ranges.
void ClearBits(std::span<const IdRange> ranges, uint8_t* bits);

// logits[i] += amount where bit i is set, in binary32; other entries keep every bit.
void AddWhere(const uint8_t* bits, size_t count, float amount, float* logits);

// out[i] = exp(values[i] - max) in binary64, to about one unit in the last place, and 0 where that is below e^-700, which
// is no mass and would be slow to work with. No value is above max. Gives the sum.
template <class Real>
double ExpDifferences(const Real* values, size_t count, double max, double* out);

// What both are on a processor without AVX, for a test that the bits are the same.
void AddWhereOnAny(const uint8_t* bits, size_t count, float amount, float* logits);
template <class Real>
double ExpDifferencesOnAny(const Real* values, size_t count, double max, double* out);

// Sums of exp(logit - max) over the row, in binary64.
struct Sums {
  double all = 0;
  double chosen = 0;   // where bit i is set
  double special = 0;  // in the special ranges
};
template <class Real>
Sums SumExp(const RowView<Real>& row, const uint8_t* bits);

// Weights exp(logit - max) of the entries that a mark may move, as ExpDifferences gives them: 0 where an entry is absent
// or special.
struct Weights {
  double markable = 0;  // sum of the weights
  double special = 0;   // what special ids have beside it

  double all() const { return markable + special; }
  double markable_share() const { return markable / all(); }
  double special_share() const { return special / all(); }
};
template <class Real>
Weights Weigh(const RowView<Real>& row, double* weights);

// Calls markable(first, end) and special(first, end) for the stretches of a row, in turn and in order.
template <class Real, class Markable, class Special>
void ForEachStretch(const RowView<Real>& row, Markable&& markable, Special&& special) {
  size_t next = 0;
  for (const IdRange& range : row.special) {
    if (next < range.first) markable(next, size_t{range.first});
    next = size_t{range.last} + 1;
    special(size_t{range.first}, next);
  }
  if (next < row.count) markable(next, row.count);
}

// logits[i] += amount over the whole row, formed in binary64.
template <class Real>
void Shift(const RowView<Real>& row, double amount);

// logits[i] += (bit i ? chosen : other), the sum formed in binary64; special ranges get `special` instead.
template <class Real>
void ShiftWhere(const RowView<Real>& row, const uint8_t* bits, double chosen, double other, double special);

}  // namespace verdigris
