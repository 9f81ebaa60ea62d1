// Accounts: through which of them a suspect model's material was taken (suspect-models.md M12). Over values only: what the
// supervised test of each account gave goes in, who may be named comes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "watermark/result.h"

namespace verdigris::verify {

// The supervised test of one account of the epoch: its key, inside its filter.
struct AccountTest {
  std::string label;
  std::string kid;
  bool has_filter = true;
  uint64_t scored = 0;         // rows of its layer inside its filter
  double log10_p = 0;          // of the test as planned; at most 0
  double ln_e = 0;             // the last E, never the largest: clusters need an e-value
  uint64_t tokens_served = 0;  // 0: not known; volumes are then compared by windows
  uint64_t windows = 0;        // of its filter
  std::string first_served, last_served;  // times of its log (E2), or empty
};

// Accounts that may be one hand, by facts fixed before any test: one means of payment, one range of addresses.
struct Cluster {
  std::string name;
  std::vector<size_t> members;  // places in the list of accounts
  // Each member is tested under a key of its own: e-values are then independent under H0, and may be multiplied.
  bool own_keys = true;
};

// ln of the mean of E: an e-value under any dependence. Precondition for both: not empty.
double LnClusterMean(std::span<const double> ln_e);
// ln of the mean over x in {.01, .1, .5, 1} of prod(1 - x + x E): an e-value for independent E.
double LnClusterProduct(std::span<const double> ln_e);

// log10 of prior * power / p: odds for "used" against "not used", with the power of such a test taken as given.
double Log10PosteriorOdds(double log10_p, double prior, double power);

struct AccountsOptions {
  double alpha = 1e-6;        // for all accounts together, and for the gate
  uint64_t family = 0;        // accounts of the epoch; 0: those given
  uint64_t min_scored = 200;  // below it an account's p is 1; it counts in m all the same
  size_t next = 10;           // printed after those named
  double prior = 1e-4, power = 0.9;
};

struct AccountsFinding {
  enum class Kind { kAccount, kClusterMean, kClusterProduct };
  // Tests of other accounts under their own keys, of volume within a factor 2, served in the same time where times are
  // known, and not named.
  struct Matched {
    size_t count = 0;
    double least_log10_p = 0, greatest_log10_p = 0;
  };
  struct Row {
    Kind kind;
    size_t index;           // of the account or cluster
    double log10_p;         // of a cluster: min(1, 1/E)
    double log10_adjusted;  // Holm over m
    double log10_family;    // Bonferroni over m: what a record says
    double ln_e;
    double log10_odds;
    bool named;
    bool in_record;         // log10_family is at most alpha
    std::optional<Matched> matched;  // of named accounts
  };
  double gate_log10_p = 0;
  bool gate_open = false;
  uint64_t m = 0;               // of Holm: all accounts, and the entries of clusters
  uint64_t accounts = 0;        // given
  uint64_t tested = 0;          // that had a filter and enough rows
  uint64_t without_filter = 0;
  std::vector<Row> rows;        // of least p: those named, then the next; empty behind a shut gate
  size_t named = 0;             // the first so many rows
};

// Whether accounts may be tested at all: the provider layer's finding at alpha. A caller asks this before it computes any
// account.
bool GateOpens(double gate_log10_p, double alpha);

// Null     each account's material is independent of its key. Family-wise error at most alpha, any dependence: behind the
//          gate if no account was used, by Holm over all m if some were.
// Errors   kInvalidArgument: an option out of range, a p above 1 or no number, a family smaller than the accounts given, a
//          cluster that is empty or names an account twice or none; kMismatch: two accounts of one label.
// Cost     a sort of the accounts.
Result<AccountsFinding> JudgeAccounts(double gate_log10_p, std::span<const AccountTest> accounts, std::span<const Cluster> clusters,
                                      const AccountsOptions& options);

}  // namespace verdigris::verify
