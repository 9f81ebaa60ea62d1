// gumbel: every id draws a number, and the one that is large for its probability is taken. Unbiased over keys; nothing is
// left to chance under one key, but that a special id may come instead.
//
// Source   Aaronson's Gumbel rule, 2022; the score as in three_bricks (arXiv:2308.00113), in integers (native-schemes.md
//          N8.2). Departure: special ids keep their probability, and the winner has the rest.
// Draws    words (N7): U(v) = (W(v) + 1/2) / 2^32, and the winner is the largest z(v) - ln(-ln U(v)) over logits z.
// Speed    -ln U lies between 1 - U and (1 - U)/U, so bounds of e^z / -ln U need no logarithm. An entry whose upper bound
//          is below a lower bound met before cannot win; the few that are left are compared with logarithms.
// Tested by tests/watermark/gumbel_test.cc (native.json `marks`, `words`, `gumbel_score`, `scored`) and
// all_schemes_test.cc.
#include <cmath>
#include <limits>

#include "watermark/profile.h"
#include "watermark/scheme.h"
#include "watermark/surprise.h"
#include "watermark/wide.h"
#include "watermark/words.h"

namespace verdigris {
namespace {

NullLaw Law(const Profile&) { return NullLaw::Gamma(); }

// Of a simulation (command-line.md L4): nats a token, where the null mean is 1.
double ReferenceEffect(const Profile&) { return 1.70; }

void Score(const Profile&, const Prf& prf, std::span<const Tag> tags, std::span<const uint32_t> ids, uint64_t* scores) {
  ForEachTupleWord(prf, tags, ids, [&](size_t i, uint32_t word) { scores[i] = SurpriseDown(word); });
}

void Draws(const Profile&, const Prf& prf, std::span<const Tag> tags, std::span<const uint32_t> ids, uint32_t* draws) {
  WordsOfTuples(prf, tags, ids, draws);
}

// 2^32 U and 2^32 (1 - U), both exact in binary64. By way of signed numbers, which is what SSE2 converts.
double UpperGap(uint32_t word) { return static_cast<double>(static_cast<int32_t>(~word ^ 0x80000000u)) + (0x1p31 + 0.5); }
double Draw(uint32_t word) { return static_cast<double>(word) + 0.5; }

// Entries that may win: weight > best lower bound * 2^32 (1 - U).
class Survivors {
 public:
  explicit Survivors(std::vector<WordAt>& draws) : draws_(draws) { draws_.clear(); }

  void Take(const double* weights, size_t start, std::span<const uint32_t> words) {
#ifdef VERDIGRIS_AVX2
    if (HasAvx2()) return TakeWide(weights, start, words);
#endif
    TakeBy(weights, start, words);
  }

  double least() const { return least_; }

 private:
  [[gnu::always_inline]] void TakeBy(const double* weights, size_t start, std::span<const uint32_t> words) {
    constexpr size_t kGroup = 64;
    for (size_t first = 0; first < words.size(); first += kGroup) {
      const size_t size = std::min(kGroup, words.size() - first);
      const double* group = weights + start + first;
      const uint32_t* group_words = words.data() + first;
      int hits = 0;
      for (size_t i = 0; i < size; ++i) hits += group[i] > least_ * UpperGap(group_words[i]);
      if (hits == 0) continue;
      for (size_t i = 0; i < size; ++i) {
        const double gap = UpperGap(group_words[i]);
        if (!(group[i] > least_ * gap)) continue;
        draws_.push_back({static_cast<uint32_t>(start + first + i), group_words[i]});
        // weight / -ln U >= weight * U / (1 - U), in units of 2^-32; a little less, for the rounding of both bounds.
        least_ = std::max(least_, group[i] * (Draw(group_words[i]) * (0x1p-32 * (1 - 1e-9))) / gap);
      }
    }
  }

#ifdef VERDIGRIS_AVX2
  VERDIGRIS_AVX2 void TakeWide(const double* weights, size_t start, std::span<const uint32_t> words) { TakeBy(weights, start, words); }
#endif

  std::vector<WordAt>& draws_;
  double least_ = 0;
};

// Index of the winner. At least one weight is above 0.
template <class Real>
size_t Winner(const Prf& prf, const Tag& tag, const RowView<Real>& row, const double* weights, std::vector<WordAt>& draws) {
  Survivors survivors(draws);
  ForEachWords(prf, tag, row.ids, row.count,
               [&](size_t start, std::span<const uint32_t> words) { survivors.Take(weights, start, words); });
  const auto id_of = [&](size_t i) { return row.ids == nullptr ? static_cast<uint32_t>(i) : row.ids[i]; };
  size_t winner = 0;
  double best = -std::numeric_limits<double>::infinity();
  for (const WordAt& draw : draws) {
    if (!(weights[draw.index] > survivors.least() * UpperGap(draw.word))) continue;
    const double value = static_cast<double>(row.logits[draw.index]) - row.max - std::log(-std::log(Draw(draw.word) * 0x1p-32));
    if (value > best || (value == best && id_of(draw.index) < id_of(winner))) {
      best = value;
      winner = draw.index;
    }
  }
  return winner;
}

template <class Real>
void Mark(const Profile&, const Prf& prf, const Tag& tag, const RowView<Real>& row, Workspace& workspace, Masses* masses) {
  workspace.weights.resize(row.count);
  const double* weights = workspace.weights.data();
  const Weights sums = Weigh(row, workspace.weights.data());
  const double normalise = -static_cast<double>(row.max) - std::log(sums.all());  // ln P = logit + normalise
  if (masses != nullptr) *masses = {.special = sums.special_share()};
  if (!(sums.markable > 0)) return Shift(row, normalise);
  const size_t winner = Winner(prf, tag, row, weights, workspace.draws);
  const double p = weights[winner] / sums.markable;
  ForEachStretch(
      row,
      [&](size_t first, size_t end) {
        std::fill(row.logits + first, row.logits + end, -std::numeric_limits<Real>::infinity());
      },
      [&](size_t first, size_t end) {
        for (size_t i = first; i < end; ++i) row.logits[i] = static_cast<Real>(row.logits[i] + normalise);
      });
  row.logits[winner] = static_cast<Real>(std::log(sums.markable_share()));
  if (masses == nullptr) return;
  const bool alone = weights[winner] == sums.markable;
  masses->green = p;
  masses->kl_qp = sums.markable_share() * -std::log(p);
  masses->kl_pq = alone ? 0 : std::numeric_limits<double>::infinity();
  masses->tv = sums.markable_share() * (1 - p);
}

}  // namespace

extern const Scheme kGumbel;
const Scheme kGumbel = {
    "gumbel",
    "Aaronson 2022, the Gumbel rule; score of Fernandez et al. 2023, arXiv:2308.00113",
    "the id whose draw is largest for its probability is taken; no randomness is left under one key",
    {},
    /*unbiased=*/true,
    /*check=*/nullptr,
    Law,
    ReferenceEffect,
    Score,
    Mark<float>,
    Mark<double>,
    /*mask=*/nullptr,
    Draws,
};

}  // namespace verdigris
