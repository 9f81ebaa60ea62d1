// The verdict over toy suspects: what is found, what is refused and by which control, what decides nothing
// (suspect-models.md M8 to M10, M15 S9 and S13).
#include "verify/suspect/verdict.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "tests/verify/suspect/toy_case.h"
#include "verify/file.h"
#include "verify/suspect/coefficient_file.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

constexpr size_t kPrompts = 20, kAnswers = 3, kLength = 62;

PieceMap PiecesOf(const Tokenizer& tokenizer) {
  auto pieces = PieceMap::Of(tokenizer);
  REQUIRE(pieces);
  return std::move(*pieces);
}

// One investigation and what its inputs point to.
struct World {
  TemporaryFolder folder;
  Profile profile;
  ToyTokenizer tokenizer;
  PieceMap pieces = PiecesOf(tokenizer);
  std::vector<KeyFile> keys;
  ToyModel teacher{1}, base{ToyModel::Relative(teacher, 2)};
  std::optional<InvestigationFiles> files;
  InvestigationInputs inputs;
  std::vector<Prompt> prompts;
  InvestigationContent content;
  PlanContent plan;

  explicit World(Profile of = ToyProfile(*FindScheme("green"))) : profile(std::move(of)) {
    keys.push_back(LayerKeyFile(profile, KeyRole::kProvider, TestKey("verdict", 0)));
    for (size_t i = 0; i < kPrompts; ++i) prompts.push_back({i % 2 == 0 ? "tales" : "news", "p" + std::to_string(i), std::string("once ") + ToyTokenizer::Letter(3 + i % 20) + "ar"});
    content.created = "2027-06-01T00:00:00Z";
    content.suspect = {SuspectKind::kFiles, "suspect", "", Api::kCompletions, "", "2027-03-01T00:00:00Z"};
    content.sampling = {1000, 1000, 64, kAnswers, 0, "", false};
    content.references = {{"T", ReferenceKind::kProvider, Sha256(AsBytes("T")), "2026-01-01T00:00:00Z"}};
    AddTest(CoefficientRule::kResidual, 1000, {"T"});
    content.budget = {1000, 100000, 100000, 3600};
    content.controls = {false, 0, {}, {"news", "tales"}};
    plan.alpha_log10_e4 = -30000;
    plan.min_scored = 100;
    plan.decoys = 199;  // for speed
    plan.created = content.created;
    inputs.references["T"] = ToyReference(teacher);
    inputs.key_since = "2027-01-01T00:00:00Z";
    inputs.memory_bytes = uint64_t{64} << 20;
  }

  InvestigationTest& AddTest(CoefficientRule rule, uint64_t share, std::vector<std::string> references) {
    InvestigationTest& test = content.tests.emplace_back();
    test.rule = rule;
    test.share = share;
    test.references = std::move(references);
    return test;
  }

  void WritePlan() {
    const auto made = Prompts::Create(prompts);
    REQUIRE(made);
    plan.scheme_id = profile.scheme_id();
    plan.tests = PlanTestsOf(content.tests);
    plan.stopping = content.stopping;
    plan.looks = content.looks;
    plan.prompts_sha256 = made->digest();
    const auto planned = Plan::Create(plan);
    REQUIRE_MESSAGE(planned, planned.error().message);
    content.plan_sha256 = planned->digest();
    content.prompts_sha256 = made->digest();
    const auto investigation = Investigation::Create(content);
    REQUIRE_MESSAGE(investigation, investigation.error().message);
    REQUIRE(WriteInvestigation((folder / "case"), *planned, *investigation, *made));
    Read();
  }
  void Read() {
    auto read = ReadInvestigation((folder / "case"));
    REQUIRE_MESSAGE(read, read.error().message);
    files.emplace(std::move(*read));
    inputs.records.files = &*files;
    inputs.records.profile = &profile;
    inputs.records.tokenizer = &tokenizer;
    inputs.records.pieces = &pieces;
    inputs.keys.clear();
    for (const KeyFile& key : keys) inputs.keys.push_back(&key);
  }

  Marker MarkerOf(const KeyFile& key) const {
    const KeyFile* pointer = &key;
    return *Marker::Create(profile, {&pointer, 1});
  }
  // Answers to all prompts; `mix` of the provider's mark.
  std::string Answers(const std::string& name, const ToyModel& model, double mix, uint64_t seed, bool lists = false) const {
    const Marker marker = MarkerOf(keys[0]);
    std::mt19937_64 random(seed);
    std::string lines;
    for (size_t n = 0; n < kAnswers; ++n) {
      for (const Prompt& prompt : prompts) lines += LineOf(prompt.id + "#" + std::to_string(n), AnswerOf(model, &marker, mix, kLength, random), lists);
    }
    return folder.Write(name, lines);
  }

  SuspectFinding Judge() {
    if (!files) WritePlan();
    auto finding = JudgeInvestigation(inputs);
    REQUIRE_MESSAGE(finding, finding.error().message);
    return std::move(*finding);
  }
  std::string Error() {
    if (!files) WritePlan();
    const auto finding = JudgeInvestigation(inputs);
    REQUIRE_FALSE(finding);
    return std::string(ErrorClass(finding.error().kind)) + ": " + finding.error().message;
  }
};

const ControlRow* FindControl(const SuspectFinding& finding, const std::string& name) {
  const auto at = std::find_if(finding.controls.begin(), finding.controls.end(), [&](const ControlRow& row) { return row.name == name; });
  return at == finding.controls.end() ? nullptr : &*at;
}

}  // namespace

TEST_CASE("a suspect that learned the mark is detected, one that did not is not") {
  World guilty;
  guilty.plan.decoys = 999;
  guilty.inputs.records.elsewhere = {guilty.Answers("a.jsonl", guilty.base, 0.7, 1)};
  const SuspectFinding finding = guilty.Judge();
  CHECK(finding.verdict == SuspectVerdict::kDetected);
  CHECK(finding.log10_p < -3);
  CHECK(finding.verdict_by == "log10_p");
  CHECK(finding.refused_by.empty());
  CHECK(finding.deviations.empty());
  CHECK(finding.records == kPrompts * kAnswers);
  CHECK(finding.counts.tokens == kPrompts * kAnswers * kLength);
  // Without other members the classes of the positions are all of them.
  CHECK(finding.counts.short_ + finding.counts.special + finding.prompt_positions + finding.counts.duplicate + finding.counts.scored == finding.counts.tokens);
  REQUIRE(finding.tests.size() == 2);
  CHECK(finding.tests[0].name == "residual");
  CHECK(finding.tests[1].name == "distinct");
  CHECK(finding.tests[1].share == 0);
  CHECK(finding.tests[0].line_up->rank.decoys == 999);
  CHECK(finding.tests[0].line_up->rank.at_least == 0);

  // The key is fixed, so this is one draw of the null: at alpha .001 it fails for a fresh key with chance .001.
  World innocent;
  innocent.inputs.records.elsewhere = {innocent.Answers("a.jsonl", innocent.base, 0, 1)};
  const SuspectFinding other = innocent.Judge();
  CHECK(other.verdict == SuspectVerdict::kInconclusive);
  CHECK(other.log10_p > -3);
  CHECK(other.why == "the plan names no effect that this test must have found");
}

TEST_CASE("power at the planned effect makes the difference between not detected and inconclusive") {
  for (const uint64_t effect : {uint64_t{3000}, uint64_t{9000}}) {
    CAPTURE(effect);
    World world;
    world.content.effect_milli = effect;
    world.content.budget.answer_tokens = kPrompts * kAnswers * kLength;
    world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0, 1)};
    const SuspectFinding finding = world.Judge();
    CHECK(finding.effect == doctest::Approx(static_cast<double>(effect) / 1000));
    // Normal law: 1 - Phi(3.0902 - z), 3.0902 the upper .001 quantile.
    CHECK(finding.power == doctest::Approx(effect == 3000 ? 0.4641 : 1.0).epsilon(1e-3));
    CHECK(finding.verdict == (effect == 3000 ? SuspectVerdict::kInconclusive : SuspectVerdict::kNotDetected));
  }
}

TEST_CASE("S9: a reference equal to the suspect leaves nothing: a = 0, p = 1, inconclusive") {
  World world;
  world.content.tests.clear();
  world.AddTest(CoefficientRule::kDifference, 1000, {"T"});
  world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.teacher, 0, 1, true)};
  const SuspectFinding finding = world.Judge();
  REQUIRE(finding.tests[0].name == "difference");
  CHECK(finding.tests[0].scored == 0);
  CHECK(finding.tests[0].outcome.log10_p == 0);
  CHECK(finding.log10_p == 0);
  CHECK(finding.verdict == SuspectVerdict::kInconclusive);
  CHECK(finding.why == "too few scored tuples (0; 100 needed)");
  // Control: the same answers against another model leave something.
  World control;
  control.content.tests.clear();
  control.AddTest(CoefficientRule::kDifference, 1000, {"T"});
  control.inputs.references["T"] = ToyReference(control.base);
  control.inputs.records.elsewhere = {control.Answers("a.jsonl", control.teacher, 0, 1, true)};
  CHECK(control.Judge().tests[0].scored > 1000);
}

TEST_CASE("shares divide alpha, the family multiplies p") {
  World one, two;
  for (World* world : {&one, &two}) {
    world->content.tests.clear();
    world->AddTest(CoefficientRule::kDifference, world == &one ? 1000 : 900, {"T"});
    if (world == &two) world->AddTest(CoefficientRule::kResidual, 100, {"T"});
    if (world == &two) world->plan.family = 5;
    world->inputs.records.elsewhere = {world->Answers("a.jsonl", world->base, 0.7, 1, true)};
  }
  const SuspectFinding a = one.Judge(), b = two.Judge();
  CHECK(a.log10_p == a.tests[0].outcome.log10_p);
  CHECK(b.tests[0].outcome.log10_p == a.tests[0].outcome.log10_p);
  CHECK(b.log10_p == doctest::Approx(std::min(b.tests[0].outcome.log10_p - std::log10(0.9), b.tests[1].outcome.log10_p + 1)));
  CHECK(b.log10_p_family == doctest::Approx(b.log10_p + std::log10(5)));
  CHECK(b.verdict_by == "log10_p_family");
  CHECK(Log10PofLayer(b, Layer::kProvider, "") == doctest::Approx(b.log10_p));
  CHECK(Log10PofLayer(b, Layer::kAccount, "x") == 0);
}

TEST_CASE("S13: each control refuses alone, and is named") {
  SUBCASE("answers that name another model") {
    World world;
    world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0.7, 1)};
    std::string lines = world.folder.Read("a.jsonl");
    // One of 60 is more than 1 %.
    lines.insert(lines.find('{') + 1, "\"model\":\"other-9\",");
    for (size_t at = lines.find('\n'); at + 1 < lines.size(); at = lines.find('\n', at + 1)) lines.insert(at + 2, "\"model\":\"s-1\",");
    world.folder.Write("a.jsonl", lines);
    const SuspectFinding finding = world.Judge();
    CHECK(finding.verdict == SuspectVerdict::kRefused);
    CHECK(finding.refused_by == std::vector<std::string>{"answering_model"});
    CHECK(FindControl(finding, "answering_model")->text == "1 of 60 answers name another model");
    // No number of a refused finding may be quoted.
    const auto json = nlohmann::json::parse(ToJson(finding));
    CHECK_FALSE(json.contains("log10_p"));
    CHECK_FALSE(json.contains("sensitivity"));
    CHECK_FALSE(json["tests"][0].contains("log10_p"));
    CHECK_FALSE(json["tests"][0].contains("statistic"));
  }
  SUBCASE("a reference that is neither older than the key nor stated to be free") {
    World world;
    world.content.references[0].not_after = "2027-02-01T00:00:00Z";  // the key was used from 2027-01-01 on
    world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0.7, 1)};
    CHECK(world.Judge().refused_by == std::vector<std::string>{"reference_age (T)"});
    world.inputs.stated_free = {"T"};
    CHECK(world.Judge().refused_by.empty());
    World undated;  // an old reference, and nobody says since when the key is in use
    undated.inputs.key_since.clear();
    undated.inputs.records.elsewhere = {undated.Answers("a.jsonl", undated.base, 0.7, 1)};
    CHECK(undated.Judge().refused_by == std::vector<std::string>{"reference_age (T)"});
  }
  SUBCASE("a reference model that carries the mark") {
    World world;
    world.content.controls.models = {"older"};
    world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0.7, 1)};
    world.inputs.models = {{"older", {world.Answers("control.jsonl", world.teacher, 0.7, 2)}}};
    CHECK(world.Judge().refused_by == std::vector<std::string>{"reference_model (older)"});
    world.inputs.models = {{"older", {world.Answers("control.jsonl", world.base, 0, 2)}}};
    CHECK(world.Judge().refused_by.empty());
    world.inputs.models.clear();
    CHECK(world.Error() == "mismatch: the plan has the reference model older as a control: give its answers with --control older=FILE");
  }
  SUBCASE("self-check and rank") {
    SuspectTest test;
    test.line_up.emplace();
    test.line_up->rank = {999, 0};
    test.outcome.log10_p = -8;
    const auto failed = [&] {
      std::set<std::string> names;
      for (const ControlRow& row : LineUpControls(test, "t")) {
        if (row.state == ControlRow::State::kFailed) names.insert(row.name);
      }
      return names;
    };
    CHECK(failed().empty());
    test.line_up->law.passed = false;
    CHECK(failed() == std::set<std::string>{"self_check"});
    test.line_up->law.passed = true;
    test.line_up->rank.at_least = 49;  // 50/1000 is not above .05
    CHECK(failed().empty());
    test.line_up->rank.at_least = 50;
    CHECK(failed() == std::set<std::string>{"rank"});
    test.outcome.log10_p = -5.9;
    CHECK(failed().empty());
    test.outcome.log10_p = -1;  // .1, and yet the first of all
    test.line_up->rank.at_least = 0;
    CHECK(failed() == std::set<std::string>{"rank"});
    test.status = TrialStatus::kAnytime;
    CHECK(failed().empty());
    test.status = TrialStatus::kExact;
    test.line_up->rank.decoys = 99;
    CHECK(failed().empty());
  }
}

TEST_CASE("prompts that carry the mark force strict, and refuse nothing") {
  World world;
  const Marker marker = world.MarkerOf(world.keys[0]);
  std::mt19937_64 random(5);
  for (Prompt& prompt : world.prompts) prompt.text = ToyTokenizer::Text(WriteToy(world.teacher, &marker, 60, random));
  world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0, 1)};
  const SuspectFinding finding = world.Judge();
  CHECK(finding.strict);
  CHECK(finding.prompts_marked);
  CHECK(finding.refused_by.empty());
  CHECK(finding.verdict != SuspectVerdict::kDetected);
  // Windows of some prompt have no row: what is left is less than what a plain run has.
  World plain;
  plain.inputs.records.elsewhere = {plain.Answers("a.jsonl", plain.base, 0, 1)};
  const SuspectFinding other = plain.Judge();
  CHECK_FALSE(other.strict);
  CHECK(finding.tests[0].scored < other.tests[0].scored);
}

TEST_CASE("matched decoys: other accounts inside their own filters") {
  // Half of the windows are of an account's layer.
  const Scheme& green = *FindScheme("green");
  nlohmann::json object = SchemeObject(green, ToyModel::kVocab);
  object["provider_share"] = 0;
  SamplerSettings sampler;
  sampler.delta_milli = 3000;
  World world(*MakeProfile(object, sampler));
  world.keys.clear();
  for (uint32_t i = 0; i < 26; ++i) world.keys.push_back(LayerKeyFile(world.profile, KeyRole::kAccount, TestKey("matched", i), "team/" + std::to_string(i)));
  const SpecialIds special(world.tokenizer.special_ids(), world.tokenizer.vocab());
  std::vector<Filter> filters;
  for (uint32_t i = 0; i < 26; ++i) {
    const Marker marker = world.MarkerOf(world.keys[i]);
    std::mt19937_64 random(100 + i);
    auto builder = FilterBuilder::Create({2, 6, world.profile.scheme_id(), {}, world.keys[i].account}, special);
    REQUIRE(builder);
    for (int n = 0; n < 8; ++n) REQUIRE(builder->Add({}, WriteToy(world.teacher, &marker, 62, random)));
    auto filter = builder->Finish();
    REQUIRE(filter);
    filters.push_back(std::move(*filter));
  }
  world.content.tests.clear();
  InvestigationTest& test = world.AddTest(CoefficientRule::kResidual, 1000, {"T"});
  test.layer = Layer::kAccount;
  test.label = "team/0";
  test.filter_sha256 = filters[0].digest();
  test.order = Order::kLog;
  world.content.controls.matched = 20;
  world.inputs.filters = {&filters[0]};
  // The suspect drank from account 0 alone.
  world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0.7, 1)};
  world.WritePlan();
  const auto matched = [&](size_t first, size_t count) {
    world.inputs.matched.clear();
    for (size_t i = first; i < first + count; ++i) world.inputs.matched.push_back({world.keys[i].account, &world.keys[i], &filters[i], {}});
  };
  matched(1, 20);
  const SuspectFinding finding = world.Judge();
  CHECK(finding.verdict == SuspectVerdict::kDetected);
  REQUIRE(finding.tests[0].status == TrialStatus::kAnytime);
  REQUIRE(FindControl(finding, "matched_decoys") != nullptr);
  CHECK(FindControl(finding, "matched_decoys")->state == ControlRow::State::kPassed);
  CHECK(finding.deviations.empty());
  // The tested account itself is none of its decoys; too few are an error, and name the way out.
  matched(0, 20);
  CHECK(world.Error().starts_with("mismatch: the plan has 20 matched accounts for the residual, account layer of team/0, inside the filter, and at least 20"));

  // The same file passes recomputation: windows in the order of the log, the grid by deviation.
  matched(1, 20);
  std::filesystem::create_directory((world.folder / "evidence"));
  world.inputs.evidence_folder = (world.folder / "evidence");
  const SuspectFinding written = world.Judge();
  CHECK(written.tests[0].coefficients == "01-account-team%2F0-residual.jsonl");  // no path is made of a label
  for (const SuspectTest& each : written.tests) {
    CAPTURE(each.coefficients);
    const auto rows = ReadCoefficients((world.folder / "evidence/" + each.coefficients), 2, true);
    REQUIRE_MESSAGE(rows, rows.error().message);
    CHECK(rows->rows() == each.scored);
    const auto outcome = OutcomeOf(world.profile, *rows, world.keys[0].key.secret());
    REQUIRE(outcome);
    CHECK(outcome->log10_p == each.outcome.log10_p);
  }

  // A suspect marked under the others' keys as well: they are no matched decoys, and it shows.
  std::string lines;
  std::mt19937_64 random(9);
  for (size_t n = 0; n < kAnswers; ++n) {
    for (size_t i = 0; i < kPrompts; ++i) {
      const Marker marker = world.MarkerOf(world.keys[1 + i]);
      lines += LineOf(world.prompts[i].id + "#" + std::to_string(n), AnswerOf(world.teacher, &marker, 1, 500, random), false);
    }
  }
  world.inputs.evidence_folder.clear();
  world.inputs.records.elsewhere = {world.folder.Write("shared.jsonl", lines)};
  const SuspectFinding refused = world.Judge();
  CHECK(refused.verdict == SuspectVerdict::kRefused);
  CHECK(refused.refused_by == std::vector<std::string>{"matched_decoys (residual, account layer of team/0, inside the filter)"});
}

TEST_CASE("coefficient files and finding.json: what is written gives the same numbers again") {
  for (const char* name : {"green", "gumbel", "tournament", "multichannel"}) {
    CAPTURE(name);
    World world(ToyProfile(*FindScheme(name)));
    world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0.5, 1)};
    std::filesystem::create_directory((world.folder / "evidence"));
    world.inputs.evidence_folder = (world.folder / "evidence");
    const SuspectFinding finding = world.Judge();
    CHECK(Sha256(AsBytes(world.folder.Read("evidence/corpus.jsonl"))) == finding.corpus_digest);
    for (const SuspectTest& test : finding.tests) {
      const std::string bytes = world.folder.Read("evidence/" + test.coefficients);
      CHECK(Sha256(AsBytes(bytes)) == *test.coefficients_sha256);
      const auto rows = ReadCoefficients((world.folder / "evidence/" + test.coefficients), 2, false);
      REQUIRE_MESSAGE(rows, rows.error().message);
      CHECK(rows->rows() == test.scored);
      const auto outcome = OutcomeOf(world.profile, *rows, world.keys[0].key.secret());
      REQUIRE(outcome);
      CHECK(outcome->statistic == test.outcome.statistic);
      CHECK(outcome->log10_p == test.outcome.log10_p);
    }
    const std::string file = FindingFile(finding);
    CHECK(ParseCanonicalJson(std::string_view(file).substr(0, file.size() - 1)));
    CHECK(file.find("\"log10_p\":\"" + FourPlacesUp(finding.log10_p) + "\"") != file.npos);
    const auto json = nlohmann::json::parse(ToJson(finding));
    CHECK(json["log10_p"].get<double>() == finding.log10_p);
    CHECK(json["verdict"] == SuspectVerdictName(finding.verdict));
  }
}

TEST_CASE("the same for any number of threads, and for records that came twice") {
  World world;
  const std::string path = world.Answers("a.jsonl", world.base, 0.7, 1);
  world.inputs.records.elsewhere = {path};
  const std::string once = ToJson(world.Judge());
  world.inputs.records.threads = 3;
  CHECK(ToJson(world.Judge()) == once);
  world.inputs.records.elsewhere = {path, path};
  const SuspectFinding twice = world.Judge();
  CHECK(twice.tallies.again == kPrompts * kAnswers);
  CHECK(twice.records == kPrompts * kAnswers);
  CHECK(twice.log10_p == nlohmann::json::parse(once)["log10_p"].get<double>());
  // One id with two contents: the units contradict each other.
  world.inputs.records.elsewhere = {path, world.folder.Write("b.jsonl", "{\"id\":\"p0#0\",\"output\":[3,4,5]}\n")};
  CHECK(world.Error() == "internal: " + (world.folder / "b.jsonl") + ":1: an id of two contents");
}

TEST_CASE("sensitivity: halves, domains, heavy windows, prompts") {
  World world;
  world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0.7, 1)};
  const SuspectFinding finding = world.Judge();
  std::vector<std::string> what;
  for (const SensitivityRow& row : finding.sensitivity) what.push_back(row.what);
  CHECK(what == std::vector<std::string>{"without the 1 % of windows that weigh most", "even answers alone", "odd answers alone", "without domain news",
                                         "without domain tales", "windows of all prompts left out", "windows of prompts kept"});
  for (const SensitivityRow& row : finding.sensitivity) {
    CAPTURE(row.what);
    CHECK(row.scored > 100);
    if (row.what != "windows of prompts kept") CHECK(row.scored <= finding.tests[0].scored);
    CHECK(row.log10_p < -1);
  }
  CHECK(finding.no_sensitivity.empty());
  // Where memory is short the rows of parts are given up, and the finding stands.
  world.inputs.memory_bytes = finding.tests[0].scored * SuspectEvidence::kRowBytes * 2;
  const SuspectFinding small = world.Judge();
  CHECK(small.no_sensitivity == "the evidence is too large for the memory given");
  CHECK(small.log10_p == finding.log10_p);
}

TEST_CASE("looks: answers up to the planned sizes, factors, and the judge of a collection agrees") {
  World world;
  world.content.stopping = Stopping::kLooks;
  world.content.looks = {1000, 2000, 3000, 100000};
  world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0.4, 1)};
  const SuspectFinding finding = world.Judge();
  REQUIRE(finding.looks.size() == 3);
  double smallest = 0;
  for (const SuspectFinding::Look& look : finding.looks) {
    smallest = std::min(smallest, look.log10_p + std::log10(static_cast<double>(look.number * (look.number + 1))));
  }
  CHECK(finding.log10_p == doctest::Approx(smallest));
  CHECK(finding.deviations.empty());
  // 62 ids an answer: 3,000 are reached with the 49th.
  CHECK(finding.records == 49);
  CHECK(finding.tokens_behind_looks == kPrompts * kAnswers * kLength - 49 * kLength);
  const auto look = JudgeAtLook(world.inputs, 3, 49);
  REQUIRE(look);
  CHECK(look->log10_p == finding.looks[2].log10_p);
  CHECK(look->log10_p_looks == doctest::Approx(finding.log10_p_family));
  const auto first = JudgeAtLook(world.inputs, 1, 17);
  REQUIRE(first);
  CHECK(first->log10_p == finding.looks[0].log10_p);
  CHECK_FALSE(JudgeAtLook(world.inputs, 4, 60));
  // Fewer than the first size: looked at where no look was planned.
  World early;
  early.content.stopping = Stopping::kLooks;
  early.content.looks = {100000};
  early.inputs.records.elsewhere = {early.Answers("a.jsonl", early.base, 0.7, 1)};
  const SuspectFinding unplanned = early.Judge();
  CHECK(unplanned.verdict == SuspectVerdict::kInconclusive);
  CHECK(unplanned.deviations == std::vector<std::string>{"looked at 3720 answer tokens, a size that the plan does not list"});
}

TEST_CASE("deviations: what decides makes it inconclusive, what does not is listed") {
  const auto change = [](World& world, const std::function<void(World&)>& edit) {
    world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0.7, 1)};
    world.WritePlan();
    edit(world);
    const auto planned = Plan::Create(world.plan);
    REQUIRE(planned);
    world.content.plan_sha256 = planned->digest();
    const auto investigation = Investigation::Create(world.content);
    REQUIRE(investigation);
    world.folder.Write("case/plan.json", planned->bytes());
    world.folder.Write("case/investigation.json", investigation->bytes());
    world.Read();
    REQUIRE_FALSE(world.files->changed.empty());
    world.folder.Write("case/events.jsonl", world.folder.Read("case/events.jsonl") + WriteDeviation(*world.files, "2027-07-01T00:00:00Z", "for a test"));
    world.Read();
    return world.Judge();
  };
  World rate;
  const SuspectFinding harmless = change(rate, [](World& world) { world.content.rate.parallel = 2; });
  CHECK(harmless.verdict == SuspectVerdict::kDetected);
  CHECK(harmless.deviations == std::vector<std::string>{"2027-07-01T00:00:00Z: for a test (investigation.rate.parallel)"});
  World alpha;
  const SuspectFinding decisive = change(alpha, [](World& world) { world.plan.alpha_log10_e4 = -20000; });
  CHECK(decisive.verdict == SuspectVerdict::kInconclusive);
  CHECK(decisive.why == "what decides was changed after it was planned");
  CHECK(decisive.log10_p < -3);

  World decoys;
  decoys.inputs.records.elsewhere = {decoys.Answers("a.jsonl", decoys.base, 0.7, 1)};
  decoys.inputs.decoys = 99;
  const SuspectFinding fewer = decoys.Judge();
  CHECK(fewer.deviations == std::vector<std::string>{"99 decoys instead of 199"});
  REQUIRE(FindControl(fewer, "decoys") != nullptr);
  CHECK(FindControl(fewer, "decoys")->state == ControlRow::State::kNotMade);

  World missing;
  std::string lines = missing.folder.Read(std::filesystem::path(missing.Answers("a.jsonl", missing.base, 0.7, 1)).filename().string());
  missing.inputs.records.elsewhere = {missing.folder.Write("a.jsonl", lines.substr(lines.find('\n') + 1))};
  CHECK(missing.Judge().deviations == std::vector<std::string>{"59 answers instead of 60"});
}

TEST_CASE("what does not belong to the plan is named") {
  World world;
  CHECK(world.Error() == "mismatch: the suspect of the plan is files: give them with --answers");
  world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0, 1)};
  const auto references = world.inputs.references;
  world.inputs.references.clear();
  CHECK(world.Error() == "mismatch: the plan subtracts the reference T: give it with --reference T=FILE");
  world.inputs.references = references;
  world.inputs.references["U"] = ToyReference(world.base);
  CHECK(world.Error() == "mismatch: reference U is not in the plan");
  world.inputs.references = references;
  const auto keys = world.inputs.keys;
  world.inputs.keys.clear();
  CHECK(world.Error() == "mismatch: the plan tests the residual, provider layer: its key is missing");
  world.inputs.keys = keys;
  const Profile other = ToyProfile(*FindScheme("gumbel"));
  world.inputs.records.profile = &other;
  CHECK(world.Error().starts_with("mismatch: scheme_id of the plan is "));
  world.inputs.records.profile = &world.profile;
  world.inputs.records.elsewhere = {world.folder.Write("b.jsonl", "{\"id\":\"q9#0\",\"output\":[3,4,5]}\n")};
  CHECK(world.Error() == "mismatch: " + (world.folder / "b.jsonl") + ":1: the answer is to a prompt that prompts.jsonl does not have");
}

TEST_CASE("reading: the log of an account decides, unmarked texts beside it") {
  const auto build = [](World& world, double mix) {
    const Marker marker = world.MarkerOf(world.keys[0]);
    std::mt19937_64 random(7);
    world.prompts.clear();
    std::string lines;
    for (size_t i = 0; i < 40; ++i) {
      const bool log = i < 30;
      const std::vector<uint32_t> text = WriteToy(world.teacher, log ? &marker : nullptr, 62, random);
      world.prompts.push_back({log ? std::string(kDomainLog) : "news", "t" + std::to_string(i), ToyTokenizer::Text(text)});
      // What the suspect predicts at each place of it.
      nlohmann::json lists = nlohmann::json::array();
      for (size_t t = 0; t < text.size(); ++t) {
        std::vector<std::pair<uint32_t, double>> list;
        if (t >= 2) {
          const auto ln_p = world.base.After(text[t - 2], text[t - 1]);
          std::vector<float> row(ln_p.begin(), ln_p.end());
          if (mix > 0) REQUIRE(marker.Mark(std::vector<uint32_t>{text[t - 2], text[t - 1]}, Repeat::kFind, Mode::kDistribution, {LogitType::kF32, row.data(), row.size()}));
          double sum = 0;
          for (const float logit : row) sum += std::exp(static_cast<double>(logit));
          for (uint32_t id = 3; id < row.size(); ++id) {
            const double p = (1 - mix) * std::exp(static_cast<double>(ln_p[id])) + mix * std::exp(static_cast<double>(row[id])) / sum;
            list.emplace_back(id, std::min(0.0, std::log(p)));
          }
        }
        lists.push_back(list);
      }
      lines += nlohmann::json({{"id", "t" + std::to_string(i) + "#0"}, {"prompt", nlohmann::json::array()}, {"output", text}, {"lists", lists}}).dump() + "\n";
    }
    world.content.sampling.max_tokens = 1;
    world.content.sampling.answers = 1;
    world.content.tests.clear();
    world.AddTest(CoefficientRule::kFirstScaled, 900, {"T"}).order = Order::kLog;
    world.AddTest(CoefficientRule::kDifference, 100, {"T"});
    world.inputs.records.elsewhere = {world.folder.Write("reading.jsonl", lines)};
  };
  World guilty, innocent;
  build(guilty, 0.3);
  build(innocent, 0);
  const SuspectFinding found = guilty.Judge(), nothing = innocent.Judge();
  CHECK(found.verdict == SuspectVerdict::kDetected);
  CHECK(found.reading);
  REQUIRE(found.tests.size() == 4);
  CHECK(found.tests[0].status == TrialStatus::kAnytime);
  CHECK(found.tests[2].name == "first");
  // The marked log does not count as a marked prompt.
  CHECK_FALSE(found.prompts_marked);
  // One draw of a null of at most .001.
  CHECK(nothing.verdict == SuspectVerdict::kInconclusive);

  // Control: unmarked texts that are marked after all bar the fixed test of them.
  World marked;
  build(marked, 0);
  for (size_t i = 0; i < 30; ++i) marked.prompts[i].domain = "news";
  marked.prompts[0].domain = std::string(kDomainLog);
  marked.prompts[39].domain = std::string(kDomainLog);
  const SuspectFinding barred = marked.Judge();
  CHECK(barred.prompts_marked);
  CHECK(barred.tests[1].scored == 0);
  CHECK(barred.tests[1].outcome.log10_p == 0);
}

TEST_CASE("an endpoint's answers and the same from a file give the same numbers") {
  World files, endpoint;
  for (World* world : {&files, &endpoint}) {
    world->content.tests.clear();
    world->AddTest(CoefficientRule::kDifference, 1000, {"T"});
    world->content.sampling.lists = 5;
    world->content.sampling.answers = 1;
  }
  endpoint.content.suspect = {SuspectKind::kEndpoint, "suspect", "http://127.0.0.1:9", Api::kCompletions, "s-1", "2027-03-01T00:00:00Z"};
  endpoint.WritePlan();
  const Marker marker = files.MarkerOf(files.keys[0]);
  std::mt19937_64 random(3);
  std::string lines;
  std::vector<InvestigationLog::Entry> entries;
  for (const Prompt& prompt : files.prompts) {
    ToyAnswer answer = AnswerOf(files.base, &marker, 0.7, 200, random);
    nlohmann::json tokens = nlohmann::json::array(), own = nlohmann::json::array(), offsets = nlohmann::json::array(), lists = nlohmann::json::array();
    for (size_t t = 0; t < answer.ids.size(); ++t) {
      tokens.push_back(std::string(1, ToyTokenizer::Letter(answer.ids[t])));
      own.push_back(nullptr);
      offsets.push_back(t);
      nlohmann::json list = nlohmann::json::object();
      auto& entries_of = answer.lists[t];
      std::sort(entries_of.begin(), entries_of.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
      for (size_t i = 0; i < entries_of.size(); ++i) {
        if (i >= 5 && entries_of[i].first != answer.ids[t]) continue;
        list[std::string(1, ToyTokenizer::Letter(entries_of[i].first))] = entries_of[i].second;
      }
      lists.push_back(list.empty() ? nlohmann::json() : list);
    }
    lines += LineOf(prompt.id + "#0", answer, true);
    InvestigationLog::Entry& entry = entries.emplace_back();
    entry.answer.id = prompt.id + "#0";
    entry.answer.prompt_sha256 = Sha256(AsBytes(prompt.text));
    entry.answer.time = "2027-06-02T00:00:00Z";
    entry.answer.status = 200;
    entry.answer.model = "s-1";
    entry.answer.finish = "length";
    entry.answer.answer_class = AnswerClass::kTruncated;
    entry.answer.text = ToyTokenizer::Text(answer.ids);
    entry.answer.ids = answer.ids;
    entry.body = nlohmann::json({{"model", "s-1"}, {"choices", {{{"text", entry.answer.text}, {"finish_reason", "length"},
                 {"logprobs", {{"tokens", tokens}, {"token_logprobs", own}, {"text_offset", offsets}, {"top_logprobs", lists}}}}}}}).dump();
  }
  {
    auto log = InvestigationLog::Open((endpoint.folder / "case"));
    REQUIRE(log);
    REQUIRE(log->Store(entries));
  }
  files.inputs.records.elsewhere = {files.folder.Write("a.jsonl", lines)};
  const SuspectFinding a = files.Judge(), b = endpoint.Judge();
  CHECK(a.corpus_digest == b.corpus_digest);
  CHECK(a.tests[0].scored == b.tests[0].scored);
  CHECK(a.tests[0].outcome.log10_p == b.tests[0].outcome.log10_p);
  CHECK(a.verdict == SuspectVerdict::kDetected);
  // Nothing says that collecting had come to its end.
  CHECK(b.deviations == std::vector<std::string>{"tested before collecting had finished"});
  CHECK(b.verdict == SuspectVerdict::kInconclusive);
  CHECK(b.tallies.coverage() == 1);
  CHECK(b.tallies.listed == kPrompts * 198);
  // With the event it stands as the other does.
  endpoint.folder.Write("case/events.jsonl", endpoint.folder.Read("case/events.jsonl") + WriteEvent(kEventFinished, "2027-06-03T00:00:00Z", {{"reason", "complete"}}));
  endpoint.Read();
  CHECK(endpoint.Judge().verdict == SuspectVerdict::kDetected);
  // Files have no place here.
  endpoint.inputs.records.elsewhere = {(files.folder / "a.jsonl")};
  CHECK(endpoint.Error() == "mismatch: the suspect of the plan is an endpoint: its answers are those that were collected");
}

TEST_CASE("references from a file: the same numbers as the model itself, and a hole is named") {
  World world;
  world.inputs.records.elsewhere = {world.Answers("a.jsonl", world.base, 0.7, 1)};
  const SuspectFinding live = world.Judge();
  std::string lines;
  const std::string answers = world.folder.Read("a.jsonl");
  for (size_t start = 0; start < answers.size(); start = answers.find('\n', start) + 1) {
    auto line = nlohmann::json::parse(answers.substr(start, answers.find('\n', start) - start));
    const auto ids = line["output"].get<std::vector<uint32_t>>();
    for (size_t t = 0; t < ids.size(); ++t) {
      nlohmann::json list = nlohmann::json::array();
      for (uint32_t id = 3; t >= 2 && id < ToyModel::kVocab; ++id) list.push_back({id, std::min(0.0f, world.teacher.After(ids[t - 2], ids[t - 1])[id])});
      line["lists"].push_back(list);
    }
    lines += line.dump() + "\n";
  }
  const auto reference = ReferenceFromFiles({world.folder.Write("T.jsonl", lines)}, world.files->prompts, world.tokenizer, world.pieces);
  REQUIRE_MESSAGE(reference, reference.error().message);
  world.inputs.references["T"] = *reference;
  const SuspectFinding stored = world.Judge();
  CHECK(stored.tests[0].outcome.log10_p == live.tests[0].outcome.log10_p);
  CHECK(stored.tests[0].outcome.statistic == live.tests[0].outcome.statistic);
  const auto partial = ReferenceFromFiles({world.folder.Write("T.jsonl", lines.substr(0, lines.rfind('\n', lines.size() - 2) + 1))}, world.files->prompts, world.tokenizer, world.pieces);
  REQUIRE(partial);
  world.inputs.references["T"] = *partial;
  CHECK(world.Error() == "mismatch: " + (world.folder / "a.jsonl") + ":60: " + (world.folder / "T.jsonl") + " has no lists for this answer");
}
