// From an investigation, an account's key and its filter to the numbers that verify/suspect/accounts.h weighs: the one place
// where accounts meet the tests of a suspect model (suspect-models.md M12.2).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "verify/suspect/accounts.h"
#include "verify/suspect/evidence.h"
#include "verify/suspect/filter.h"
#include "verify/suspect/trial.h"
#include "watermark/layers.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

// What the supervised tests of all accounts share. All must outlive their use.
struct AccountTrials {
  const Profile& profile;
  const Layers& layers;             // with the selector, where the profile needs it
  const SuspectEvidence& evidence;
  TrialOptions options;             // layer and log are set for each account
  uint64_t min_scored;              // below it nothing is scored: p stays 1
};

// `filter` null: the account has none. The test is sequential, in the order of the account's log.
// Errors   kMismatch: a filter of another scheme or window, or of another account; those of Trial::Create.
// Cost     that of a Trial over the evidence, and one key.
Result<AccountTest> TestAccount(const AccountTrials& trials, const std::string& label, std::span<const uint8_t, kKeyBytes> key, const Filter* filter);

}  // namespace verdigris::verify
