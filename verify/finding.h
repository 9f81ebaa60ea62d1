// Finding: what a test of one text (or of merged evidence) under given keys says, with every number that a reader needs
// to weigh it, and its JSON (command-line.md L3, L4). A finding that does not detect is a result, never an error.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/decoy.h"
#include "verify/law.h"
#include "verify/proxy.h"
#include "verify/warning.h"
#include "watermark/context.h"
#include "watermark/layers.h"
#include "watermark/profile.h"

namespace verdigris::verify {

enum class Verdict { kDetected, kNotDetected, kInconclusive };
std::string_view VerdictName(Verdict verdict);  // "detected", "not_detected", "inconclusive"

// Variants of a text (verify/variants.h).
inline constexpr std::string_view kAsIs = "as-is", kNormalised = "normalised";

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

struct Power {
  double effect;            // p_ref
  double at_this_length;    // power at n and alpha
  std::optional<uint64_t> tokens_needed;  // n from which power stays >= .9; none below kMostTokensNeeded
};

// Tokens [first, last) contain marked ones: a claim with a p of its own, its ends are estimates (verify/segments.h).
struct MarkedSegment {
  size_t first, last;
  std::optional<std::array<size_t, 2>> bytes;  // of the input as given, half-open; the caller knows them
  double log10_p;
};

struct Localized {
  double log10_p = 0;  // that there is no mark anywhere in the text
  std::vector<MarkedSegment> segments;
};

struct Finding {
  std::string input;
  Verdict verdict = Verdict::kInconclusive;
  std::string verdict_by;  // the member that was compared with alpha
  double alpha = 0;
  double log10_p = 0;
  double log10_p_anytime = 0;
  std::optional<Localized> localized;     // where the order of the tokens is known
  std::optional<ProxyResult> proxy;
  std::optional<DecoyRank> decoys;         // a line-up with keys that nobody used
  std::optional<double> log10_p_combined;  // twice the smaller of log10_p and localized.log10_p
  std::optional<double> log10_p_family;
  bool boundary = false;  // the deciding p is within 1e-9 of alpha, in log10: not detected
  std::string scheme;
  Digest scheme_id{};
  Digest profile_digest{};
  Rule rule = Rule::kFirst;
  std::string variant;              // of the text; empty where variants were not asked for
  std::optional<Digest> stop_list;  // of the list whose tuples were left out; they are among `special`
  Counts counts;
  NullLaw law{};
  uint64_t n = 0;
  Statistic statistic = 0;
  std::vector<LayerResult> layers;
  double smallest_attainable_log10_p = 0;
  Power power{};
  std::optional<double> detectable;  // effect that this length detects with chance .9
  std::vector<Warning> warnings;
};

// One line of JSON, members as in L4, numbers in their shortest round-trip form, no line feed.
std::string ToJson(const Finding& finding);

}  // namespace verdigris::verify
