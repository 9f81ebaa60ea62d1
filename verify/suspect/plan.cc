// Tested by tests/verify/suspect/plan_test.cc and tests/fuzz/fuzz_plan.cc.
#include "verify/suspect/plan.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "verify/members.h"
#include "watermark/json.h"
#include "watermark/key_file.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kSchema = "verdigris.plan/1";
constexpr uint64_t kMostFamily = 1'000'000'000, kMostMinScored = 1'000'000'000, kMostPlanDecoys = 1'000'000;
constexpr int64_t kLeastAlphaE4 = -9'999'999'999'999;  // nine digits before the point

std::string Bound(const char* name, uint64_t least, uint64_t most, uint64_t got) {
  return std::string(name) + " must be in [" + std::to_string(least) + "," + std::to_string(most) + "], got " + std::to_string(got);
}

// The first fault, or nothing.
std::string FaultOf(const PlanContent& plan) {
  if (plan.tests.empty() || plan.tests.size() > kMostPlanTests) return Bound("tests", 1, kMostPlanTests, plan.tests.size()) + " of them";
  std::set<std::string_view> labels;
  for (size_t i = 0; i < plan.tests.size(); ++i) {
    const PlanTest& test = plan.tests[i];
    const std::string at = "tests[" + std::to_string(i) + "]";
    if (test.layer == Layer::kProvider && !test.label.empty()) return at + ".label must be empty for the provider's layer";
    if (test.layer == Layer::kAccount && !IsAccountLabel(test.label)) return at + ".label must be an account label";
    if (!labels.insert(test.label).second) return at + " stands there twice";
    const bool process = test.method == PlanMethod::kProcess;
    if (plan.stopping == Stopping::kLooks && process) return at + ".method is process, and looks have no p of a process";
    if (plan.stopping == Stopping::kAnytime && !process) return at + ".method must be process where stopping is anytime";
  }
  if (plan.family < plan.tests.size() || plan.family > kMostFamily) return Bound("family", plan.tests.size(), kMostFamily, plan.family);
  if (plan.alpha_log10_e4 > 0 || plan.alpha_log10_e4 < kLeastAlphaE4) return "alpha_log10 must be at most 0 and have at most nine digits before the point";
  if (plan.min_scored < 1 || plan.min_scored > kMostMinScored) return Bound("min_scored", 1, kMostMinScored, plan.min_scored);
  if (plan.decoys > kMostPlanDecoys) return Bound("decoys", 0, kMostPlanDecoys, plan.decoys);
  if ((plan.stopping == Stopping::kLooks) == plan.looks.empty()) return "looks must name sizes where stopping is looks, and only there";
  if (plan.looks.size() > kMostLooks) return "looks must be at most " + std::to_string(kMostLooks);
  for (size_t i = 0; i < plan.looks.size(); ++i) {
    if (plan.looks[i] < 1 || plan.looks[i] > kMostLookTokens) return Bound("looks", 1, kMostLookTokens, plan.looks[i]);
    if (i > 0 && plan.looks[i] <= plan.looks[i - 1]) return "looks must ascend";
  }
  if (!IsUtcTime(plan.created)) return "created must be a time YYYY-MM-DDThh:mm:ssZ that exists";
  return {};
}

std::string BytesOf(const PlanContent& plan) {
  Json::Array tests, looks;
  for (const PlanTest& test : plan.tests) {
    tests.push_back(Json::FromMembers({{"label", test.label}, {"layer", std::string(LayerName(test.layer))}, {"method", std::string(MethodName(test.method))}}));
  }
  for (const uint64_t look : plan.looks) looks.emplace_back(static_cast<int64_t>(look));
  const auto integer = [](uint64_t value) { return Json(static_cast<int64_t>(value)); };
  return WriteJson(Json::FromMembers({
             {"schema", std::string(kSchema)},
             {"scheme_id", Hex(plan.scheme_id)},
             {"tests", std::move(tests)},
             {"family", integer(plan.family)},
             {"alpha_log10", Decimal4(plan.alpha_log10_e4)},
             {"rule", plan.rule == Rule::kTuple ? "tuple" : "first"},
             {"exclude_prompt_windows", integer(plan.exclude_prompt_windows)},
             {"min_scored", integer(plan.min_scored)},
             {"decoys", integer(plan.decoys)},
             {"stopping", std::string(StoppingName(plan.stopping))},
             {"looks", std::move(looks)},
             {"prompts_sha256", plan.prompts_sha256 ? Hex(*plan.prompts_sha256) : std::string()},
             {"created", plan.created},
         })) +
         "\n";
}

}  // namespace

std::string_view MethodName(PlanMethod method) {
  return method == PlanMethod::kCount ? "count" : method == PlanMethod::kWeighted ? "weighted" : "process";
}
std::string_view StoppingName(Stopping stopping) {
  return stopping == Stopping::kFixed ? "fixed" : stopping == Stopping::kLooks ? "looks" : "anytime";
}

Plan::Plan(PlanContent content) : content_(std::move(content)), bytes_(BytesOf(content_)), digest_(Sha256(AsBytes(bytes_))) {}

Result<Plan> Plan::Create(PlanContent content) {
  if (std::string fault = FaultOf(content); !fault.empty()) return Fail(ErrorKind::kInvalidArgument, std::move(fault));
  return Plan(std::move(content));
}

Result<Plan> Plan::Parse(std::string_view bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseSchemaFile(bytes, kSchema));
  Members members(json, "");
  PlanContent plan;
  members.Text("schema");
  plan.scheme_id = members.DigestOf("scheme_id");
  bool known_methods = true;
  const auto tests = members.Array("tests", kMostPlanTests);
  for (size_t i = 0; i < tests.size() && members.ok(); ++i) {
    Members test = members.Element("tests", i, tests[i]);
    PlanTest& to = plan.tests.emplace_back();
    to.label = test.Text("label");
    to.layer = test.Word("layer", {"provider", "account"}) == 0 ? Layer::kProvider : Layer::kAccount;
    const std::string method = test.Text("method");
    to.method = method == "count" ? PlanMethod::kCount : method == "weighted" ? PlanMethod::kWeighted : PlanMethod::kProcess;
    known_methods = known_methods && (to.method != PlanMethod::kProcess || method == "process");
    members.Close(test);
  }
  plan.family = members.Integer("family");
  const auto alpha = ParseDecimal4(members.Text("alpha_log10"));
  if (!alpha) members.Fault("alpha_log10", "must be a string 0.0000 or -d.dddd");
  plan.alpha_log10_e4 = alpha.value_or(0);
  plan.rule = members.Word("rule", {"tuple", "first"}) == 0 ? Rule::kTuple : Rule::kFirst;
  plan.exclude_prompt_windows = members.Bit("exclude_prompt_windows");
  plan.min_scored = members.Integer("min_scored");
  plan.decoys = members.Integer("decoys");
  plan.stopping = static_cast<Stopping>(members.Word("stopping", {"fixed", "looks", "anytime"}));
  plan.looks = members.Integers("looks", kMostLooks);
  plan.prompts_sha256 = members.DigestOrEmpty("prompts_sha256");
  plan.created = members.Text("created");
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  if (!known_methods) return Fail(ErrorKind::kUnsupported, "tests: a method that is not known");
  if (std::string fault = FaultOf(plan); !fault.empty()) return Fail(ErrorKind::kMalformed, std::move(fault));
  return Plan(std::move(plan));
}

}  // namespace verdigris::verify
