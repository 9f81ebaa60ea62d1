// The keys of one judgement, sorted into tests: which layers each adds up, and how many there are (command-line.md L3).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "verify/warning.h"
#include "watermark/key_file.h"
#include "watermark/layers.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

// Keys of one judgement as L3 wants them.
class JudgeKeys {
 public:
  // Errors   kMismatch: master, scheme or epoch key, keys of another scheme or of two epochs, two provider or selector
  //          keys, an account named twice, no key left that the profile uses; kFailedPrecondition: a share of 1..255
  //          without selector key, unless `without_selector`.
  static Result<JudgeKeys> Create(const Profile& profile, std::span<const KeyFile* const> keys, bool without_selector);

  struct Test {
    Layers layers;
    bool provider, account;  // which layers it adds up
  };
  const Profile& profile() const { return profile_; }
  std::span<const Test> tests() const { return tests_; }
  bool without_selector() const { return without_selector_; }
  // key_ignored and without_selector, where they apply.
  std::span<const Warning> warnings() const { return warnings_; }

 private:
  explicit JudgeKeys(Profile profile) : profile_(std::move(profile)) {}
  Profile profile_;
  std::vector<Test> tests_;
  bool without_selector_ = false;
  std::vector<Warning> warnings_;
};

}  // namespace verdigris::verify
