// Tested by tests/verify/suspect/choice_test.cc.
#include "verify/suspect/choice.h"

namespace verdigris::verify {
namespace {

constexpr uint64_t kLeastLists = 5;  // fewer are worth no more than the answers

using Rule = CoefficientRule;

struct Part {
  Rule rule;
  uint64_t share;
  Order order = Order::kNone;
};

// Of one key without a filter.
std::vector<Part> PartsOf(const Offered& offered) {
  if (!offered.reading) {
    if (offered.references.empty()) return {{Rule::kRoot, 1000}};
    if (offered.lists >= kLeastLists) return {{Rule::kDifference, 900}, {Rule::kResidual, 100}};
    return {{Rule::kResidual, 1000}};
  }
  const Part log{Rule::kFirstScaled, 900, Order::kLog}, fresh{Rule::kFirstScaled, 100, Order::kText};
  if (offered.log_texts && offered.unmarked_texts) return {log, {Rule::kDifference, 100}};
  if (offered.log_texts) return {{log.rule, 1000, log.order}};
  if (offered.marked_texts && offered.unmarked_texts) return {{Rule::kDifference, 900}, fresh};
  if (offered.marked_texts) return {{fresh.rule, 1000, fresh.order}};
  return {{Rule::kDifference, 1000}};
}

}  // namespace

Result<std::vector<InvestigationTest>> ChooseTests(const Offered& offered) {
  const auto fail = [](const char* why) { return Fail(ErrorKind::kInvalidArgument, why); };
  if (offered.keys.empty()) return fail("no key is to be tested");
  if (offered.reading && offered.lists == 0) return fail("texts are read for their lists: lists must be 1 or more");
  if (offered.reading && offered.references.empty()) return fail("reading needs a reference: a model that never saw text under the key");
  std::vector<InvestigationTest> tests;
  for (const TestedKey& key : offered.keys) {
    std::vector<InvestigationTest> of_key;
    const auto add = [&](const Part& part, uint64_t share, bool filtered) {
      InvestigationTest& test = of_key.emplace_back();
      test.rule = part.rule;
      test.layer = key.layer;
      test.label = key.label;
      test.share = share / offered.keys.size();
      if (NeedsReference(part.rule)) test.references = offered.references;
      test.order = filtered ? Order::kLog : part.order;
      if (filtered) test.filter_sha256 = key.filter_sha256;
    };
    const std::vector<Part> parts = PartsOf(offered);
    if (!key.filter_sha256) {
      for (const Part& part : parts) add(part, part.share, false);
    } else if (offered.reading) {
      if (!offered.log_texts) return fail("a filter belongs to answers, or to the texts of its account's log");
      for (const Part& part : parts) add(part, part.share, part.order == Order::kLog);
    } else {
      // The primary inside the filter, and the same without.
      add(parts.front(), 500, true);
      add(parts.front(), 500, false);
    }
    for (InvestigationTest& test : of_key) {
      if (test.share == 0) return fail("too many keys to share alpha among");
      tests.push_back(std::move(test));
    }
  }
  return tests;
}

}  // namespace verdigris::verify
