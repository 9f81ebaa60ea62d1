// Nothing here knows how a p or an e came about, so the rule can be tested by simulation over whole epochs. An e-value E
// becomes the p-value min(1, 1/E) (Markov); means of e-values are e-values whatever the dependence, products only where
// they are independent (Vovk and Wang, arXiv:1912.06116). The shares x of the product stand for how much of a cluster was
// used.
//
// Tested by tests/verify/suspect/accounts_test.cc (suspect.json `decisions`; S14).
#include "verify/suspect/accounts.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>
#include <string_view>

#include "verify/law.h"
#include "verify/ln_mean_exp.h"
#include "verify/multiplicity.h"

#ifdef __FAST_MATH__
#error "fast-math would make p depend on the compiler"
#endif

namespace verdigris::verify {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::array kShares = {0.01, 0.1, 0.5, 1.0};

Unexpected Usage(std::string message) { return Fail(ErrorKind::kInvalidArgument, std::move(message)); }

// ln(1 - x + x e^y), 0 < x <= 1.
double LnBlend(double x, double y) {
  if (x == 1) return y;
  return y > 0 ? y + std::log(x + (1 - x) * std::exp(-y)) : std::log1p(x * std::expm1(y));
}

// Within a factor of 2.
bool LikeVolume(const AccountTest& a, const AccountTest& b) {
  const bool tokens = a.tokens_served > 0 && b.tokens_served > 0;
  const uint64_t x = tokens ? a.tokens_served : a.windows, y = tokens ? b.tokens_served : b.windows;
  return x <= 2 * y && y <= 2 * x;
}

bool Overlap(const AccountTest& a, const AccountTest& b) {
  const bool known = !a.first_served.empty() && !a.last_served.empty() && !b.first_served.empty() && !b.last_served.empty();
  // Times of E2 compare as text.
  return !known || (a.first_served <= b.last_served && b.first_served <= a.last_served);
}

// What a row will be about, with its p.
struct Entry {
  AccountsFinding::Kind kind;
  size_t index;
  double ln_e;
};

}  // namespace

double LnClusterMean(std::span<const double> ln_e) { return LnMeanExp(ln_e); }

double LnClusterProduct(std::span<const double> ln_e) {
  std::array<double, kShares.size()> sums{};
  for (size_t i = 0; i < kShares.size(); ++i) {
    for (const double e : ln_e) sums[i] += LnBlend(kShares[i], e);
  }
  return LnMeanExp(sums);
}

double Log10PosteriorOdds(double log10_p, double prior, double power) { return std::log10(prior * power) - log10_p; }

bool GateOpens(double gate_log10_p, double alpha) { return Detects(gate_log10_p, std::log10(alpha)); }

Result<AccountsFinding> JudgeAccounts(double gate_log10_p, std::span<const AccountTest> accounts, std::span<const Cluster> clusters,
                                      const AccountsOptions& options) {
  if (!(options.alpha > 0 && options.alpha < 1)) return Usage("alpha must be in (0,1), got " + std::to_string(options.alpha));
  if (!(options.prior > 0 && options.prior < 1)) return Usage("prior must be in (0,1), got " + std::to_string(options.prior));
  if (!(options.power > 0 && options.power <= 1)) return Usage("power must be in (0,1], got " + std::to_string(options.power));
  if (!(gate_log10_p <= 0)) return Usage("log10 p of the gate must be at most 0, got " + std::to_string(gate_log10_p));
  if (options.family != 0 && options.family < accounts.size()) {
    return Usage("family must be at least the " + std::to_string(accounts.size()) + " accounts given, got " + std::to_string(options.family));
  }
  std::set<std::string_view> labels;
  for (const AccountTest& account : accounts) {
    if (!labels.insert(account.label).second) return Fail(ErrorKind::kMismatch, "account " + account.label + " is listed twice");
    if (!(account.log10_p <= 0)) return Usage("log10 p of account " + account.label + " must be at most 0, got " + std::to_string(account.log10_p));
    if (std::isnan(account.ln_e)) return Usage("ln E of account " + account.label + " is no number");
  }
  for (const Cluster& cluster : clusters) {
    if (cluster.members.empty()) return Usage("cluster " + cluster.name + " has no member");
    std::set<size_t> members;
    for (const size_t member : cluster.members) {
      if (member >= accounts.size()) return Usage("cluster " + cluster.name + " names account " + std::to_string(member) + ", there are " + std::to_string(accounts.size()));
      if (!members.insert(member).second) return Usage("cluster " + cluster.name + " names " + accounts[member].label + " twice");
    }
  }

  AccountsFinding out;
  out.accounts = accounts.size();
  out.gate_log10_p = gate_log10_p;
  out.gate_open = GateOpens(gate_log10_p, options.alpha);
  out.m = std::max<uint64_t>(options.family, accounts.size());
  for (const Cluster& cluster : clusters) out.m += cluster.own_keys ? 2 : 1;
  for (const AccountTest& account : accounts) out.without_filter += !account.has_filter;
  if (!out.gate_open) return out;

  std::vector<Entry> entries;
  std::vector<double> log10_p;
  const auto counts = [&](const AccountTest& account) { return account.has_filter && account.scored >= options.min_scored; };
  for (size_t i = 0; i < accounts.size(); ++i) {
    if (!counts(accounts[i])) continue;  // p is 1: Reject() knows of it by m
    ++out.tested;
    entries.push_back({AccountsFinding::Kind::kAccount, i, accounts[i].ln_e});
    log10_p.push_back(accounts[i].log10_p);
  }
  for (size_t i = 0; i < clusters.size(); ++i) {
    std::vector<double> ln_e;
    for (const size_t member : clusters[i].members) ln_e.push_back(counts(accounts[member]) ? accounts[member].ln_e : 0);
    const auto add = [&](AccountsFinding::Kind kind, double ln_cluster) {
      entries.push_back({kind, i, ln_cluster});
      log10_p.push_back(std::min(0.0, -ln_cluster / std::numbers::ln10));
    };
    add(AccountsFinding::Kind::kClusterMean, LnClusterMean(ln_e));
    if (clusters[i].own_keys) add(AccountsFinding::Kind::kClusterProduct, LnClusterProduct(ln_e));
  }

  const double log10_alpha = std::log10(options.alpha);
  const Rejections holm = Reject(Control::kHolm, log10_p, out.m, log10_alpha);
  while (out.named < entries.size() && Detects(holm.log10_adjusted[out.named], log10_alpha)) ++out.named;
  std::vector<bool> is_named(accounts.size());
  for (size_t i = 0; i < out.named; ++i) {
    const Entry& entry = entries[holm.order[i]];
    if (entry.kind == AccountsFinding::Kind::kAccount) is_named[entry.index] = true;
  }
  for (size_t i = 0; i < std::min(entries.size(), out.named + options.next); ++i) {
    const Entry& entry = entries[holm.order[i]];
    const double p = log10_p[holm.order[i]];
    const double family = Log10Bonferroni(p, out.m);
    AccountsFinding::Row row{entry.kind, entry.index, p, holm.log10_adjusted[i], family, entry.ln_e,
                             Log10PosteriorOdds(p, options.prior, options.power), i < out.named, Detects(family, log10_alpha), {}};
    if (row.named && row.kind == AccountsFinding::Kind::kAccount) {
      const AccountTest& real = accounts[entry.index];
      AccountsFinding::Matched matched;
      for (size_t j = 0; j < accounts.size(); ++j) {
        const AccountTest& other = accounts[j];
        if (is_named[j] || !counts(other) || !LikeVolume(real, other) || !Overlap(real, other)) continue;
        matched.least_log10_p = matched.count == 0 ? other.log10_p : std::min(matched.least_log10_p, other.log10_p);
        matched.greatest_log10_p = matched.count == 0 ? other.log10_p : std::max(matched.greatest_log10_p, other.log10_p);
        ++matched.count;
      }
      if (matched.count > 0) row.matched = matched;
    }
    out.rows.push_back(row);
  }
  return out;
}

}  // namespace verdigris::verify
