// Shiryaev and Roberts' start-anywhere sum and a two-state switching martingale beside the plain product; that each is a
// martingale is checked in exact rationals by reference/stat_checks.py [exact] of the folder shared/.
//
// Numbers. Logarithms for each token and bet would cost more than all else, so values stay linear, each with a binary
// exponent of its own that is looked at every eighth token: a chain that has fallen to 2^-100000 in unmarked text may rise
// again, and one that has risen to 2^100000 may fall. Sums are formed in the scale of the largest chain of their group.
// Scaling by powers of two is exact, so the only errors are those of the recursions, about 1e-16 of E a token.
//
// Tested by tests/verify/mixture_test.cc and locate_test.cc (eprocess.json `locate`).
#include "verify/mixture.h"

#include <cassert>
#include <limits>

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

// Chance of entering and of leaving marked text, per token: pieces of 400, 100 and 1000 tokens on average.
struct Transition {
  double enter, leave;
};
constexpr Transition kTransition[] = {{1. / 4000, 1. / 400}, {1. / 1000, 1. / 100}, {1. / 1000, 1. / 1000}};

// Between two looks at the exponents, eight factors within 2^32 of 1 keep a value inside 2^512; one factor outside of that
// is taken alone.
constexpr double kHigh = 0x1p256, kLow = 0x1p-256;
constexpr double kLargeFactor = 0x1p32, kSmallFactor = 0x1p-32;
constexpr int kStepsBetween = 8;

double PowerOfTwo(int64_t exponent) {
  return std::ldexp(1.0, static_cast<int>(std::clamp<int64_t>(exponent, -2000, 2000)));
}

bool OutOfRange(double value) { return value > kHigh || (value < kLow && value != 0); }

}  // namespace

void Mixture::Peak::Raise(double sum, int64_t frame) {
  if (sum <= in_frame) return;
  in_frame = value = sum;
  exponent = frame;
}

void Mixture::Peak::Reframe(int64_t frame) {
  in_frame = std::ldexp(value, static_cast<int>(std::clamp<int64_t>(exponent - frame, -4000, 4000)));
}

Mixture::Mixture(size_t bets) : bets_(bets) {
  assert(bets >= 1 && bets <= kMostBets);
  static_assert(std::size(kTransition) == kTransitions);
  global_.value.fill(1);
  for (size_t t = 0; t < kTransitions; ++t) {
    const auto [a, b] = kTransition[t];
    std::fill_n(switching_.value.begin() + t * kMostBets, kMostBets, a / (a + b));
    std::fill_n(human_.begin() + t * kMostBets, kMostBets, b / (a + b));
  }
  Reframe();
}

void Mixture::Rescale() {
  steps_since_rescale_ = 0;
  bool changed = false;
  for (size_t i = 0; i < bets_; ++i) {
    if (OutOfRange(global_.value[i])) {
      const int k = std::ilogb(global_.value[i]);
      global_.value[i] = std::ldexp(global_.value[i], -k);
      global_.exponent[i] += k;
      changed = true;
    }
    changed |= global_.value[i] == 0 && global_.weight[i] != 0;
    // The exponent of `start_` stays at 0 at least, since shares of about 1/n are added.
    const double start = start_.value[i];
    if (start > kHigh || (start < kLow && start_.exponent[i] > 0)) {
      const int k = static_cast<int>(std::max<int64_t>(start == 0 ? std::numeric_limits<int>::min() : std::ilogb(start), -start_.exponent[i]));
      start_.value[i] = std::ldexp(start, -k);
      start_.exponent[i] += k;
      changed = true;
    }
    for (size_t c = i; c < kTransitions * kMostBets; c += kMostBets) {
      const double sum = human_[c] + switching_.value[c];
      if (!OutOfRange(sum)) continue;
      const int k = std::ilogb(sum);
      switching_.value[c] = std::ldexp(switching_.value[c], -k);
      human_[c] = std::ldexp(human_[c], -k);
      switching_.exponent[c] += k;
      changed = true;
    }
  }
  if (changed) Reframe();
}

void Mixture::Reframe() {
  frames_ = {std::numeric_limits<int64_t>::min(), 0, std::numeric_limits<int64_t>::min()};
  for (size_t i = 0; i < bets_; ++i) {
    // A product that is 0 stays 0 and has no size to go by.
    if (global_.value[i] != 0) frames_[0] = std::max(frames_[0], global_.exponent[i]);
    frames_[1] = std::max(frames_[1], start_.exponent[i]);
    for (size_t c = i; c < kTransitions * kMostBets; c += kMostBets) frames_[2] = std::max(frames_[2], switching_.exponent[c]);
  }
  if (frames_[0] == std::numeric_limits<int64_t>::min()) frames_[0] = 0;
  frame_ = std::max({frames_[0], frames_[1], frames_[2]});
  for (size_t group = 0; group < 3; ++group) {
    to_total_[group] = PowerOfTwo(frames_[group] - frame_);
    best_parts_[group].Reframe(frames_[group]);
  }
  best_.Reframe(frame_);
  rest_scale_ = PowerOfTwo(-frames_[1]);
  const double bets = static_cast<double>(bets_);
  for (size_t i = 0; i < bets_; ++i) {
    one_[i] = PowerOfTwo(-start_.exponent[i]);
    global_.weight[i] = global_.value[i] == 0 ? 0 : PowerOfTwo(global_.exponent[i] - frames_[0]) / bets;
    start_.weight[i] = PowerOfTwo(start_.exponent[i] - frames_[1]) / bets;
    for (size_t c = i; c < kTransitions * kMostBets; c += kMostBets) {
      switching_.weight[c] = PowerOfTwo(switching_.exponent[c] - frames_[2]) / (kTransitions * bets);
    }
  }
}

template <size_t kLanes>
void Mixture::Step(const double* given, double share) {
  // A local copy, so that the compiler knows that nothing below writes to it; and a sum for each lane, since one sum over
  // all would be a chain of additions longer than all else.
  std::array<double, kLanes> factors{}, global{}, start{}, switching{};
  std::copy_n(given, bets_, factors.begin());
  for (size_t i = 0; i < kLanes; ++i) {
    global_.value[i] *= factors[i];
    global[i] = global_.value[i] * global_.weight[i];
    start_.value[i] = (start_.value[i] + share * one_[i]) * factors[i];
    start[i] = start_.value[i] * start_.weight[i];
  }
  for (size_t t = 0; t < kTransitions; ++t) {
    const double a = kTransition[t].enter, b = kTransition[t].leave;
    double* marked = switching_.value.data() + t * kMostBets;
    double* human = human_.data() + t * kMostBets;
    const double* weight = switching_.weight.data() + t * kMostBets;
    for (size_t i = 0; i < kLanes; ++i) {
      const double h = human[i], m = marked[i];
      const double to_human = h * (1 - a) + m * b, to_marked = (h * a + m * (1 - b)) * factors[i];
      human[i] = to_human;
      marked[i] = to_marked;
      switching[i] += (to_human + to_marked) * weight[i];
    }
  }
  sum_ = {};
  for (size_t i = 0; i < kLanes; ++i) {
    sum_[0] += global[i];
    sum_[1] += start[i];
    sum_[2] += switching[i];
  }
}

void Mixture::Push(const double* factors, double share, double rest) {
  bool unusual = false;
  for (size_t i = 0; i < bets_; ++i) {
    assert(factors[i] >= 0 && factors[i] <= kLargestFactor);
    unusual |= !(factors[i] <= kLargeFactor && factors[i] >= kSmallFactor);
  }
  if (unusual || steps_since_rescale_ >= kStepsBetween) Rescale();
  steps_since_rescale_ = unusual ? kStepsBetween : steps_since_rescale_ + 1;

  constexpr size_t kFewLanes = 6;  // an even number at least kBets: pairs of doubles fit vector registers
  static_assert(kBets <= kFewLanes);
  bets_ <= kFewLanes ? Step<kFewLanes>(factors, share) : Step<kMostBets>(factors, share);
  sum_[1] += rest * rest_scale_;
  total_ = sum_[0] * to_total_[0] + sum_[1] * to_total_[1] + sum_[2] * to_total_[2];
  for (size_t group = 0; group < 3; ++group) best_parts_[group].Raise(sum_[group], frames_[group]);
  best_.Raise(total_ / 3, frame_);
}

BetFactors::BetFactors(const NullLaw& law) : bets_(BetsOn(law)) {
  uint64_t most = 0;
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli: most = 1; break;
    case NullLaw::Kind::kTwoBernoulli: most = 2 * uint64_t{law.heavy} + law.light; break;
    case NullLaw::Kind::kGamma: return;
  }
  table_.resize(most + 1);
  for (uint64_t score = 0; score <= most; ++score) {
    for (size_t i = 0; i < kBets; ++i) table_[score][i] = std::exp(bets_[i].LnFactor(score));
  }
}

const double* BetFactors::Of(uint64_t score) {
  if (!table_.empty()) {
    assert(score < table_.size());
    return table_[score].data();
  }
  for (size_t i = 0; i < kBets; ++i) computed_[i] = std::exp(bets_[i].LnFactor(score));
  return computed_.data();
}

}  // namespace verdigris::verify
