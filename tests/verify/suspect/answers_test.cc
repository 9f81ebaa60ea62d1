// answers.jsonl, raw.bin and events.jsonl: written in their order, cut where a kill tore them, and what follows from them.
#include "verify/suspect/answers.h"

#include <filesystem>
#include <fstream>

#include "tests/temporary_folder.h"
#include "tests/verify/suspect/case.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

namespace fs = std::filesystem;

void Put(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

Answer Example(const std::string& id) {
  Answer answer;
  answer.id = id;
  answer.prompt_sha256 = Sha256(AsBytes("prompt"));
  answer.time = "2027-01-02T03:04:05Z";
  answer.ms = 12;
  answer.attempts = 3;
  answer.status = 200;
  answer.model = "s-1";
  answer.finish = "stop";
  answer.text = "caf\xC3\xA9 \"x\"\n";
  answer.ids = {0, 7, 16777215};
  return answer;
}

void Plan3(const std::string& folder) {
  const Case made = MakeCase();
  const auto written = WriteInvestigation(folder, made.plan, made.investigation, made.prompts);
  REQUIRE_MESSAGE(written.has_value(), written.error().message);
}

std::vector<std::string> ClassesOf(const std::string& folder) {
  std::vector<std::string> out;
  const auto done = ForEachAnswer(folder + "/answers.jsonl", [&](const Answer& answer) -> Result<void> {
    out.push_back(answer.id + " " + std::string(ClassName(answer.answer_class)));
    return {};
  });
  REQUIRE_MESSAGE(done.has_value(), done.error().message);
  return out;
}

}  // namespace

TEST_CASE("a line is read back as it was written; what is none is refused, and the member is named") {
  Answer answer = Example("p1#12");
  answer.raw_offset = 5;
  answer.raw_length = 6;
  const std::string line = WriteAnswer(answer);
  REQUIRE(line.back() == '\n');
  const auto again = ParseAnswer(line.substr(0, line.size() - 1));
  REQUIRE_MESSAGE(again.has_value(), again.error().message);
  CHECK(WriteAnswer(*again) == line);
  CHECK(again->prompt_id() == "p1");
  CHECK(again->number() == 12);
  CHECK(again->ids == answer.ids);
  const auto message = [&](std::string_view from, std::string_view to) {
    std::string changed = line.substr(0, line.size() - 1);
    const size_t at = changed.find(from);
    REQUIRE(at != std::string::npos);
    changed.replace(at, from.size(), to);
    const auto parsed = ParseAnswer(changed);
    return parsed ? std::string("valid") : parsed.error().message;
  };
  CHECK(message("p1#12", "p1") == "id must be a prompt's id, #, and a number");
  CHECK(message("p1#12", "p1#") == "id must be a prompt's id, #, and a number");
  CHECK(message("p1#12", "p1#012") == "id must be a prompt's id, #, and a number");
  CHECK(message("p1#12", "#1") == "id must be a prompt's id, #, and a number");
  CHECK(message("\"class\":\"ok\"", "\"class\":\"fine\"") == "class must be one of ok, empty, filtered, truncated, request, garbage, oversize, model, repeat");
  CHECK(message("\"attempts\":3", "\"attempts\":0") == "attempts must be in [1,9007199254740991], got 0");
  CHECK(message("16777215", "16777216").starts_with("ids must be a list of integers in [0,16777215]"));
  CHECK(message("[5,6]", "[5]") == "raw must be an offset and a length");
  CHECK(message("\"ms\":12,", "") == "ms is missing");
  CHECK(message("2027-01-02T", "2027-13-02T") == "time must be a time YYYY-MM-DDThh:mm:ssZ that exists");
  for (size_t length = 0; length + 1 < line.size(); ++length) CHECK_FALSE(ParseAnswer(line.substr(0, length)).has_value());
}

TEST_CASE("classes of what could be read: the first that applies") {
  Response response;
  response.text = "x";
  response.model = "s-1";
  const auto of = [&] { return ClassName(ClassOf(response, "s-1", false)); };
  CHECK(of() == "ok");
  response.finish = "length";
  CHECK(of() == "truncated");
  response.model = "s-2";
  CHECK(of() == "model");
  response.model = "";
  CHECK(of() == "truncated");
  response.text = "";
  CHECK(of() == "empty");
  CHECK(ClassName(ClassOf(response, "s-1", true)) == "empty");
  response.positions.resize(1);
  CHECK(ClassName(ClassOf(response, "s-1", true)) == "ok");  // one token is all that was asked for
  response.finish = "content_filter";
  CHECK(of() == "filtered");
}

TEST_CASE("a directory is planned once, and says what it is") {
  const TemporaryFolder folder;
  Plan3(folder.path());
  const auto files = ReadInvestigation(folder.path());
  REQUIRE_MESSAGE(files.has_value(), files.error().message);
  CHECK(StateName(files->state) == "planned");
  CHECK(files->changed.empty());
  CHECK(files->deviations.empty());
  CHECK(files->events.size() == 1);
  const Case made = MakeCase();
  const auto again = WriteInvestigation(folder.path(), made.plan, made.investigation, made.prompts);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().message.find("is not empty") != std::string::npos);
}

TEST_CASE("bodies and lines are stored together, and a second line of an id is a repeat") {
  const TemporaryFolder folder;
  Plan3(folder.path());
  std::vector<InvestigationLog::Entry> entries = {{Example("p1#0"), "body one"}, {Example("p1#1"), ""}, {Example("p1#0"), "again"}};
  {
    auto log = InvestigationLog::Open(folder.path());
    REQUIRE_MESSAGE(log.has_value(), log.error().message);
    REQUIRE(log->Store(entries).has_value());
    // One process at a time.
    const auto second = InvestigationLog::Open(folder.path());
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().kind == ErrorKind::kUnsafe);
  }
  CHECK(ReadBytes(folder / "raw.bin") == "body oneagain");
  CHECK(ClassesOf(folder.path()) == std::vector<std::string>{"p1#0 ok", "p1#1 ok", "p1#0 repeat"});
  CHECK(*ReadFileRange(folder / "raw.bin", entries[2].answer.raw_offset, entries[2].answer.raw_length) == "again");
  CHECK(ReadFileRange(folder / "raw.bin", 8, 6).error().kind == ErrorKind::kMalformed);
  CHECK(StateName(ReadInvestigation(folder.path())->state) == "collecting");
}

TEST_CASE("wherever a kill tears the files, the next start has whole lines with their bodies") {
  const TemporaryFolder folder;
  Plan3(folder.path());
  std::vector<InvestigationLog::Entry> entries = {{Example("p1#0"), "first"}, {Example("p2#0"), "second"}};
  REQUIRE(InvestigationLog::Open(folder.path())->Store(entries).has_value());
  const std::string answers = ReadBytes(folder / "answers.jsonl"), raw = ReadBytes(folder / "raw.bin"), events = ReadBytes(folder / "events.jsonl");
  const size_t first = answers.find('\n') + 1;
  for (size_t length = 0; length <= answers.size(); ++length) {
    // The line is torn, the body is there; what a reader sees before the cut is what it sees after it.
    Put(folder / "answers.jsonl", answers.substr(0, length));
    Put(folder / "raw.bin", raw);
    const auto before = ClassesOf(folder.path());
    REQUIRE(InvestigationLog::Open(folder.path()).has_value());
    const size_t whole = length == answers.size() ? answers.size() : length >= first ? first : 0;
    CHECK(ReadBytes(folder / "answers.jsonl") == answers.substr(0, whole));
    CHECK(ReadBytes(folder / "raw.bin") == raw.substr(0, whole == answers.size() ? 11 : whole == 0 ? 0 : 5));
    CHECK(ClassesOf(folder.path()) == before);
  }
  Put(folder / "events.jsonl", events + "{\"event\":");
  REQUIRE(ReadInvestigation(folder.path()).has_value());
  REQUIRE(InvestigationLog::Open(folder.path()).has_value());
  CHECK(ReadBytes(folder / "events.jsonl") == events);
}

TEST_CASE("lines whose bodies are not there, or that go back, are malformed") {
  const TemporaryFolder folder;
  Plan3(folder.path());
  std::vector<InvestigationLog::Entry> entries = {{Example("p1#0"), "first"}};
  REQUIRE(InvestigationLog::Open(folder.path())->Store(entries).has_value());
  Put(folder / "raw.bin", "firs");
  const auto open = InvestigationLog::Open(folder.path());
  REQUIRE_FALSE(open.has_value());
  CHECK(open.error().message.find("answers.jsonl:1: raw.bin ends before the body") != std::string::npos);
  Answer back = Example("p2#0");
  Put(folder / "answers.jsonl", WriteAnswer(entries[0].answer) + WriteAnswer(back));
  const auto read = ForEachAnswer(folder / "answers.jsonl", [](const Answer&) -> Result<void> { return {}; });
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().message.find("answers.jsonl:2: raw goes back") != std::string::npos);
}

TEST_CASE("S13: a change of any member of the three files is named, and a recorded one stands") {
  const TemporaryFolder folder;
  Plan3(folder.path());
  const Case made = MakeCase();
  struct Row {
    const char* file;
    const char* from;
    const char* to;
    const char* named;
    bool decisive;
  };
  const Row rows[] = {
      {"plan.json", "\"alpha_log10\":\"-6.0000\"", "\"alpha_log10\":\"-3.0000\"", "plan.alpha_log10", true},
      {"plan.json", "\"created\":\"2027-01-02", "\"created\":\"2027-01-03", "plan.created", false},
      {"plan.json", "\"decoys\":999", "\"decoys\":1000", "plan.decoys", true},
      {"plan.json", "\"exclude_prompt_windows\":1", "\"exclude_prompt_windows\":0", "plan.exclude_prompt_windows", true},
      {"plan.json", "\"family\":3", "\"family\":2", "plan.family", true},
      {"plan.json", "\"looks\":[100,200]", "\"looks\":[100,201]", "plan.looks[1]", true},
      {"plan.json", "\"looks\":[100,200]", "\"looks\":[100]", "plan.looks", true},
      {"plan.json", "\"method\":\"weighted\"", "\"method\":\"count\"", "plan.tests[0].method", true},
      {"plan.json", "\"min_scored\":200", "\"min_scored\":20", "plan.min_scored", true},
      {"plan.json", "\"rule\":\"tuple\"", "\"rule\":\"first\"", "plan.rule", true},
      {"investigation.json", "\"created\":\"2027-01-02", "\"created\":\"2027-01-03", "investigation.created", false},
      {"investigation.json", "\"effect\":5000", "\"effect\":1", "investigation.effect", false},
      {"investigation.json", "\"requests\":1000", "\"requests\":2000", "investigation.budget.requests", false},
      {"investigation.json", "\"strict\":1", "\"strict\":0", "investigation.controls.strict", true},
      {"investigation.json", "\"matched\":0", "\"matched\":1", "investigation.controls.matched", false},
      {"investigation.json", "\"not_after\":\"2026-01", "\"not_after\":\"2026-02", "investigation.references[0].not_after", true},
      {"investigation.json", "\"parallel\":4", "\"parallel\":5", "investigation.rate.parallel", false},
      {"investigation.json", "\"answers\":2", "\"answers\":3", "investigation.sampling.answers", false},
      {"investigation.json", "\"lists\":5", "\"lists\":6", "investigation.sampling.lists", false},
      {"investigation.json", "\"top_p_milli\":950", "\"top_p_milli\":951", "investigation.sampling.top_p_milli", false},
      {"investigation.json", "\"futility_tokens\":150", "\"futility_tokens\":0", "investigation.stopping.futility_tokens", true},
      {"investigation.json", "\"model\":\"s-1\"", "\"model\":\"s-2\"", "investigation.suspect.model", false},
      {"investigation.json", "\"url\":\"http://127.0.0.1:8000\"", "\"url\":\"http://127.0.0.1:8001\"", "investigation.suspect.url", false},
      {"investigation.json", "\"share\":900", "\"share\":800", "investigation.tests[0].share", true},
      {"prompts.jsonl", "A dragon", "A wyvern", "prompts", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.named);
    const std::string path = folder / row.file, bytes = ReadBytes(path);
    std::string changed = bytes;
    const size_t at = changed.find(row.from);
    REQUIRE(at != std::string::npos);
    changed.replace(at, std::string(row.from).size(), row.to);
    Put(path, changed);
    const auto files = ReadInvestigation(folder.path());
    REQUIRE_MESSAGE(files.has_value(), files.error().message);
    CHECK(files->changed == std::vector<std::string>{row.named});
    // Recorded, it stands, and says what it does to the verdict.
    const std::string events = ReadBytes(folder / "events.jsonl");
    REQUIRE(InvestigationLog::Open(folder.path())->Append(WriteDeviation(*files, "2027-01-05T00:00:00Z", "because")).has_value());
    const auto recorded = ReadInvestigation(folder.path());
    REQUIRE(recorded.has_value());
    CHECK(recorded->changed.empty());
    REQUIRE(recorded->deviations.size() == 1);
    CHECK(recorded->deviations[0].reason == "because");
    CHECK(recorded->deviations[0].changed == files->changed);
    CHECK(recorded->deviations[0].decisive == row.decisive);
    CHECK_FALSE(recorded->deviations[0].after_look);
    Put(folder / "events.jsonl", events);
    Put(path, bytes);
  }
  CHECK(ReadInvestigation(folder.path())->changed.empty());
}

TEST_CASE("prompts changed after a look make the verdict inconclusive, before one they do not") {
  const TemporaryFolder folder;
  Plan3(folder.path());
  const std::string prompts = ReadBytes(folder / "prompts.jsonl");
  std::string other = prompts;
  other.replace(other.find("dragon"), 6, "wyvern");
  REQUIRE(InvestigationLog::Open(folder.path())->Append(WriteEvent(kEventLook, "2027-01-04T00:00:00Z", {{"tokens", 100}})).has_value());
  Put(folder / "prompts.jsonl", other);
  const auto files = ReadInvestigation(folder.path());
  REQUIRE(InvestigationLog::Open(folder.path())->Append(WriteDeviation(*files, "2027-01-05T00:00:00Z", "because")).has_value());
  const auto recorded = ReadInvestigation(folder.path());
  REQUIRE(recorded->deviations.size() == 1);
  CHECK(recorded->deviations[0].after_look);
  CHECK(recorded->deviations[0].decisive);
}

TEST_CASE("states follow from the files") {
  const TemporaryFolder folder;
  Plan3(folder.path());
  const auto state = [&] { return StateName(ReadInvestigation(folder.path())->state); };
  CHECK(state() == "planned");
  std::vector<InvestigationLog::Entry> entries = {{Example("p1#0"), "first"}};
  REQUIRE(InvestigationLog::Open(folder.path())->Store(entries).has_value());
  CHECK(state() == "collecting");
  REQUIRE(InvestigationLog::Open(folder.path())->Append(WriteEvent(kEventFinished, "2027-01-04T00:00:00Z", {{"reason", "complete"}})).has_value());
  CHECK(state() == "collected");
  // A deviation opens it again.
  const auto files = ReadInvestigation(folder.path());
  REQUIRE(InvestigationLog::Open(folder.path())->Append(WriteDeviation(*files, "2027-01-05T00:00:00Z", "more")).has_value());
  CHECK(state() == "collecting");
  Put(folder / "finding.json", "{}\n");
  CHECK(state() == "tested");
}

TEST_CASE("a directory that is none says so, and nothing is made in it") {
  const TemporaryFolder folder;
  CHECK(ReadInvestigation(folder.path()).error().kind == ErrorKind::kNotFound);
  fs::create_directory(folder.path());
  CHECK(InvestigationLog::Open(folder.path()).error().kind == ErrorKind::kNotFound);
  CHECK(fs::is_empty(folder.path()));
  Plan3(folder.path());
  Put(folder / "events.jsonl", "");
  CHECK(ReadInvestigation(folder.path()).error().message.find("says nothing of a plan") != std::string::npos);
  Put(folder / "events.jsonl", "{}\n");
  CHECK(ReadInvestigation(folder.path()).error().message.find("events.jsonl:1: must be an object with event and time") != std::string::npos);
}
