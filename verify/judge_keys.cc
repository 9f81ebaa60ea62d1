// Tested by tests/verify/finding_test.cc and tests/cli/detect_layers.sh.
#include "verify/judge_keys.h"

#include <set>
#include <string_view>

namespace verdigris::verify {

Result<JudgeKeys> JudgeKeys::Create(const Profile& profile, std::span<const KeyFile* const> keys, bool without_selector) {
  JudgeKeys judge(profile);
  std::vector<const KeyFile*> shared, accounts;
  for (const KeyFile* key : keys) (key->role == KeyRole::kAccount ? accounts : shared).push_back(key);
  VERDIGRIS_ASSIGN_OR_RETURN(const Layers base, Layers::Create(profile, shared));
  std::set<std::string_view> labels;
  std::vector<Layers> with_account;
  for (const KeyFile* key : accounts) {
    VERDIGRIS_ASSIGN_OR_RETURN(Layers layers, base.WithAccount(profile, *key));
    if (!with_account.empty() && key->epoch != accounts.front()->epoch) {
      return Fail(ErrorKind::kMismatch, "account keys of epochs " + std::to_string(accounts.front()->epoch) + " and " + std::to_string(key->epoch));
    }
    if (!labels.insert(key->account).second) return Fail(ErrorKind::kMismatch, "account " + key->account + " is named twice");
    with_account.push_back(std::move(layers));
  }

  const bool ignores_accounts = !profile.has_account_layer() && !accounts.empty();
  const bool ignores_provider = !profile.has_provider_layer() && !base.kid(Layer::kProvider).empty();
  if (ignores_accounts) {
    judge.warnings_.push_back({"key_ignored", accounts.size(), "the profile has no account layer: account keys are not used"});
    with_account.clear();
  }
  if (ignores_provider) judge.warnings_.push_back({"key_ignored", 1, "the profile has no provider layer: the provider key is not used"});
  const bool provider = base.Has(Layer::kProvider);
  if (!provider && with_account.empty()) {
    return Fail(ErrorKind::kMismatch, "no key is left that this profile scores with: give a provider or an account key");
  }
  if (profile.needs_selector() && !base.has_selector()) {
    if (!without_selector) {
      return Fail(ErrorKind::kFailedPrecondition, "the selector key is missing: both layers share this profile's positions");
    }
    judge.without_selector_ = true;
    judge.warnings_.push_back({"without_selector", 1, "every position is scored under each layer's key: valid, but weaker"});
  }

  if (with_account.size() <= 1) {
    const bool account = !with_account.empty();
    judge.tests_.push_back({account ? with_account.front() : base, provider, account});
  } else {
    for (Layers& layers : with_account) judge.tests_.push_back({std::move(layers), false, true});
    if (provider) judge.tests_.push_back({base, true, false});
  }
  return judge;
}

}  // namespace verdigris::verify
