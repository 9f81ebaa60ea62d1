// A small investigation for tests: three prompts, an endpoint on this machine.
#pragma once

#include <doctest/doctest.h>

#include "verify/suspect/answers.h"
#include "verify/suspect/investigation.h"
#include "verify/suspect/plan.h"

namespace verdigris::testing {

inline verify::Prompts CasePrompts() {
  return *verify::Prompts::Create({{"tales", "p1", "Once upon a time"}, {"tales", "p2", "A dragon"}, {"news", "p3", "\xE2\x82\xAC 5 \"quoted\"\n"}});
}

inline verify::InvestigationContent CaseContent() {
  verify::InvestigationContent content;
  content.created = "2027-01-02T03:04:05Z";
  content.prompts_sha256 = CasePrompts().digest();
  content.suspect = {verify::SuspectKind::kEndpoint, "suspect", "http://127.0.0.1:8000", verify::Api::kCompletions, "s-1", "2026-06-01T00:00:00Z"};
  content.sampling = {700, 950, 50, 2, 5, "", false};
  content.references = {{"teacher", verify::ReferenceKind::kProvider, Sha256(AsBytes("teacher")), "2026-01-01T00:00:00Z"},
                        {"self", verify::ReferenceKind::kSelf, std::nullopt, ""}};
  verify::InvestigationTest difference;
  difference.rule = verify::CoefficientRule::kDifference;
  difference.share = 900;
  difference.references = {"teacher"};
  verify::InvestigationTest residual = difference;
  residual.rule = verify::CoefficientRule::kResidual;
  residual.share = 100;
  residual.references = {"teacher", "self"};
  content.tests = {difference, residual};
  content.stopping = verify::Stopping::kLooks;
  content.looks = {100, 200};
  content.futility_tokens = 150;
  content.effect_milli = 5000;
  content.budget = {1000, 100000, 100000, 3600};
  content.rate = {4, 60000};
  content.controls = {true, 0, {"older"}, {"tales", "news"}};
  return content;
}

inline verify::PlanContent CasePlanContent() {
  const verify::InvestigationContent content = CaseContent();
  verify::PlanContent plan;
  plan.scheme_id = Sha256(AsBytes("scheme"));
  plan.tests = verify::PlanTestsOf(content.tests);
  plan.family = 3;
  plan.stopping = content.stopping;
  plan.looks = content.looks;
  plan.prompts_sha256 = content.prompts_sha256;
  plan.created = content.created;
  return plan;
}

struct Case {
  verify::Plan plan;
  verify::Investigation investigation;
  verify::Prompts prompts;
};

inline Case MakeCase() {
  auto plan = verify::Plan::Create(CasePlanContent());
  REQUIRE(plan.has_value());
  auto content = CaseContent();
  content.plan_sha256 = plan->digest();
  auto investigation = verify::Investigation::Create(content);
  REQUIRE_MESSAGE(investigation.has_value(), investigation.error().message);
  return {*plan, *investigation, CasePrompts()};
}

}  // namespace verdigris::testing
