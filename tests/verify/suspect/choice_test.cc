// The table of suspect-models.md M8, row by row.
#include "verify/suspect/choice.h"

#include <doctest/doctest.h>

using namespace verdigris;
using namespace verdigris::verify;

namespace {

std::string Chosen(Offered offered) {
  if (offered.keys.empty()) offered.keys = {{}};
  const auto tests = ChooseTests(offered);
  if (!tests) return tests.error().message;
  std::string out;
  for (const InvestigationTest& test : *tests) {
    out += (out.empty() ? "" : "; ") + test.label + (test.label.empty() ? "" : ": ") + std::string(RuleName(test.rule)) + " " + std::to_string(test.share) +
           (test.order == Order::kLog ? " log" : test.order == Order::kText ? " text" : "") + (test.filter_sha256 ? " filter" : "") +
           (test.references.empty() ? "" : " -" + std::to_string(test.references.size()));
  }
  return out;
}

}  // namespace

TEST_CASE("answers, with and without lists and references") {
  Offered offered;
  CHECK(Chosen(offered) == "root 1000");
  offered.lists = 20;
  CHECK(Chosen(offered) == "root 1000");
  offered.references = {"teacher"};
  CHECK(Chosen(offered) == "difference 900 -1; residual 100 -1");
  offered.lists = 4;
  CHECK(Chosen(offered) == "residual 1000 -1");
}

TEST_CASE("an account's filter: half inside it, half without") {
  Offered offered;
  offered.references = {"teacher", "base"};
  offered.lists = 5;
  offered.keys = {{Layer::kAccount, "acct-7", Digest{}}};
  CHECK(Chosen(offered) == "acct-7: difference 500 log filter -2; acct-7: difference 500 -2");
  offered.lists = 0;
  CHECK(Chosen(offered) == "acct-7: residual 500 log filter -2; acct-7: residual 500 -2");
  offered.keys.push_back({Layer::kAccount, "acct-8", {}});
  CHECK(Chosen(offered) == "acct-7: residual 250 log filter -2; acct-7: residual 250 -2; acct-8: residual 500 -2");
}

TEST_CASE("texts that are read") {
  Offered offered;
  offered.reading = true;
  offered.lists = 20;
  CHECK(Chosen(offered).starts_with("reading needs a reference"));
  offered.references = {"teacher"};
  offered.log_texts = offered.unmarked_texts = true;
  CHECK(Chosen(offered) == "first-scaled 900 log -1; difference 100 -1");
  offered.unmarked_texts = false;
  CHECK(Chosen(offered) == "first-scaled 1000 log -1");
  offered.keys = {{Layer::kAccount, "a", Digest{}}};
  CHECK(Chosen(offered) == "a: first-scaled 1000 log filter -1");
  offered.log_texts = false;
  offered.marked_texts = true;
  CHECK(Chosen(offered).starts_with("a filter belongs to answers"));
  offered.keys = {};
  CHECK(Chosen(offered) == "first-scaled 1000 text -1");
  offered.unmarked_texts = true;
  CHECK(Chosen(offered) == "difference 900 -1; first-scaled 100 text -1");
  offered.marked_texts = false;
  CHECK(Chosen(offered) == "difference 1000 -1");
  offered.lists = 0;
  CHECK(Chosen(offered).starts_with("texts are read for their lists"));
}

TEST_CASE("more keys than parts of alpha are refused") {
  Offered offered;
  CHECK_FALSE(ChooseTests(offered).has_value());
  for (int i = 0; i <= 1000; ++i) offered.keys.push_back({Layer::kAccount, "a" + std::to_string(i), {}});
  CHECK(Chosen(offered).starts_with("too many keys"));
}
