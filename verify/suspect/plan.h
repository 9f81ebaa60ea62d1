// The plan of a test, plan.json (keys-and-evidence.md E7, suspect-models.md M10): what will be tested, at which level, fixed
// before the suspect's outputs are collected. A Plan that exists is valid.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/multiplicity.h"  // AlphaLog10E4
#include "watermark/context.h"
#include "watermark/key.h"
#include "watermark/layers.h"
#include "watermark/result.h"

namespace verdigris::verify {

enum class PlanMethod { kCount, kWeighted, kProcess };
enum class Stopping { kFixed, kLooks, kAnytime };

std::string_view MethodName(PlanMethod method);     // "count"
std::string_view StoppingName(Stopping stopping);   // "fixed"

inline constexpr size_t kMostPlanTests = 10'000, kMostLooks = 24;
inline constexpr uint64_t kMostLookTokens = 1'000'000'000'000'000;

struct PlanTest {
  Layer layer = Layer::kProvider;  // never kNone
  std::string label;               // empty for the provider layer, and only there
  PlanMethod method = PlanMethod::kCount;
  bool operator==(const PlanTest&) const = default;
};

struct PlanContent {
  Digest scheme_id{};
  std::vector<PlanTest> tests;
  uint64_t family = 1;              // keys that could have been tested
  int64_t alpha_log10_e4 = -60000;  // ten-thousandths: -6.0000
  Rule rule = Rule::kTuple;
  bool exclude_prompt_windows = true;
  uint64_t min_scored = 200;
  uint64_t decoys = 999;
  Stopping stopping = Stopping::kFixed;
  std::vector<uint64_t> looks;  // answer tokens, ascending
  std::optional<Digest> prompts_sha256;
  std::string created;

  double alpha_log10() const { return static_cast<double>(alpha_log10_e4) / 1e4; }
};

class Plan {
 public:
  // Errors   kInvalidArgument, naming the member: no test or more than 10,000, a (layer, label) twice, a label on a provider
  //          test, none or no account label on an account's; family below the tests or above 10^9; alpha above 1; min_scored
  //          0; more than 10^6 decoys; looks without `looks`, `looks` without, not ascending, more than 24; a process test
  //          under `looks`, another method under `anytime`; no time.
  static Result<Plan> Create(PlanContent content);

  // Reads the bytes of a plan file. Errors: kLimit; kUnsupported (another version, a method that is not known); kMalformed
  // for everything else, those of Create included.
  static Result<Plan> Parse(std::string_view bytes);

  const PlanContent& content() const { return content_; }
  const PlanContent* operator->() const { return &content_; }
  // The file.
  const std::string& bytes() const { return bytes_; }
  const Digest& digest() const { return digest_; }

 private:
  explicit Plan(PlanContent content);

  PlanContent content_;
  std::string bytes_;
  Digest digest_;
};

}  // namespace verdigris::verify
