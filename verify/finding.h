// Finding: what a test of one text (or of merged evidence) under given keys says, with every number that a reader needs
// to weigh it, and its JSON (command-line.md L3, L4). A finding that does not detect is a result, never an error.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/evidence.h"
#include "watermark/context.h"
#include "watermark/layers.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

enum class Verdict { kDetected, kNotDetected, kInconclusive };
std::string_view VerdictName(Verdict verdict);  // "detected", "not_detected", "inconclusive"

// Classes of keys-and-evidence.md E7; they add up to `tokens`.
struct Counts {
  uint64_t tokens = 0, short_ = 0, special = 0, repeated = 0, duplicate = 0, scored = 0, other_layer = 0;
};

struct LayerResult {
  Layer layer;
  std::string kid;
  std::string account;  // label, account layer only
  uint64_t n = 0;
  Statistic statistic = 0;
  double log10_p = 0;
};

struct Warning {
  std::string code;  // of L4
  uint64_t count;
  std::string text;
};

struct Power {
  double effect;            // p_ref
  double at_this_length;    // power at n and alpha
  std::optional<uint64_t> tokens_needed;  // n from which power stays >= .9; none below kMostTokensNeeded
};

struct Finding {
  std::string input;
  Verdict verdict = Verdict::kInconclusive;
  std::string verdict_by;  // the member that was compared with alpha
  double alpha = 0;
  double log10_p = 0;
  double log10_p_anytime = 0;
  std::optional<double> log10_p_family;
  bool boundary = false;  // the deciding p is within 1e-9 of alpha, in log10: not detected
  std::string scheme;
  Digest scheme_id{};
  Digest profile_digest{};
  Rule rule = Rule::kFirst;
  Counts counts;
  NullLaw law{};
  uint64_t n = 0;
  Statistic statistic = 0;
  std::vector<LayerResult> layers;
  double smallest_attainable_log10_p = 0;
  Power power{};
  std::vector<Warning> warnings;
};

// One line of JSON, members as in L4, numbers in their shortest round-trip form, no line feed.
std::string ToJson(const Finding& finding);

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

struct JudgeOptions {
  double alpha = 1e-6;  // in (0,1)
  Rule rule = Rule::kFirst;
  enum class Test { kFixed, kAnytime } test = Test::kFixed;
};

// State of one token under one test, for --trace and pictures.
struct TokenState {
  enum class Kind : uint8_t { kScored, kShort, kSpecial, kRepeated, kDuplicate, kOtherLayer };
  Kind kind;
  Layer layer = Layer::kNone;
  uint64_t score = 0;
};
std::string_view TokenStateName(TokenState::Kind kind);

// Judges one text given as token ids. One finding for each test of `keys`, in their order; `traces`, if not null, gets as
// many lists of ids.size() states.
//
// Null     the text is independent of the keys, which are random and secret. Upper tail, exact.
// Errors   kInvalidArgument for an id >= 2^24, or alpha outside (0,1).
// Cost     O(n) time and memory.
Result<std::vector<Finding>> JudgeText(const JudgeKeys& keys, std::span<const uint32_t> ids, const JudgeOptions& options,
                                       std::vector<std::vector<TokenState>>* traces);

}  // namespace verdigris::verify
