// The passes go over eight entries a byte of mask, as vectors of eight lanes with values from small tables. The vector
// types are those of GCC and Clang, which split them into what the processor has, and nothing needs fast-math. The busiest
// passes are there a second time for AVX2 (wide.h): the same operations in the same order, so the same bits.
// Exponentials are binary64, in blocks that stay in the first-level cache, and our own: they know that no argument is above
// 0, and are several times as fast as Eigen's or the C library's.
//
// Tested by tests/watermark/row_test.cc and marker_test.cc (native.json `biases`, `marks`).
#include "watermark/row.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <iterator>
#include <optional>
#include <type_traits>

#include <Eigen/Core>

#include "watermark/wide.h"

#ifdef VERDIGRIS_AVX512
#include <immintrin.h>
#endif

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

// Vectors of the processor's own size in bytes, for code with comparisons, which GCC takes apart lane by lane when it splits
// them. A comparison gives -1 in the lanes where it holds.
template <class Real, size_t kBytes>
struct ShortVectorOf {
  using Integer = std::conditional_t<sizeof(Real) == 4, int32_t, int64_t>;
  static constexpr size_t kSize = kBytes / sizeof(Real);
  using Values [[gnu::vector_size(kBytes)]] = Real;
  using Counts [[gnu::vector_size(kBytes)]] = Integer;
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

// 2^(j/64) for j of 0..63, as bits less those that adding j << 46 puts on.
constexpr size_t kPowerBits = 6, kPowers = size_t{1} << kPowerBits;
constexpr int kExponentShift = 52 - static_cast<int>(kPowerBits);
struct PowerTable {
  std::array<int64_t, kPowers> bits;
  PowerTable() {
    for (size_t j = 0; j < kPowers; ++j) {
      bits[j] = BitCast<int64_t>(std::exp2(static_cast<double>(j) / kPowers)) - (static_cast<int64_t>(j) << kExponentShift);
    }
  }
};

constexpr size_t kExpVectors = 4;

// exp(x) where -700 < x <= 0, and 0 below, to about one unit in the last place. x = n (ln 2)/64 + r with |r| at most
// (ln 2)/128; exp(r) is Taylor's series to r^5/120, whose rest is below 2^-54, and 2^(n/64) comes from the table and the
// exponent's bits. ln 2 is in two parts (fdlibm's), so that n (ln 2)/64 is exact. Step by step for several vectors at once:
// the chain of operations is long, and each step of one fills the gaps of another.
template <size_t kBytes>
[[gnu::always_inline]] inline void ExpOrZero(typename ShortVectorOf<double, kBytes>::Values (&x)[kExpVectors], const PowerTable& powers) {
  using Doubles = typename ShortVectorOf<double, kBytes>::Values;
  using Integers = typename ShortVectorOf<double, kBytes>::Counts;
  constexpr double kLowest = -700;     // e^-700 is no mass, and numbers below 2^-1022 would be slow
  constexpr double kRound = 0x1.8p52;  // adding it leaves an integer in the low bits
  constexpr double kSteps = kPowers;
  Doubles r[kExpVectors], n[kExpVectors], r2[kExpVectors], scale[kExpVectors], high[kExpVectors], low[kExpVectors];
  const auto each = [](auto&& step) __attribute__((always_inline)) {
    for (size_t j = 0; j < kExpVectors; ++j) step(j);
  };
  each([&](size_t j) __attribute__((always_inline)) { r[j] = x[j] > kLowest ? x[j] : Doubles{} + kLowest; });
  each([&](size_t j) __attribute__((always_inline)) { n[j] = r[j] * (1.44269504088896338700 * kSteps) + kRound; });
  each([&](size_t j) __attribute__((always_inline)) {
    Integers bits;
    std::memcpy(&bits, &n[j], sizeof bits);
    const auto of = [&](size_t lane) __attribute__((always_inline)) { return powers.bits[static_cast<size_t>(bits[lane]) % kPowers]; };
    Integers power;
    if constexpr (kBytes == 16) {
      power = Integers{of(0), of(1)};
    } else {
      power = Integers{of(0), of(1), of(2), of(3)};
    }
    power += bits << kExponentShift;
    std::memcpy(&scale[j], &power, sizeof power);
  });
  each([&](size_t j) __attribute__((always_inline)) { n[j] -= kRound; });
  each([&](size_t j) __attribute__((always_inline)) { r[j] -= n[j] * (6.93147180369123816490e-01 / kSteps); });
  each([&](size_t j) __attribute__((always_inline)) { r[j] -= n[j] * (1.90821492927058770002e-10 / kSteps); });
  each([&](size_t j) __attribute__((always_inline)) { r2[j] = r[j] * r[j]; });
  each([&](size_t j) __attribute__((always_inline)) { high[j] = r[j] * (1.0 / 120) + 1.0 / 24; });
  each([&](size_t j) __attribute__((always_inline)) { low[j] = r[j] * (1.0 / 6) + 1.0 / 2; });
  each([&](size_t j) __attribute__((always_inline)) { low[j] += high[j] * r2[j]; });
  each([&](size_t j) __attribute__((always_inline)) { r[j] += low[j] * r2[j]; });
  each([&](size_t j) __attribute__((always_inline)) { r[j] = r[j] * scale[j] + scale[j]; });
  each([&](size_t j) __attribute__((always_inline)) { x[j] = x[j] > kLowest ? r[j] : Doubles{}; });
}

// exp(values[i] - max) into out; the sum. Entry i goes to lane i % 8 of the sum, whatever the size of vectors, and the lanes
// are added in one order.
template <size_t kBytes, class Real>
[[gnu::always_inline]] inline double ExpDifferencesBy(const Real* values, size_t count, double max, double* out) {
  static const PowerTable kPowerTable;
  using Doubles = typename ShortVectorOf<double, kBytes>::Values;
  constexpr size_t kPerVector = kBytes / sizeof(double), kEntries = kExpVectors * kPerVector, kSums = kLanes / kPerVector;
  Doubles sums[kSums] = {};
  const auto take = [&](const Real* from, double* to) __attribute__((always_inline)) {
    Doubles e[kExpVectors];
    for (size_t j = 0; j < kExpVectors; ++j) {
      using Reals [[gnu::vector_size(kPerVector * sizeof(Real))]] = Real;
      Reals reals;
      std::memcpy(&reals, from + kPerVector * j, sizeof reals);
      e[j] = __builtin_convertvector(reals, Doubles) - max;
    }
    ExpOrZero<kBytes>(e, kPowerTable);
    for (size_t j = 0; j < kExpVectors; ++j) sums[j % kSums] += e[j];
    std::memcpy(to, e, sizeof e);
  };
  size_t i = 0;
  for (; i + kEntries <= count; i += kEntries) take(values + i, out + i);
  if (i < count) {
    Real rest[kEntries];
    double rest_out[kEntries];
    std::fill(std::copy(values + i, values + count, rest), rest + kEntries, -std::numeric_limits<Real>::infinity());
    take(rest, rest_out);
    std::copy(rest_out, rest_out + (count - i), out + i);
  }
  double lanes[kLanes];
  std::memcpy(lanes, sums, sizeof lanes);
  return ((lanes[0] + lanes[2]) + (lanes[4] + lanes[6])) + ((lanes[1] + lanes[3]) + (lanes[5] + lanes[7]));
}

// Largest entry, and how many are above -inf.
template <class Real>
struct RowCount {
  Real max;
  size_t finite, numbers;
};
template <size_t kBytes, class Real>
[[gnu::always_inline]] inline void CountRow(const Real* logits, size_t count, RowCount<Real>& result) {
  constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
  using Short = ShortVectorOf<Real, kBytes>;
  const typename Short::Values lowest = typename Short::Values{} - kInfinity;
  typename Short::Values max = lowest;
  typename Short::Counts finite{}, ordered{};  // minus the number of entries above -inf, and of those that are no NaN
  const auto take = [&](const Real* entries) __attribute__((always_inline)) {
    typename Short::Values value;
    std::memcpy(&value, entries, sizeof value);
    max = value > max ? value : max;
    finite += value > lowest;
    ordered += value == value;  // NOLINT(misc-redundant-expression): false for NaN
  };
  size_t i = 0;
  for (; i + Short::kSize <= count; i += Short::kSize) take(logits + i);
  result = {-kInfinity, 0, 0};
  for (size_t j = 0; j < Short::kSize; ++j) {
    result.max = std::max(result.max, max[j]);
    result.finite += static_cast<size_t>(-finite[j]);
    result.numbers += static_cast<size_t>(-ordered[j]);
  }
  for (; i < count; ++i) {
    if (logits[i] > result.max) result.max = logits[i];
    result.finite += logits[i] > -kInfinity;
    result.numbers += logits[i] == logits[i];  // NOLINT(misc-redundant-expression): false for NaN
  }
}

// Adds lanes of the table to whole bytes of entries.
[[gnu::always_inline]] inline void AddLanesBy(const LaneTable<float>& table, const uint8_t* bits, size_t bytes, float* logits) {
  for (size_t i = 0; i < bytes; ++i) {
    Vector<float> bonus, value;
    table.Load(bits[i], bonus);
    std::memcpy(&value, logits + kLanes * i, sizeof value);
    value += bonus;
    std::memcpy(logits + kLanes * i, &value, sizeof value);
  }
}

void AddLanes(const LaneTable<float>& table, const uint8_t* bits, size_t bytes, float* logits) { AddLanesBy(table, bits, bytes, logits); }

#ifdef VERDIGRIS_AVX2
template <class Real>
VERDIGRIS_AVX2 double ExpDifferencesWide(const Real* values, size_t count, double max, double* out) {
  return ExpDifferencesBy<32>(values, count, max, out);
}
template <class Real>
VERDIGRIS_AVX2 void CountRowWide(const Real* logits, size_t count, RowCount<Real>& result) { CountRow<32>(logits, count, result); }
VERDIGRIS_AVX2 void AddLanesWide(const LaneTable<float>& table, const uint8_t* bits, size_t bytes, float* logits) {
  AddLanesBy(table, bits, bytes, logits);
}
// Entries whose bit is 0 are left alone. Gives how many entries it took: those of two whole bytes of mask.
VERDIGRIS_AVX512 size_t AddByMask(const uint8_t* bits, size_t count, float amount, float* logits) {
  const __m512 amounts = _mm512_set1_ps(amount);
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    uint16_t mask;
    std::memcpy(&mask, bits + i / 8, sizeof mask);
    const __m512 value = _mm512_loadu_ps(logits + i);
    _mm512_storeu_ps(logits + i, _mm512_mask_add_ps(value, mask, value, amounts));
  }
  return i;
}
#endif

bool Bit(const uint8_t* bits, size_t i) { return bits[i >> 3] >> (i & 7) & 1; }

// Entries from i on. x + -0.0 is x to the bit, also for x = -0.0; x + 0.0 is not.
void AddFrom(size_t i, const uint8_t* bits, size_t count, float amount, float* logits,
             void (*add_lanes)(const LaneTable<float>&, const uint8_t*, size_t, float*)) {
  if (count - i >= kMinTableRow) {
    add_lanes(LaneTable<float>(amount, -0.0f), bits + i / kLanes, (count - i) / kLanes, logits + i);
    i = count / kLanes * kLanes;
  }
  for (; i < count; ++i) logits[i] += Bit(bits, i) ? amount : -0.0f;
}

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
  const size_t count = row.count;
  workspace.ids.resize(count);
  uint32_t* const ids = workspace.ids.data();
  uint32_t any_bits = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t id;
    std::memcpy(&id, base + i * stride, sizeof id);
    ids[i] = id;
    any_bits |= id;
  }
  // A bit for each id below 2^24, all clear between two calls, and a sorted list of those above, which no vocabulary has.
  // Whatever may throw comes before the first bit.
  const bool all_low = any_bits < kIdLimit;
  std::vector<uint32_t>& above = workspace.above;
  above.clear();
  if (!all_low) std::copy_if(ids, ids + count, std::back_inserter(above), [](uint32_t id) { return id >= kIdLimit; });
  const size_t words = std::min(any_bits, kIdLimit - 1) / 64 + 1;
  if (workspace.seen.size() < words) workspace.seen.resize(words);
  uint64_t* const seen = workspace.seen.data();
  uint32_t twice = 0;
  bool found = false;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t id = ids[i];
    if (!all_low && id >= kIdLimit) continue;
    const uint64_t bit = uint64_t{1} << id % 64, word = seen[id / 64];
    if ((word & bit) != 0) {
      twice = id;
      found = true;
      break;
    }
    seen[id / 64] = word | bit;
  }
  if (words <= 4 * count) {
    std::fill_n(seen, words, 0);
  } else {
    for (size_t i = 0; i < count; ++i) {
      if (ids[i] < kIdLimit) seen[ids[i] / 64] = 0;
    }
  }
  if (!found && above.size() > 1) {
    std::sort(above.begin(), above.end());
    if (const auto pair = std::adjacent_find(above.begin(), above.end()); pair != above.end()) {
      twice = *pair;
      found = true;
    }
  }
  if (!found) return {};
  const uint32_t *first = std::find(ids, ids + count, twice), *second = std::find(first + 1, static_cast<const uint32_t*>(ids + count), twice);
  return Fail(ErrorKind::kInvalidArgument, "candidate id " + std::to_string(twice) + " stands twice, at " +
                                               std::to_string(first - ids) + " and " + std::to_string(second - ids));
}

template <class Real>
Result<RowScan<Real>> ScanRow(const Real* logits, size_t count) {
  RowCount<Real> row;
#ifdef VERDIGRIS_AVX2
  if (HasAvx2()) {
    CountRowWide(logits, count, row);
  } else  // NOLINT(readability-misleading-indentation)
#endif
    CountRow<16>(logits, count, row);
  if (row.numbers != count) return Fail(ErrorKind::kInvalidArgument, "a logit is NaN");
  if (row.max == std::numeric_limits<Real>::infinity()) return Fail(ErrorKind::kInvalidArgument, "a logit is +inf");
  if (row.finite == 0) return Fail(ErrorKind::kInvalidArgument, "no logit is finite");
  return RowScan<Real>{row.max, row.finite};
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

void AddWhereOnAny(const uint8_t* bits, size_t count, float amount, float* logits) { AddFrom(0, bits, count, amount, logits, AddLanes); }

void AddWhere(const uint8_t* bits, size_t count, float amount, float* logits) {
#ifdef VERDIGRIS_AVX2
  if (HasAvx512()) return AddFrom(AddByMask(bits, count, amount, logits), bits, count, amount, logits, AddLanesWide);
  if (HasAvx2()) return AddFrom(0, bits, count, amount, logits, AddLanesWide);
#endif
  AddWhereOnAny(bits, count, amount, logits);
}

template <class Real>
double ExpDifferencesOnAny(const Real* values, size_t count, double max, double* out) {
  return ExpDifferencesBy<16>(values, count, max, out);
}
template double ExpDifferencesOnAny(const float*, size_t, double, double*);
template double ExpDifferencesOnAny(const double*, size_t, double, double*);

template <class Real>
double ExpDifferences(const Real* values, size_t count, double max, double* out) {
#ifdef VERDIGRIS_AVX2
  if (HasAvx2()) return ExpDifferencesWide(values, count, max, out);
#endif
  return ExpDifferencesOnAny(values, count, max, out);
}
template double ExpDifferences(const float*, size_t, double, double*);
template double ExpDifferences(const double*, size_t, double, double*);

template <class Real>
Sums SumExp(const RowView<Real>& row, const uint8_t* bits) {
  static const LaneTable<double> kChosen(1.0, 0.0);
  const double max = row.max;
  Sums sums;
  Vector<double> chosen{};
  double e[kBlock];
  for (size_t start = 0; start < row.count; start += kBlock) {
    const size_t size = std::min(kBlock, row.count - start);
    sums.all += ExpDifferences(row.logits + start, size, max, e);
    for (size_t i = size; i % kLanes != 0; ++i) e[i] = 0;
    for (size_t i = 0; i < size; i += kLanes) {
      Vector<double> values, lanes;
      std::memcpy(&values, e + i, sizeof values);
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
  Weights sums;
  ForEachStretch(
      row,
      [&](size_t first, size_t end) {
        // In blocks, so that a sum of many small numbers stays good.
        for (; first < end; first += std::min(kBlock, end - first)) {
          sums.markable += ExpDifferences(row.logits + first, std::min(kBlock, end - first), row.max, weights + first);
        }
      },
      [&](size_t first, size_t end) {
        sums.special += ExpDifferences(row.logits + first, end - first, row.max, weights + first);
        std::fill(weights + first, weights + end, 0.0);
      });
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
