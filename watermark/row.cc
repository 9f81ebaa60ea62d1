// The passes go over eight entries a byte of mask, as vectors of eight lanes with values from small tables. The vector
// types are those of GCC and Clang, which split them into what the processor has, so nothing here is built for one
// processor and nothing needs fast-math. Exponentials are Eigen's, in binary64 and in blocks that stay in the
// first-level cache.
//
// Tested by tests/watermark/marker_test.cc and row_test.cc (native.json `biases`, `marks`).
#include "watermark/row.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <optional>
#include <type_traits>

#include <Eigen/Core>

namespace verdigris {
namespace {

constexpr size_t kLanes = 8;    // entries a byte of mask
constexpr size_t kBlock = 512;  // entries a block of exponentials: 4 KB of binary64

template <class Real>
struct VectorOf {
  using Values [[gnu::vector_size(kLanes * sizeof(Real))]] = Real;
};
template <class Real>
using Vector = typename VectorOf<Real>::Values;

// The smallest vectors there are, for code with comparisons, which GCC takes apart lane by lane when it splits them. A
// comparison gives -1 in the lanes where it holds.
template <class Real>
struct ShortVectorOf {
  using Integer = std::conditional_t<sizeof(Real) == 4, int32_t, int64_t>;
  static constexpr size_t kSize = 16 / sizeof(Real);
  using Values [[gnu::vector_size(16)]] = Real;
  using Counts [[gnu::vector_size(16)]] = Integer;
};

// For each byte of mask, `set` or `clear` in the lane of each bit.
template <class Real>
struct LaneTable {
  alignas(64) std::array<std::array<Real, kLanes>, 256> lanes;
  LaneTable(Real set, Real clear) {
    for (size_t byte = 0; byte < 256; ++byte) {
      for (size_t j = 0; j < kLanes; ++j) lanes[byte][j] = byte >> j & 1 ? set : clear;
    }
  }
  void Load(uint8_t byte, Vector<Real>& out) const { std::memcpy(&out, lanes[byte].data(), sizeof out); }
};

// Below so many entries a table costs more to fill than it saves: a candidate list has a few hundred.
constexpr size_t kMinTableRow = 1024;

template <class To, class From>
To BitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <class Stored>
void Load(const Row& row, float* out) {
  const auto* base = static_cast<const char*>(row.logits);
  const size_t stride = row.logit_stride ? row.logit_stride : sizeof(Stored);
  for (size_t i = 0; i < row.count; ++i) {
    Stored value;
    std::memcpy(&value, base + i * stride, sizeof value);
    out[i] = static_cast<float>(value);
  }
}

template <class Stored>
void Store(const float* values, const Row& row) {
  auto* base = static_cast<char*>(row.logits);
  const size_t stride = row.logit_stride ? row.logit_stride : sizeof(Stored);
  for (size_t i = 0; i < row.count; ++i) {
    const Stored value(values[i]);
    std::memcpy(base + i * stride, &value, sizeof value);
  }
}

bool Bit(const uint8_t* bits, size_t i) { return bits[i >> 3] >> (i & 7) & 1; }

}  // namespace

size_t SizeOf(LogitType type) {
  switch (type) {
    case LogitType::kF64: return 8;
    case LogitType::kF32: return 4;
    case LogitType::kF16:
    case LogitType::kBf16: return 2;
  }
  return 0;
}

Result<void> CheckRow(const Row& row) {
  const size_t size = SizeOf(row.type);
  if (size == 0) return Fail(ErrorKind::kInvalidArgument, "logit type " + std::to_string(static_cast<int>(row.type)) + " is unknown");
  if (row.logits == nullptr) return Fail(ErrorKind::kInvalidArgument, "logits is null");
  if (row.count == 0) return Fail(ErrorKind::kInvalidArgument, "count must be at least 1, got 0");
  if (row.logit_stride != 0 && row.logit_stride < size) {
    return Fail(ErrorKind::kInvalidArgument, "logit stride must be at least " + std::to_string(size) + ", got " + std::to_string(row.logit_stride));
  }
  if (row.id_stride != 0 && row.id_stride < sizeof(uint32_t)) {
    return Fail(ErrorKind::kInvalidArgument, "id stride must be at least 4, got " + std::to_string(row.id_stride));
  }
  // Index ranges are 32 bits wide, and no vocabulary comes near.
  if (row.count > (size_t{1} << 31)) return Fail(ErrorKind::kInvalidArgument, "count must be at most 2^31, got " + std::to_string(row.count));
  return {};
}

void LoadLogits(const Row& row, float* out) {
  switch (row.type) {
    case LogitType::kF32: return Load<float>(row, out);
    case LogitType::kF16: return Load<Eigen::half>(row, out);
    case LogitType::kBf16: return Load<Eigen::bfloat16>(row, out);
    case LogitType::kF64: break;
  }
  assert(false);
}

void StoreLogits(const float* values, const Row& row) {
  switch (row.type) {
    case LogitType::kF32: return Store<float>(values, row);
    case LogitType::kF16: return Store<Eigen::half>(values, row);
    case LogitType::kBf16: return Store<Eigen::bfloat16>(values, row);
    case LogitType::kF64: break;
  }
  assert(false);
}

Result<void> LoadIds(const Row& row, Workspace& workspace) {
  const auto* base = static_cast<const char*>(row.ids);
  const size_t stride = row.id_stride ? row.id_stride : sizeof(uint32_t);
  workspace.ids.resize(row.count);
  // Open addressing over 1 + index, at most half full.
  size_t capacity = 16;
  while (capacity < 2 * row.count) capacity *= 2;
  workspace.seen.assign(capacity, 0);
  for (size_t i = 0; i < row.count; ++i) {
    uint32_t id;
    std::memcpy(&id, base + i * stride, sizeof id);
    workspace.ids[i] = id;
    size_t slot = (id * uint64_t{0x9E3779B97F4A7C15} >> 32) & (capacity - 1);
    for (; workspace.seen[slot] != 0; slot = (slot + 1) & (capacity - 1)) {
      if (workspace.ids[workspace.seen[slot] - 1] == id) {
        return Fail(ErrorKind::kInvalidArgument, "candidate id " + std::to_string(id) + " stands twice, at " +
                                                     std::to_string(workspace.seen[slot] - 1) + " and " + std::to_string(i));
      }
    }
    workspace.seen[slot] = static_cast<uint32_t>(i + 1);
  }
  return {};
}

template <class Real>
Result<RowScan<Real>> ScanRow(const Real* logits, size_t count) {
  constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
  using Short = ShortVectorOf<Real>;
  const typename Short::Values lowest = typename Short::Values{} - kInfinity;
  typename Short::Values max = lowest;
  typename Short::Counts finite{}, ordered{};  // minus the number of entries above -inf, and of those that are no NaN
  const auto take = [&](const Real* entries) {
    typename Short::Values value;
    std::memcpy(&value, entries, sizeof value);
    max = value > max ? value : max;
    finite += value > lowest;
    ordered += value == value;
  };
  size_t i = 0;
  for (; i + Short::kSize <= count; i += Short::kSize) take(logits + i);
  if (i < count) {
    Real rest[Short::kSize];
    std::fill(std::copy(logits + i, logits + count, rest), rest + Short::kSize, -kInfinity);
    take(rest);
    i += Short::kSize;
  }
  RowScan<Real> scan{-kInfinity, 0};
  size_t numbers = 0;
  for (size_t j = 0; j < Short::kSize; ++j) {
    scan.max = std::max(scan.max, max[j]);
    scan.finite += static_cast<size_t>(-finite[j]);
    numbers += static_cast<size_t>(-ordered[j]);
  }
  if (numbers != i) return Fail(ErrorKind::kInvalidArgument, "a logit is NaN");
  if (scan.max == kInfinity) return Fail(ErrorKind::kInvalidArgument, "a logit is +inf");
  if (scan.finite == 0) return Fail(ErrorKind::kInvalidArgument, "no logit is finite");
  return scan;
}
template Result<RowScan<float>> ScanRow(const float*, size_t);
template Result<RowScan<double>> ScanRow(const double*, size_t);

void FindSpecial(const SpecialIds& special, const uint32_t* ids, size_t count, std::vector<IdRange>& out) {
  out.clear();
  if (ids == nullptr) {
    const auto end = static_cast<uint32_t>(count);
    for (const IdRange& range : special.ranges()) {
      if (range.first >= end) return;
      out.push_back({range.first, std::min(range.last, end - 1)});
    }
    if (end > special.vocab()) out.push_back({special.vocab(), end - 1});
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    if (special.Contains(ids[i])) out.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(i)});
  }
}

void ClearBits(std::span<const IdRange> ranges, uint8_t* bits) {
  for (const IdRange& range : ranges) {
    for (size_t i = range.first; i <= range.last;) {
      if ((i & 7) == 0 && i + 7 <= range.last) {
        bits[i >> 3] = 0;
        i += 8;
      } else {
        bits[i >> 3] = static_cast<uint8_t>(bits[i >> 3] & ~(1u << (i & 7)));
        ++i;
      }
    }
  }
}

void AddWhere(const uint8_t* bits, size_t count, float amount, float* logits) {
  // x + -0.0 is x to the bit, also for x = -0.0; x + 0.0 is not.
  std::optional<LaneTable<float>> table;
  if (count >= kMinTableRow) table.emplace(amount, -0.0f);
  size_t i = 0;
  for (; table && i + kLanes <= count; i += kLanes) {
    Vector<float> bonus, value;
    table->Load(bits[i >> 3], bonus);
    std::memcpy(&value, logits + i, sizeof value);
    value += bonus;
    std::memcpy(logits + i, &value, sizeof value);
  }
  for (; i < count; ++i) logits[i] += Bit(bits, i) ? amount : -0.0f;
}

template <class Real>
Sums SumExp(const RowView<Real>& row, const uint8_t* bits) {
  static const LaneTable<double> kChosen(1.0, 0.0);
  using Block = Eigen::Array<double, kBlock, 1>;
  const double max = row.max;
  Sums sums;
  Vector<double> chosen{};
  Block e;
  for (size_t start = 0; start < row.count; start += kBlock) {
    const size_t size = std::min(kBlock, row.count - start);
    const auto entries = static_cast<Eigen::Index>(size);
    const Eigen::Map<const Eigen::Array<Real, Eigen::Dynamic, 1>> in(row.logits + start, entries);
    if (row.finite == row.count) {
      e.head(entries) = (in.template cast<double>() - max).exp();
    } else {
      // Absent entries would give denormal numbers, which are slow; e^-700 is no mass either.
      e.head(entries) = (in.template cast<double>() - max).max(-700.0).exp();
    }
    sums.all += e.head(entries).sum();
    for (size_t i = size; i % kLanes != 0; ++i) e[static_cast<Eigen::Index>(i)] = 0;
    for (size_t i = 0; i < size; i += kLanes) {
      Vector<double> values, lanes;
      std::memcpy(&values, e.data() + i, sizeof values);
      kChosen.Load(bits[(start + i) >> 3], lanes);
      chosen += values * lanes;
    }
  }
  for (size_t j = 0; j < kLanes; ++j) sums.chosen += chosen[j];
  for (const IdRange& range : row.special) {
    for (size_t i = range.first; i <= range.last; ++i) sums.special += std::exp(static_cast<double>(row.logits[i]) - max);
  }
  return sums;
}
template Sums SumExp(const RowView<float>&, const uint8_t*);
template Sums SumExp(const RowView<double>&, const uint8_t*);

template <class Real>
Weights Weigh(const RowView<Real>& row, double* weights) {
  using Short = ShortVectorOf<double>;
  constexpr double kLeast = 1e-304;  // e^-700 is 0.986e-304
  constexpr size_t kAtOnce = 4 * Short::kSize;
  const double max = row.max;
  Weights sums;
  auto special = row.special.begin();
  size_t special_done = 0;  // entries of row.special before this index are behind us
  for (size_t start = 0; start < row.count; start += kBlock) {
    const size_t size = std::min(kBlock, row.count - start), end = start + size;
    const auto entries = static_cast<Eigen::Index>(size);
    const Eigen::Map<const Eigen::Array<Real, Eigen::Dynamic, 1>> in(row.logits + start, entries);
    Eigen::Map<Eigen::ArrayXd> out(weights + start, entries);
    out = (in.template cast<double>() - max).max(-700.0).exp();
    for (; special != row.special.end() && special->first < end; ++special) {
      size_t i = std::max<size_t>(special->first, special_done);
      for (; i <= special->last && i < end; ++i) {
        if (weights[i] > kLeast) sums.special += weights[i];
        weights[i] = 0;
      }
      special_done = i;
      if (special->last >= end) break;  // goes on in the next block
    }
    Short::Values sum[4] = {};
    size_t i = start;
    for (; i + kAtOnce <= end; i += kAtOnce) {
      for (size_t j = 0; j < 4; ++j) {
        Short::Values value;
        std::memcpy(&value, weights + i + j * Short::kSize, sizeof value);
        value = value > kLeast ? value : Short::Values{};
        std::memcpy(weights + i + j * Short::kSize, &value, sizeof value);
        sum[j] += value;
      }
    }
    sum[0] += sum[1] + (sum[2] + sum[3]);
    double block = sum[0][0] + sum[0][1];
    for (; i < end; ++i) block += weights[i] = weights[i] > kLeast ? weights[i] : 0;
    sums.markable += block;
  }
  return sums;
}
template Weights Weigh(const RowView<float>&, double*);
template Weights Weigh(const RowView<double>&, double*);

template <class Real>
void Shift(const RowView<Real>& row, double amount) {
  for (size_t i = 0; i < row.count; ++i) row.logits[i] = static_cast<Real>(row.logits[i] + amount);
}
template void Shift(const RowView<float>&, double);
template void Shift(const RowView<double>&, double);

template <class Real>
void ShiftWhere(const RowView<Real>& row, const uint8_t* bits, double chosen, double other, double special) {
  std::optional<LaneTable<double>> table;
  if (row.count >= kMinTableRow) table.emplace(chosen, other);
  Real* logits = row.logits;
  const auto shift = [&](size_t first, size_t last_excluded) {
    size_t i = first;
    for (; i < last_excluded && (i & 7) != 0; ++i) logits[i] = static_cast<Real>(logits[i] + (Bit(bits, i) ? chosen : other));
    for (; table && i + kLanes <= last_excluded; i += kLanes) {
      Vector<Real> value;
      Vector<double> sum;
      std::memcpy(&value, logits + i, sizeof value);
      table->Load(bits[i >> 3], sum);
      sum += __builtin_convertvector(value, Vector<double>);
      value = __builtin_convertvector(sum, Vector<Real>);
      std::memcpy(logits + i, &value, sizeof value);
    }
    for (; i < last_excluded; ++i) logits[i] = static_cast<Real>(logits[i] + (Bit(bits, i) ? chosen : other));
  };
  size_t next = 0;
  for (const IdRange& range : row.special) {
    shift(next, range.first);
    for (size_t i = range.first; i <= range.last; ++i) logits[i] = static_cast<Real>(logits[i] + special);
    next = size_t{range.last} + 1;
  }
  shift(next, row.count);
}
template void ShiftWhere(const RowView<float>&, const uint8_t*, double, double, double);
template void ShiftWhere(const RowView<double>&, const uint8_t*, double, double, double);

}  // namespace verdigris
