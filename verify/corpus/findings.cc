// Equal p have equal adjusted p under each rule, so what a row gets is a function of its p alone, and rows need not be held.
//
// Tested by tests/verify/corpus/findings_test.cc (20,000 random corpora against full lists; false share of 1,000 corpora).
#include "verify/corpus/findings.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "verify/law.h"
#include "verify/multiplicity.h"

namespace verdigris::verify {
namespace {

constexpr double kSlack = 1e-12;  // as in multiplicity.cc

}  // namespace

StoredTail TailOf(std::vector<double> log10_p, const std::vector<uint64_t>& histogram, uint64_t family) {
  StoredTail tail;
  tail.log10_p = std::move(log10_p);
  for (size_t i = histogram.size(); i-- > 0;) {
    tail.bins.push_back({-static_cast<double>(i + 1) / 100, i == 0 ? 0.0 : -static_cast<double>(i) / 100, histogram[i]});
  }
  tail.bins.back().count += (family - 1) * tail.size();
  return tail;
}

Result<Findings> Findings::Decide(CorpusControl control, StoredTail tail, std::vector<double> log10_e, double log10_alpha) {
  const double log10_m = std::log10(static_cast<double>(std::max<uint64_t>(tail.size(), 1)));
  Findings out;
  out.control_ = control;
  if (control == CorpusControl::kEbh) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.rejected_, RejectByEFromTail(tail, log10_e, log10_alpha));
    std::sort(log10_e.begin(), log10_e.end(), std::greater<>());
    out.least_log10_e_ = out.rejected_ == 0 ? INFINITY : log10_e[out.rejected_ - 1];
    out.log10_level_ = log10_alpha + std::log10(static_cast<double>(out.rejected_ + 1)) - log10_m;
    return out;
  }
  if (control == CorpusControl::kNone) {
    if (!tail.bins.empty() && tail.bins.front().log10_above < log10_alpha - kSlack) {
      return Fail(ErrorKind::kFailedPrecondition, "each p <= alpha is asked for, and rows are kept up to log10 tau " + FourPlacesUp(tail.bins.front().log10_above) +
                                                      " alone: rows are needed up to log10 tau " + FourPlacesUp(log10_alpha));
    }
    out.most_log10_p_ = log10_alpha + kSlack;
    out.rejected_ = static_cast<uint64_t>(std::count_if(tail.log10_p.begin(), tail.log10_p.end(), [&](double p) { return p <= out.most_log10_p_; }));
    out.log10_level_ = log10_alpha;
    return out;
  }
  const Control rule = control == CorpusControl::kBh   ? Control::kBenjaminiHochberg
                       : control == CorpusControl::kBy ? Control::kBenjaminiYekutieli
                                                       : Control::kHolm;
  VERDIGRIS_ASSIGN_OR_RETURN(Rejections rejections, RejectFromTail(rule, tail, log10_alpha));
  out.rejected_ = rejections.rejected;
  out.adjusted_ = std::move(rejections.log10_adjusted);
  out.sorted_.reserve(tail.log10_p.size());
  for (const size_t i : rejections.order) out.sorted_.push_back(tail.log10_p[i]);
  out.most_log10_p_ = out.rejected_ == 0 ? -INFINITY : out.sorted_[out.rejected_ - 1];
  const double next = static_cast<double>(out.rejected_ + 1);
  out.log10_level_ = control == CorpusControl::kHolm ? log10_alpha - std::log10(std::max(1.0, static_cast<double>(tail.size()) - next + 1))
                                                     : log10_alpha + std::log10(next) - log10_m;
  if (control == CorpusControl::kBy && tail.size() > 0) out.log10_level_ -= std::log10(HarmonicNumber(tail.size()));
  out.log10_level_ = std::min(out.log10_level_, log10_alpha);
  return out;
}

bool Findings::Rejects(double log10_p, double log10_e) const {
  if (control_ == CorpusControl::kEbh) return log10_e >= least_log10_e_;
  return log10_p <= most_log10_p_;
}

std::optional<double> Findings::Log10Adjusted(double log10_p) const {
  const auto at = static_cast<size_t>(std::lower_bound(sorted_.begin(), sorted_.end(), log10_p) - sorted_.begin());
  if (at >= adjusted_.size()) return std::nullopt;
  return adjusted_[at];
}

}  // namespace verdigris::verify
