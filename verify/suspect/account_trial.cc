// Tested by tests/verify/suspect/account_trial_test.cc.
#include "verify/suspect/account_trial.h"

namespace verdigris::verify {

Result<AccountTest> TestAccount(const AccountTrials& trials, const std::string& label, std::span<const uint8_t, kKeyBytes> key, const Filter* filter) {
  AccountTest test;
  test.label = label;
  test.kid = KeyId(KeyRole::kAccount, Key(key));
  test.has_filter = filter != nullptr;
  if (filter == nullptr) return test;
  const FilterFacts& facts = filter->facts();
  if (facts.scheme_id != trials.profile.scheme_id() || facts.window != trials.profile.window()) {
    return Fail(ErrorKind::kMismatch, "the filter of " + label + " is of scheme_id " + Hex(facts.scheme_id) + ", the profile has " + Hex(trials.profile.scheme_id()));
  }
  if (facts.label != label) return Fail(ErrorKind::kMismatch, "the filter of " + label + " is that of " + (facts.label.empty() ? "no single account" : facts.label));
  test.windows = filter->size();
  TrialOptions options = trials.options;
  options.layer = Layer::kAccount;
  options.log_rank = [filter](const uint32_t* window) { return filter->RankOf(window); };
  VERDIGRIS_ASSIGN_OR_RETURN(Trial trial, Trial::Create(trials.profile, trials.layers, trials.evidence, options));
  test.scored = trial.scored();
  if (test.scored == 0 || test.scored < trials.min_scored) return test;
  const TrialOutcome outcome = trial.Run(key);
  test.log10_p = outcome.log10_p;
  test.ln_e = outcome.ln_e;
  return test;
}

}  // namespace verdigris::verify
