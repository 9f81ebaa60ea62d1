// The judgement of one text under given keys: token ids in, findings out.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "verify/finding.h"
#include "verify/judge_keys.h"
#include "verify/overlap.h"
#include "watermark/context.h"
#include "watermark/result.h"

namespace verdigris::verify {

struct JudgeOptions {
  double alpha = 1e-6;  // in (0,1)
  Rule rule = Rule::kFirst;
  // Which p decides: of the whole text; however often one looks; of a mark anywhere in it; twice the smaller of the first
  // and the third; that of the sum weighed by a proxy.
  enum class Test { kFixed, kAnytime, kLocalized, kCombined, kProxy } test = Test::kFixed;
  // Further tests that this one was chosen among, such as the keys of a calibration, or the variants of a text (verify/variants.h):
  // p is multiplied by it.
  uint64_t tried = 1;
  // Tuples that no test scores (verify/overlap.h); chosen without the key. Null: none.
  const StopList* stop_list = nullptr;
  // ln q of each token of the text under a proxy (verify/proxy.h), 0 where there is none; empty: no proxy. kProxy needs it.
  std::span<const double> proxy_ln_q{};
};

// The p that decides, before it is multiplied by the number of tests. Precondition: `finding` was judged with this test.
double DecidingLog10P(const Finding& finding, JudgeOptions::Test test);

// State of one token under one test, for --trace and pictures.
struct TokenState {
  enum class Kind : uint8_t { kScored, kShort, kSpecial, kRepeated, kDuplicate, kOtherLayer };
  Kind kind;
  Layer layer = Layer::kNone;
  uint64_t score = 0;
  double log10_e = 0;  // evidence for a mark anywhere in the text so far (verify/mixture.h)
};
std::string_view TokenStateName(TokenState::Kind kind);

// What becomes of each position under the rule and the stop list; what the list leaves out is kSpecial.
std::vector<PositionState> PositionsOf(const Profile& profile, std::span<const uint32_t> ids, const JudgeOptions& options);

// Judges one text given as token ids. One finding for each test of `keys`, in their order; `traces`, if not null, gets as
// many lists of ids.size() states.
//
// Null     the text is independent of the keys, which are random and secret. Upper tail, exact.
// Errors   kInvalidArgument for an id >= 2^24, or alpha outside (0,1), ln q that are not as many
//          as ids or no log-probabilities; kNotSupported for a scheme without proxy test.
// Cost     O(n) time and memory.
Result<std::vector<Finding>> JudgeText(const JudgeKeys& keys, std::span<const uint32_t> ids, const JudgeOptions& options,
                                       std::vector<std::vector<TokenState>>* traces);

}  // namespace verdigris::verify
