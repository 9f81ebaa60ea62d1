// Numerators are 128-bit integers: a count below 2^39 times 256 units of 2^-32 fits with room. The fit solves at most three
// equations by Cramer's rule over OpenSSL's big integers, since products of sums of squares pass 300 bits.
//
// Tested by tests/verify/suspect/coefficients_test.cc (suspect.json `evidence`, `integers`).
#include "verify/suspect/coefficients.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <memory>
#include <new>

#include <openssl/bn.h>

namespace verdigris::verify {
namespace {

__extension__ typedef unsigned __int128 UInt128;

struct RuleRow {
  CoefficientRule rule;
  std::string_view name;
  bool sequential, lists, reference;
};
constexpr RuleRow kRules[] = {
    {CoefficientRule::kDistinct, "distinct", false, false, false},
    {CoefficientRule::kRoot, "root", false, false, false},
    {CoefficientRule::kResidual, "residual", false, false, true},
    {CoefficientRule::kDifference, "difference", false, true, true},
    {CoefficientRule::kSoft, "soft", false, true, false},
    {CoefficientRule::kFirst, "first", true, false, false},
    {CoefficientRule::kFirstSoft, "first-soft", true, true, false},
    {CoefficientRule::kFirstDifference, "first-difference", true, true, true},
    {CoefficientRule::kFirstScaled, "first-scaled", true, true, true},
};
const RuleRow& RowOf(CoefficientRule rule) { return kRules[static_cast<size_t>(rule)]; }

UInt128 SquareRoot(UInt128 x) {  // floor
  UInt128 root = 0, bit = UInt128{1} << 126;
  while (bit > x) bit >>= 2;
  for (; bit != 0; bit >>= 2) {
    if (x >= root + bit) {
      x -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return root;
}

Int128 Magnitude(Int128 x) { return x < 0 ? -x : x; }

// numerator / denominator to the nearest, halves away from 0; denominator > 0.
Int128 Rounded(Int128 numerator, Int128 denominator) {
  const Int128 size = (2 * Magnitude(numerator) + denominator) / (2 * denominator);
  return numerator < 0 ? -size : size;
}

// 1023 D / 2^32.
Int128 Step(Int128 difference) { return Rounded(kMostCoefficient * difference, kProbabilityOne); }

// 1023 (q - r) / (2 sqrt(r + 1/10)), at most 1023 in size.
Int128 Scaled(Int128 difference, uint64_t reference) {
  const auto spread = static_cast<Int128>(SquareRoot(UInt128{reference + 429496730} << 32));
  const Int128 size = std::min<Int128>(kMostCoefficient, (kMostCoefficient * Magnitude(difference) + spread) / (2 * spread));
  return difference < 0 ? -size : size;
}

struct FreeBignum {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
struct FreeContext {
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};

// A signed integer of any size.
class Big {
 public:
  Big() : number_(BN_new()) {
    if (number_ == nullptr) throw std::bad_alloc();
  }
  explicit Big(Int128 value) : Big() {
    uint8_t bytes[16];
    auto size = static_cast<UInt128>(Magnitude(value));
    for (int i = 15; i >= 0; --i, size >>= 8) bytes[i] = static_cast<uint8_t>(size);
    Check(BN_bin2bn(bytes, sizeof bytes, number_.get()) != nullptr);
    BN_set_negative(number_.get(), value < 0);
  }
  friend Big operator*(const Big& a, const Big& b) {
    const std::unique_ptr<BN_CTX, FreeContext> context(BN_CTX_new());
    Big product;
    Check(context != nullptr && BN_mul(product.number_.get(), a.number_.get(), b.number_.get(), context.get()) == 1);
    return product;
  }
  friend Big operator+(const Big& a, const Big& b) {
    Big sum;
    Check(BN_add(sum.number_.get(), a.number_.get(), b.number_.get()) == 1);
    return sum;
  }
  friend Big operator-(const Big& a, const Big& b) {
    Big difference;
    Check(BN_sub(difference.number_.get(), a.number_.get(), b.number_.get()) == 1);
    return difference;
  }
  friend bool operator<(const Big& a, const Big& b) { return BN_cmp(a.number_.get(), b.number_.get()) < 0; }
  int sign() const { return BN_is_zero(number_.get()) != 0 ? 0 : BN_is_negative(number_.get()) != 0 ? -1 : 1; }
  // floor(this / divisor) for a quotient below 1024 and both not negative.
  int32_t SmallQuotient(const Big& divisor) const {
    int32_t quotient = 0;
    for (int32_t bit = 512; bit != 0; bit /= 2) {
      if (!(*this < divisor * Big(quotient + bit))) quotient += bit;
    }
    return quotient;
  }

 private:
  static void Check(bool ok) {
    if (!ok) throw std::bad_alloc();
  }
  std::unique_ptr<BIGNUM, FreeBignum> number_;
};

// Determinant of the matrix of these rows and columns, one column replaced by the right side where `replaced` names it.
Big Determinant(const NormalEquations& e, const std::vector<size_t>& live, size_t replaced) {
  const auto at = [&](size_t i, size_t j) { return Big(j == replaced ? e.right[live[i]] : e.normal[live[i]][live[j]]); };
  if (live.size() == 1) return at(0, 0);
  if (live.size() == 2) return at(0, 0) * at(1, 1) - at(0, 1) * at(1, 0);
  return at(0, 0) * (at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1)) - at(0, 1) * (at(1, 0) * at(2, 2) - at(1, 2) * at(2, 0)) +
         at(0, 2) * (at(1, 0) * at(2, 1) - at(1, 1) * at(2, 0));
}

}  // namespace

std::string_view RuleName(CoefficientRule rule) { return RowOf(rule).name; }
std::optional<CoefficientRule> FindRule(std::string_view name) {
  for (const RuleRow& row : kRules) {
    if (row.name == name) return row.rule;
  }
  return std::nullopt;
}
bool IsSequential(CoefficientRule rule) { return RowOf(rule).sequential; }
bool NeedsLists(CoefficientRule rule) { return RowOf(rule).lists; }
bool NeedsReference(CoefficientRule rule) { return RowOf(rule).reference; }

int32_t Quantise(Int128 numerator, Int128 largest) {
  return static_cast<int32_t>(largest <= kMostCoefficient ? numerator : Rounded(kMostCoefficient * numerator, largest));
}

void NormalEquations::Add(uint64_t y, std::span<const uint64_t> reference_values) {
  for (size_t i = 0; i < references; ++i) {
    const Int128 r = static_cast<Int128>(reference_values[i] >> 16);
    right[i] += r * static_cast<Int128>(y >> 16);
    for (size_t j = 0; j < references; ++j) normal[i][j] += r * static_cast<Int128>(reference_values[j] >> 16);
  }
}

std::vector<int32_t> FitReferences(const NormalEquations& equations) {
  constexpr size_t kNoColumn = kMaxReferences;
  std::vector<int32_t> weights(equations.references, 0);
  std::vector<size_t> live(equations.references);
  for (size_t i = 0; i < live.size(); ++i) live[i] = i;
  while (!live.empty()) {
    const Big all = Determinant(equations, live, kNoColumn);
    if (all.sign() == 0) {
      live.pop_back();
      continue;
    }
    // The matrix is a Gram matrix, so its determinant is positive and the sign of a weight is that of its numerator.
    std::vector<Big> parts;
    size_t smallest = 0;
    for (size_t j = 0; j < live.size(); ++j) {
      parts.push_back(Determinant(equations, live, j));
      if (parts[j] < parts[smallest]) smallest = j;
    }
    if (parts[smallest].sign() < 0) {
      live.erase(live.begin() + static_cast<std::ptrdiff_t>(smallest));
      continue;
    }
    for (size_t j = 0; j < live.size(); ++j) {
      weights[live[j]] = std::min(512, (Big(512) * parts[j] + all).SmallQuotient(Big(2) * all));
    }
    break;
  }
  return weights;
}

std::vector<uint64_t> SelfReference(const SuspectEvidence& evidence) {
  const size_t h = evidence.options().window;
  // Windows without their oldest id, as numbers: windows sorted by the rest are neighbours.
  std::vector<uint32_t> order(evidence.windows()), suffix(evidence.windows());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  const auto less = [&](uint32_t a, uint32_t b) {
    return std::lexicographical_compare(evidence.window(a) + 1, evidence.window(a) + h, evidence.window(b) + 1, evidence.window(b) + h);
  };
  std::sort(order.begin(), order.end(), less);
  uint32_t suffixes = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i != 0 && less(order[i - 1], order[i])) ++suffixes;
    suffix[order[i]] = suffixes;
  }
  std::vector<uint64_t> context(order.empty() ? 0 : suffixes + 1, 0), own(evidence.windows(), 0);
  struct Answered {
    uint32_t suffix, id, row;
  };
  std::vector<Answered> answered;
  for (size_t r = 0; r < evidence.rows(); ++r) {
    const uint64_t count = evidence.count(r);
    if (count == 0) continue;
    const uint32_t window = evidence.window_of(r);
    answered.push_back({suffix[window], evidence.id(r), static_cast<uint32_t>(r)});
    context[suffix[window]] += count;
    own[window] += count;
  }
  std::sort(answered.begin(), answered.end(), [](const Answered& a, const Answered& b) { return a.suffix < b.suffix || (a.suffix == b.suffix && a.id < b.id); });
  std::vector<uint64_t> expected(evidence.rows(), 0);
  for (size_t start = 0, end = 0; start < answered.size(); start = end) {
    uint64_t total = 0;
    for (end = start; end < answered.size() && answered[end].suffix == answered[start].suffix && answered[end].id == answered[start].id; ++end) {
      total += evidence.count(answered[end].row);
    }
    for (size_t i = start; i < end; ++i) {
      const uint32_t row = answered[i].row, window = evidence.window_of(row);
      const uint64_t others = context[answered[i].suffix] - own[window];
      if (others != 0) expected[row] = static_cast<uint64_t>(UInt128{own[window]} * (total - evidence.count(row)) * kProbabilityOne / others);
    }
  }
  return expected;
}

Result<RowCoefficients> MakeCoefficients(const SuspectEvidence& evidence, CoefficientRule rule, const CoefficientOptions& options) {
  std::vector<size_t> used;
  if (options.references) {
    used = *options.references;
  } else {
    for (size_t k = 0; k < evidence.options().references; ++k) used.push_back(k);
  }
  const size_t all = used.size() + (options.self_reference ? 1 : 0);
  assert(all <= kMaxReferences && !(options.self_reference && IsSequential(rule)));
  if (NeedsReference(rule) && all == 0) {
    return Fail(ErrorKind::kFailedPrecondition, "coefficient '" + std::string(RuleName(rule)) + "' needs a reference model");
  }
  const auto left_out = [&](size_t r) { return options.strict && evidence.in_prompt(evidence.window_of(r)); };
  RowCoefficients out;

  if (IsSequential(rule)) {
    // Settled row by row: a scale taken over all rows would look ahead.
    out.values.resize(evidence.rows(), 0);
    for (size_t r = 0; r < evidence.rows(); ++r) {
      if (left_out(r)) continue;
      uint64_t reference = 0;
      for (const size_t k : used) reference += evidence.first_reference(k, r);
      if (used.size() > 1) reference /= used.size();
      const auto suspect = static_cast<Int128>(evidence.first_suspect(r));
      const Int128 difference = suspect - static_cast<Int128>(reference);
      out.values[r] = static_cast<int32_t>(rule == CoefficientRule::kFirst             ? static_cast<Int128>(evidence.first_count(r))
                                           : rule == CoefficientRule::kFirstSoft       ? Step(suspect)
                                           : rule == CoefficientRule::kFirstDifference ? Step(difference)
                                                                                       : Scaled(difference, reference));
    }
    return out;
  }

  const bool minus_references = NeedsReference(rule);
  const auto target = [&](size_t r) { return rule == CoefficientRule::kDifference ? evidence.suspect(r) : evidence.count(r) << 32; };
  const std::vector<uint64_t> self = options.self_reference ? SelfReference(evidence) : std::vector<uint64_t>();
  const auto references_of = [&](size_t r) {
    std::array<uint64_t, kMaxReferences> values{};
    for (size_t k = 0; k < used.size(); ++k) values[k] = evidence.reference(used[k], r);
    if (options.self_reference) values[used.size()] = self[r];
    return values;
  };
  if (minus_references) {
    NormalEquations equations{all, {}, {}};
    for (size_t r = 0; r < evidence.rows(); ++r) {
      if (!left_out(r)) equations.Add(target(r), references_of(r));
    }
    out.weights = FitReferences(equations);
  }
  const auto numerator = [&](size_t r) -> Int128 {
    if (left_out(r)) return 0;
    if (rule == CoefficientRule::kDistinct) return evidence.count(r) > 0 ? 1 : 0;
    if (rule == CoefficientRule::kRoot) return static_cast<Int128>(SquareRoot(UInt128{evidence.count(r)} << 40));
    if (!minus_references) return static_cast<Int128>(evidence.suspect(r));
    Int128 rest = 256 * static_cast<Int128>(target(r));
    const auto values = references_of(r);
    for (size_t k = 0; k < all; ++k) rest -= Int128{out.weights[k]} * static_cast<Int128>(values[k]);
    return rest;
  };
  Int128 largest = 0;
  for (size_t r = 0; r < evidence.rows(); ++r) largest = std::max(largest, Magnitude(numerator(r)));
  out.values.resize(evidence.rows());
  for (size_t r = 0; r < evidence.rows(); ++r) out.values[r] = Quantise(numerator(r), largest);
  return out;
}

}  // namespace verdigris::verify
