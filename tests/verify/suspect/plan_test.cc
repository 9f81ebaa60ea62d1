// The plan file. Expected classes: tests/vectors/plan.json.
#include "verify/suspect/plan.h"

#include "tests/verify/suspect/case.h"
#include "tests/watermark/testing.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

TEST_CASE("plan files of the second implementation are read, or refused with its class") {
  const auto vectors = ReadJsonFile("plan.json");
  REQUIRE(vectors["cases"].size() == 17);
  for (const auto& row : vectors["cases"]) {
    const std::string name = row["name"], text = row["text"], expect = row["expect"];
    CAPTURE(name);
    const auto plan = Plan::Parse(text);
    if (expect == "ok") {
      REQUIRE_MESSAGE(plan.has_value(), plan.error().message);
      CHECK(plan->bytes() == text);
      CHECK(Plan::Create(plan->content())->bytes() == text);
    } else {
      REQUIRE_FALSE(plan.has_value());
      CHECK(ErrorClass(plan.error().kind) == expect);
    }
  }
}

TEST_CASE("every proper prefix of a plan is refused, and every bit that is flipped gives another plan or none") {
  const std::string bytes = MakeCase().plan.bytes();
  for (size_t length = 0; length < bytes.size(); ++length) CHECK_FALSE(Plan::Parse(bytes.substr(0, length)).has_value());
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const auto plan = Plan::Parse(changed);
    if (plan) CHECK(plan->bytes() == changed);
  }
}

TEST_CASE("what a plan may not be is named by its member") {
  const auto message = [](auto change) {
    PlanContent content = CasePlanContent();
    change(content);
    const auto plan = Plan::Create(content);
    return plan ? std::string("valid") : std::string(ErrorClass(plan.error().kind)) + ": " + plan.error().message;
  };
  CHECK(message([](PlanContent&) {}) == "valid");
  CHECK(message([](PlanContent& c) { c.tests.clear(); }).starts_with("usage: tests must be in [1,10000], got 0"));
  CHECK(message([](PlanContent& c) { c.tests.push_back(c.tests[0]); }) == "usage: tests[1] stands there twice");
  CHECK(message([](PlanContent& c) { c.tests[0].label = "a"; }) == "usage: tests[0].label must be empty for the provider's layer");
  CHECK(message([](PlanContent& c) { c.tests[0].layer = Layer::kAccount; }) == "usage: tests[0].label must be an account label");
  CHECK(message([](PlanContent& c) { c.family = 0; }) == "usage: family must be in [1,1000000000], got 0");
  CHECK(message([](PlanContent& c) { c.family = 1'000'000'001; }) == "usage: family must be in [1,1000000000], got 1000000001");
  CHECK(message([](PlanContent& c) { c.alpha_log10_e4 = 1; }).starts_with("usage: alpha_log10 must be at most 0"));
  CHECK(message([](PlanContent& c) { c.min_scored = 0; }) == "usage: min_scored must be in [1,1000000000], got 0");
  CHECK(message([](PlanContent& c) { c.decoys = 1'000'001; }) == "usage: decoys must be in [0,1000000], got 1000001");
  CHECK(message([](PlanContent& c) { c.looks = {}; }) == "usage: looks must name sizes where stopping is looks, and only there");
  CHECK(message([](PlanContent& c) { c.stopping = Stopping::kFixed; }) == "usage: looks must name sizes where stopping is looks, and only there");
  CHECK(message([](PlanContent& c) { c.looks = {200, 100}; }) == "usage: looks must ascend");
  CHECK(message([](PlanContent& c) { c.looks = {100, 100}; }) == "usage: looks must ascend");
  CHECK(message([](PlanContent& c) { c.looks = {0}; }).starts_with("usage: looks must be in [1,"));
  CHECK(message([](PlanContent& c) {
          for (uint64_t look = 1000; c.looks.size() < 25; ++look) c.looks.push_back(look);
        }) == "usage: looks must be at most 24");
  CHECK(message([](PlanContent& c) { c.tests[0].method = PlanMethod::kProcess; }) == "usage: tests[0].method is process, and looks have no p of a process");
  CHECK(message([](PlanContent& c) {
          c.stopping = Stopping::kAnytime;
          c.looks = {};
        }) == "usage: tests[0].method must be process where stopping is anytime");
  CHECK(message([](PlanContent& c) { c.created = "now"; }) == "usage: created must be a time YYYY-MM-DDThh:mm:ssZ that exists");
}

TEST_CASE("levels are rounded to the stricter side, in ten-thousandths") {
  CHECK(AlphaLog10E4(1e-6) == -60000);
  CHECK(AlphaLog10E4(1e-10) == -100000);
  CHECK(AlphaLog10E4(0.05) == -13011);  // log10 .05 = -1.30103
  CHECK(AlphaLog10E4(0.001) == -30000);
  CHECK(AlphaLog10E4(1) == 0);
}
