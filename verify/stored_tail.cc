// A p in the bin (a, b] exceeds a, and its rank is at most R(b), the number of p <= b. So a >= alpha R(b) / m for every
// bin that is not empty makes p > alpha rank / m there, and BH over the rows is BH over everything. Holm needs less:
// its step alpha / (m - i + 1) is never above BH's alpha i / m.
//
// Tested by tests/verify/stored_tail_test.cc (multiple.json `bh_from_histogram`; 20,000 random cases against full lists).
#include "verify/stored_tail.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "verify/law.h"

namespace verdigris::verify {
namespace {

constexpr double kSlack = 1e-12;

double Log10Of(uint64_t count) { return std::log10(static_cast<double>(count)); }

// Calls visit(i, R(b)) for every bin that is not empty.
template <class Visit>
void ForEachFullBin(const StoredTail& tail, Visit&& visit) {
  uint64_t up_to = tail.log10_p.size();
  for (size_t i = 0; i < tail.bins.size(); ++i) {
    up_to += tail.bins[i].count;
    if (tail.bins[i].count > 0) visit(i, up_to);
  }
}

Result<void> RequireResolved(const StoredTail& tail, double log10_alpha) {
  VERDIGRIS_RETURN_IF_ERROR(CheckTail(tail));
  const std::optional<size_t> first = UnresolvedBin(tail, log10_alpha);
  if (!first) return {};
  // Rows up to the end of the last such bin would leave only bins that pass.
  double enough = tail.bins[*first].log10_to;
  const double log10_m = Log10Of(tail.size());
  ForEachFullBin(tail, [&](size_t i, uint64_t up_to) {
    if (tail.bins[i].log10_above < log10_alpha + Log10Of(up_to) - log10_m - kSlack) enough = tail.bins[i].log10_to;
  });
  const StoredTail::Bin& bin = tail.bins[*first];
  return Fail(ErrorKind::kFailedPrecondition,
              "bin " + std::to_string(*first) + ", log10 p in (" + FourPlacesUp(bin.log10_above) + "," + FourPlacesUp(bin.log10_to) +
                  "], may hold rejections: rows are needed up to log10 tau " + FourPlacesUp(enough));
}

}  // namespace

uint64_t StoredTail::size() const {
  uint64_t m = log10_p.size();
  for (const Bin& bin : bins) m += bin.count;
  return m;
}

Result<void> CheckTail(const StoredTail& tail) {
  const auto fault = [](size_t bin) {
    return Fail(ErrorKind::kInvalidArgument, "bin " + std::to_string(bin) + " of the histogram does not follow the one before");
  };
  for (size_t i = 0; i < tail.bins.size(); ++i) {
    const StoredTail::Bin& bin = tail.bins[i];
    if (!(bin.log10_above < bin.log10_to) || (i > 0 && bin.log10_above != tail.bins[i - 1].log10_to)) return fault(i);
  }
  if (!tail.bins.empty() && tail.bins.back().log10_to != 0) return fault(tail.bins.size() - 1);
  for (const double p : tail.log10_p) {
    if (!(p <= (tail.bins.empty() ? 0 : tail.bins.front().log10_above))) {
      return Fail(ErrorKind::kInvalidArgument, "a stored row lies above tau");
    }
  }
  return {};
}

std::optional<size_t> UnresolvedBin(const StoredTail& tail, double log10_alpha) {
  const double log10_m = Log10Of(tail.size());
  std::optional<size_t> first;
  ForEachFullBin(tail, [&](size_t i, uint64_t up_to) {
    if (!first && tail.bins[i].log10_above < log10_alpha + Log10Of(up_to) - log10_m - kSlack) first = i;
  });
  return first;
}

Result<Rejections> RejectFromTail(Control control, const StoredTail& tail, double log10_alpha) {
  const uint64_t m = tail.size();
  const double log10_harmonic = control == Control::kBenjaminiYekutieli && m > 0 ? std::log10(HarmonicNumber(m)) : 0;
  VERDIGRIS_RETURN_IF_ERROR(RequireResolved(tail, log10_alpha - log10_harmonic));
  Rejections out = Reject(control, tail.log10_p, m, log10_alpha);
  if (control != Control::kBenjaminiHochberg && control != Control::kBenjaminiYekutieli) return out;
  // An unseen p of a bin would lower adjusted values to no less than m a / R(b).
  double limit = 0;
  ForEachFullBin(tail, [&](size_t i, uint64_t up_to) {
    limit = std::min(limit, tail.bins[i].log10_above + log10_harmonic + Log10Of(m) - Log10Of(up_to));
  });
  while (!out.log10_adjusted.empty() && out.log10_adjusted.back() > limit) out.log10_adjusted.pop_back();
  return out;
}

Result<size_t> RejectByEFromTail(const StoredTail& tail, std::span<const double> log10_e, double log10_alpha) {
  if (log10_e.size() != tail.log10_p.size()) {
    return Fail(ErrorKind::kInvalidArgument, std::to_string(log10_e.size()) + " e-values for " + std::to_string(tail.log10_p.size()) + " rows");
  }
  VERDIGRIS_RETURN_IF_ERROR(RequireResolved(tail, log10_alpha));
  return RejectByE(log10_e, tail.size(), log10_alpha);
}

}  // namespace verdigris::verify
