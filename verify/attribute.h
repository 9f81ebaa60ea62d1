// Which account: every account that could have been named is tested, and the family-wise guarantee holds over all of them
// (statistics.md 8.4). A text whose provider layer shows nothing names nobody.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "verify/evidence.h"
#include "verify/many_keys.h"
#include "watermark/key_file.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

// The next account's label and layer key, or false at the end. Called once for each account, in a fixed order; the key's
// bytes are wiped by the caller of this function.
using AccountSource = std::function<Result<bool>(std::string& label, std::span<uint8_t, kKeyBytes> key)>;

// The accounts named, below an epoch key, without a key file for each. `labels` must outlive the source.
AccountSource AccountsOf(const Key& epoch_key, std::span<const std::string> labels);

// Account keys from files, kept for many texts: 32 bytes each, wiped when they go.
class AccountKeys {
 public:
  AccountKeys() = default;
  AccountKeys(AccountKeys&&) = default;
  AccountKeys& operator=(AccountKeys&& other) noexcept;
  ~AccountKeys();

  // Errors   kMismatch: a key of another role, of another epoch than the first, or of a label that is there.
  Result<void> Add(const KeyFile& key);
  size_t size() const { return labels_.size(); }
  uint32_t epoch() const { return epoch_; }  // once there is one
  // Must be outlived by this object.
  AccountSource Source() const;

 private:
  std::vector<std::string> labels_;
  std::vector<std::array<uint8_t, kKeyBytes>> keys_;
  std::set<std::string, std::less<>> seen_;
  uint32_t epoch_ = 0;
};

struct AttributeOptions {
  double alpha = 1e-6;           // for all accounts together, and for the provider layer
  Rule rule = Rule::kFirst;
  uint64_t family = 0;           // accounts that could have been named; 0: those that the source gives
  std::optional<double> effect;  // planned, for futility; the scheme's reference effect where none is given
  double drop_chance = 1e-3;     // chance that the right key is dropped early; 0: no key is
  size_t report = 20;            // accounts listed, those of least p
  // Go on to the accounts where the provider layer was tested and not detected.
  bool without_provider = false;
};

struct ProviderTest {
  uint64_t n = 0;
  Statistic statistic = 0;
  double log10_p = 0;
  bool detected = false;
};

struct Attribution {
  struct Account {
    std::string label;
    std::string kid;
    Statistic statistic;
    double log10_p;
    double log10_adjusted;  // Holm over the family: named iff at most alpha
    bool named;
  };
  std::optional<ProviderTest> provider;  // where the profile has that layer and its key was given
  bool accounts_tested = false;
  uint64_t n = 0;                // tuples of the account layer
  uint64_t accounts = 0;         // tested
  uint64_t family = 0;           // m of Holm
  uint64_t dropped = 0;          // by futility: their p is 1
  double mean_scored = 0;        // tuples an account
  std::vector<Account> least;    // of least p, ascending; none that was dropped
  size_t named = 0;              // the first so many of them; where that is all, there may be more
};

// One text. `provider` and `selector` may be null; a share of 1..255 needs the selector.
//
// Null     the text is independent of all keys. Upper tail, exact; any dependence between accounts' scores.
// Errors   kInvalidArgument: alpha, effect or drop chance out of range, ids from 2^24 on, no account, a label that is none,
//          a family smaller than the accounts given; kMismatch: as Layers::Create, no account layer, two listed accounts of
//          one key or one label; kFailedPrecondition: the selector is missing. Those of the source.
// Cost     that of KeyScorer for each account; memory does not grow with accounts.
Result<Attribution> Attribute(const Profile& profile, const KeyFile* provider, const KeyFile* selector,
                              const AccountSource& accounts, std::span<const uint32_t> ids, const AttributeOptions& options);
// The same over evidence, such as that of a corpus, each tuple of which counts once. options.rule shaped the evidence.
Result<Attribution> Attribute(const Profile& profile, const KeyFile* provider, const KeyFile* selector,
                              const AccountSource& accounts, const Evidence& evidence, const AttributeOptions& options);

}  // namespace verdigris::verify
