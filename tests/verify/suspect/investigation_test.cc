// investigation.json and prompts.jsonl: written, read back, refused by the member's name (S13's half for the plans).
#include "verify/suspect/investigation.h"

#include "tests/verify/suspect/case.h"
#include "watermark/json.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

// The error of a content after `change`.
template <class Change>
std::string FaultOf(Change change) {
  InvestigationContent content = CaseContent();
  change(content);
  const auto made = Investigation::Create(content);
  if (made) return "valid";
  CHECK(made.error().kind == ErrorKind::kInvalidArgument);
  return made.error().message;
}

// All paths of members below a value, and for each the value without it.
void Without(const Json& value, const std::string& path, const std::function<void(const std::string&, Json)>& each) {
  if (const Json::Object* object = value.object()) {
    for (size_t i = 0; i < object->size(); ++i) {
      Json::Object less = *object;
      less.erase(less.begin() + static_cast<ptrdiff_t>(i));
      each(path + (*object)[i].first, Json::FromMembers(less));
      Without((*object)[i].second, path + (*object)[i].first + ".", [&](const std::string& name, Json inner) {
        Json::Object with = *object;
        with[i].second = std::move(inner);
        each(name, Json::FromMembers(with));
      });
    }
  }
}

}  // namespace

TEST_CASE("an investigation is read back member by member, and its bytes are canonical") {
  const Case made = MakeCase();
  const std::string& bytes = made.investigation.bytes();
  CHECK(ParseCanonicalJson(bytes.substr(0, bytes.size() - 1)).has_value());
  const auto again = Investigation::Parse(bytes);
  REQUIRE_MESSAGE(again.has_value(), again.error().message);
  CHECK(again->bytes() == bytes);
  CHECK(again->digest() == Sha256(AsBytes(bytes)));
  CHECK(again->content().tests[1].references == std::vector<std::string>{"teacher", "self"});
  CHECK(again->content().references[1].kind == ReferenceKind::kSelf);
  CHECK(again->content().controls.strict);
  CHECK(again->content().budget.answer_tokens == 100000);
  CHECK(again->content().futility_tokens == 150);
  CHECK_FALSE(again->content().reading());
  CHECK(CheckBelong(made.plan, *again, made.prompts).has_value());
}

TEST_CASE("every member is required, and none that is not known is taken") {
  const std::string bytes = MakeCase().investigation.bytes();
  const Json json = *ParseCanonicalJson(bytes.substr(0, bytes.size() - 1));
  size_t members = 0;
  Without(json, "", [&](const std::string& name, Json less) {
    CAPTURE(name);
    ++members;
    const auto parsed = Investigation::Parse(WriteJson(less) + "\n");
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().kind == ErrorKind::kMalformed);
    CHECK(parsed.error().message == name + " is missing");
  });
  CHECK(members == 13 + 6 + 7 + 3 + 4 + 2 + 4);  // the table of M10.1, without the elements of lists
  std::string more = bytes;
  more.insert(more.size() - 2, ",\"z\":1");
  CHECK(Investigation::Parse(more).error().message == "the file has a member that is not known");
  for (size_t length = 0; length < bytes.size(); ++length) CHECK_FALSE(Investigation::Parse(bytes.substr(0, length)).has_value());
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    if (const auto parsed = Investigation::Parse(changed)) CHECK(parsed->bytes() == changed);
  }
  std::string version = bytes;
  version.replace(version.find("investigation/1"), 15, "investigation/2");
  CHECK(Investigation::Parse(version).error().kind == ErrorKind::kUnsupported);
}

TEST_CASE("bounds of the table, each side of each") {
  using C = InvestigationContent;
  CHECK(FaultOf([](C&) {}) == "valid");
  struct Row {
    const char* name;
    uint64_t* (*member)(C&);
    uint64_t least, most;
  };
  const Row rows[] = {
      {"sampling.temperature_milli", [](C& c) { return &c.sampling.temperature_milli; }, 0, 2000},
      {"sampling.top_p_milli", [](C& c) { return &c.sampling.top_p_milli; }, 1, 1000},
      {"sampling.max_tokens", [](C& c) { return &c.sampling.max_tokens; }, 1, 65536},
      {"sampling.answers", [](C& c) { return &c.sampling.answers; }, 1, 1000},
      {"sampling.lists", [](C& c) { return &c.sampling.lists; }, 0, 20},
      {"tests[0].share", [](C& c) { return &c.tests[0].share; }, 0, 1000},
      {"budget.requests", [](C& c) { return &c.budget.requests; }, 1, 1'000'000'000'000},
      {"budget.answer_tokens", [](C& c) { return &c.budget.answer_tokens; }, 1, 1'000'000'000'000},
      {"budget.prompt_tokens", [](C& c) { return &c.budget.prompt_tokens; }, 1, 1'000'000'000'000},
      {"budget.seconds", [](C& c) { return &c.budget.seconds; }, 1, 1'000'000'000'000},
      {"rate.parallel", [](C& c) { return &c.rate.parallel; }, 1, 64},
      {"rate.per_minute", [](C& c) { return &c.rate.per_minute; }, 1, 100'000},
      {"controls.matched", [](C& c) { return &c.controls.matched; }, 0, 10'000},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto at = [&](uint64_t value) {
      return FaultOf([&](C& c) {
        c.tests[1].share = 0;
        if (std::string(row.name) == "sampling.max_tokens" && value == 1) c.sampling.answers = 1;
        if (std::string(row.name) == "sampling.lists") c.tests.erase(c.tests.begin());  // needs none then
        *row.member(c) = value;
      });
    };
    CHECK(at(row.least) == "valid");
    CHECK(at(row.most) == "valid");
    if (row.least > 0) CHECK(at(row.least - 1).starts_with(std::string(row.name) + " must be in ["));
    CHECK(at(row.most + 1).starts_with(std::string(row.name) + " must be in ["));
  }
}

TEST_CASE("what does not go together is refused, and named") {
  using C = InvestigationContent;
  const auto says = [](auto change, const char* start) {
    const std::string fault = FaultOf(change);
    CHECK_MESSAGE(fault.starts_with(start), fault);
  };
  says([](C& c) { c.created = "2027-02-30T00:00:00Z"; }, "created must be a time");
  says([](C& c) { c.suspect.not_before = ""; }, "suspect.not_before must be a time");
  says([](C& c) { c.suspect.name = ""; }, "suspect.name must be UTF-8 of 1 to 1024 bytes, got 0");
  says([](C& c) { c.suspect.model = "\xFF"; }, "suspect.model must be UTF-8");
  says([](C& c) { c.suspect.kind = SuspectKind::kFiles; }, "suspect.url must be empty for files");
  says([](C& c) { c.sampling.system = "x"; }, "sampling.system must be empty with the api completions");
  says([](C& c) { c.sampling.echo = true; }, "sampling.echo must be 0 unless texts are read");
  says([](C& c) {
    c.sampling.max_tokens = c.sampling.answers = 1;
    c.sampling.echo = true;
    c.suspect.api = Api::kChat;
  }, "sampling.echo must be 0 with the api chat");
  says([](C& c) { c.sampling.max_tokens = 1; }, "sampling.answers must be 1 where texts are read");
  says([](C& c) { c.references.push_back(c.references[0]); }, "references[2].name stands there twice");
  says([](C& c) { c.references[0].model_sha256.reset(); }, "references[0].model_sha256 must be empty for self, and only there");
  says([](C& c) { c.references[1].model_sha256 = Digest{}; }, "references[1].model_sha256 must be empty for self, and only there");
  says([](C& c) { c.references[0].not_after = "then"; }, "references[0].not_after must be a time");
  says([](C& c) { c.tests.clear(); }, "tests, their number, must be in [1,10000], got 0");
  says([](C& c) { c.tests[1].share = 101; }, "tests, the sum of share, must be in [0,1000], got 1001");
  says([](C& c) { c.tests[0].references = {"other"}; }, "tests[0].references names one that is not among the references");
  says([](C& c) { c.tests[0].references = {"self", "self"}; }, "tests[0].references names one twice");
  says([](C& c) { c.tests[0].references = {}; }, "tests[0].references must name one for this test");
  says([](C& c) { c.sampling.lists = 0; }, "tests[0].name needs lists");
  says([](C& c) { c.tests[0].label = "acct-7"; }, "tests[0].label must be an account label for an account, and empty for the provider");
  says([](C& c) {
    c.tests.push_back(c.tests[0]);
    c.tests[1].layer = Layer::kAccount;
    c.tests[1].label = "acct-7";
    c.tests[2].share = 0;
  }, "tests[2] must stand with the tests of its layer and label");
  says([](C& c) { c.tests[1].order = Order::kText; }, "tests[1].order must be log with a filter, and none without");
  says([](C& c) { c.tests[1].filter_sha256 = Digest{}; }, "tests[1].order must be log with a filter, and none without");
  says([](C& c) { c.tests[0].rule = CoefficientRule::kFirstScaled; }, "tests[0].order must be text or log for this test");
  says([](C& c) {
    c.tests[0].rule = CoefficientRule::kFirstScaled;
    c.tests[0].order = Order::kLog;
  }, "tests[0] is sequential, and has no p at looks");
  says([](C& c) {
    c.stopping = Stopping::kAnytime;
    c.looks = {};
  }, "tests[0] is fixed, and has no p at any time");
  says([](C& c) { c.looks = {}; }, "stopping.looks must name sizes where the rule is looks, and only there");
  says([](C& c) { c.looks = {5, 5}; }, "stopping.looks must ascend");
  says([](C& c) { c.controls.models = {""}; }, "controls.models must be UTF-8 of 1 to 1024 bytes, got 0");
  says([](C& c) { c.controls.domains = {""}; }, "controls.domains must be UTF-8 of 1 to 64 bytes, got 0");
}

TEST_CASE("requests go to https, and to this machine alone without it") {
  for (const char* good : {"https://api.example.com", "https://api.example.com:8443/base/v2", "https://[2001:db8::1]:8443", "http://localhost:8000",
                           "http://127.0.0.1", "http://127.255.0.9:1/x", "http://[::1]:8000"}) {
    CAPTURE(good);
    CHECK(CheckEndpointUrl(good).has_value());
  }
  for (const char* bad : {"", "api.example.com", "ftp://api.example.com", "http://api.example.com", "http://127.example.com", "http://127.0.0.1.example.com",
                          "http://127.0.0", "http://127.0.0.256", "http://localhost.example.com", "http://0.0.0.0", "https://", "https://a b", "https://a/", "https://a?x=1",
                          "https://a#x", "https://user:secret@a", "https://a:0", "https://a:65536", "https://a:x", "https://[::1", "https://[a", "http://localhost@evil.example"}) {
    CAPTURE(bad);
    const auto checked = CheckEndpointUrl(bad);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("plan, investigation and prompts belong together, or the member that differs is named") {
  const Case made = MakeCase();
  const auto message = [&](auto change_plan, auto change) {
    PlanContent plan = CasePlanContent();
    change_plan(plan);
    const Plan with = *Plan::Create(plan);
    InvestigationContent content = CaseContent();
    content.plan_sha256 = with.digest();
    change(content);
    const auto belong = CheckBelong(with, *Investigation::Create(content), made.prompts);
    return belong ? std::string("yes") : belong.error().message;
  };
  const auto nothing = [](auto&) {};
  CHECK(message(nothing, nothing) == "yes");
  CHECK(message(nothing, [](InvestigationContent& c) { c.plan_sha256[0] ^= 1; }).starts_with("plan_sha256 of the investigation is "));
  CHECK(message([](PlanContent& p) { p.prompts_sha256 = Digest{}; }, nothing).starts_with("prompts_sha256 of the plan is "));
  CHECK(message([](PlanContent& p) { p.prompts_sha256.reset(); }, nothing) == "yes");
  CHECK(message([](PlanContent& p) { p.prompts_sha256.reset(); }, [](InvestigationContent& c) { c.prompts_sha256 = {}; }).starts_with("prompts_sha256 of the investigation is "));
  CHECK(message([](PlanContent& p) { p.tests[0].method = PlanMethod::kCount; }, nothing).starts_with("tests of the plan are not the first"));
  CHECK(message([](PlanContent& p) { p.looks = {100, 201}; }, nothing) == "looks of the plan are not those of the investigation");
  CHECK(message([](PlanContent& p) {
          p.stopping = Stopping::kFixed;
          p.looks = {};
        }, nothing) == "stopping of the plan is not that of the investigation");
}

TEST_CASE("the plan's tests are the first of each layer and label") {
  std::vector<InvestigationTest> tests(4);
  tests[0].rule = CoefficientRule::kDistinct;
  tests[2].layer = tests[3].layer = Layer::kAccount;
  tests[2].label = tests[3].label = "a";
  tests[2].order = Order::kLog;
  const auto plan = PlanTestsOf(tests);
  REQUIRE(plan.size() == 2);
  CHECK(plan[0] == PlanTest{Layer::kProvider, "", PlanMethod::kCount});
  CHECK(plan[1] == PlanTest{Layer::kAccount, "a", PlanMethod::kProcess});
}

TEST_CASE("prompts: canonical lines, ids once, found by id") {
  const Prompts prompts = CasePrompts();
  const auto again = Prompts::Parse(prompts.bytes());
  REQUIRE_MESSAGE(again.has_value(), again.error().message);
  CHECK(again->bytes() == prompts.bytes());
  REQUIRE(again->Find("p3") != nullptr);
  CHECK(*again->Find("p3") == prompts.all()[2]);
  CHECK(again->Find("p4") == nullptr);
  const auto message = [](const std::string& bytes) {
    const auto parsed = Prompts::Parse(bytes);
    return parsed ? std::string("valid") : parsed.error().message;
  };
  const std::string good = R"({"domain":"d","id":"a","prompt":"x"})" "\n";
  CHECK(message(good) == "valid");
  CHECK(message("") == "prompts must be 1 to 1000000, got 0");
  CHECK(message(good + good) == "line 2.id stands there twice");
  CHECK(message(good.substr(0, good.size() - 1)) == "line 1 does not end with a line feed");
  CHECK(message(good + R"({"domain":"d","id":"b#1","prompt":"x"})" "\n") == "line 2.id must be 1 to 64 letters, digits, '.', '_' and '-'");
  CHECK(message(good + R"({"domain":"","id":"b","prompt":"x"})" "\n").starts_with("line 2.domain must be UTF-8 of 1 to 64 bytes"));
  CHECK(message(good + R"({"domain":"d","id":"b"})" "\n") == "line 2.prompt is missing");
  CHECK(message(good + R"({"domain":"d","id":"b","more":1,"prompt":"x"})" "\n") == "line 2 has a member that is not known");
  CHECK(message(good + R"({"domain": "d","id":"b","prompt":"x"})" "\n").starts_with("line 2: "));
  CHECK(message(good + "\n").starts_with("line 2: "));
  CHECK(message(R"({"domain":"d","id":"a","prompt":")" + std::string((size_t{1} << 20) + 1, 'x') + "\"}\n").starts_with("line 1.prompt must be UTF-8 of 0 to 1048576"));
}
