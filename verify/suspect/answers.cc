// Tested by tests/verify/suspect/answers_test.cc, tests/fuzz/fuzz_answers.cc and tests/tools/collect_test.py.
#include "verify/suspect/answers.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <unordered_set>

#include "verify/members.h"
#include "verify/suspect/answer_file.h"
#include "watermark/context.h"  // kIdLimit
#include "watermark/key_file.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kClasses[kAnswerClasses] = {"ok", "empty", "filtered", "truncated", "request", "garbage", "oversize", "model", "repeat"};
constexpr size_t kMaxLineBytes = Json::kMaxBytes;
constexpr const char* kPlanFile = "plan.json";
constexpr const char* kInvestigationFile = "investigation.json";
constexpr const char* kPromptsFile = "prompts.jsonl";
constexpr const char* kAnswersFile = "answers.jsonl";
constexpr const char* kRawFile = "raw.bin";
constexpr const char* kEventsFile = "events.jsonl";
constexpr const char* kFindingFile = "finding.json";
constexpr const char* kLockFile = "lock";

Json Integer(uint64_t value) { return Json(static_cast<int64_t>(value)); }

Unexpected In(const std::string& place, Error error) {
  if (error.kind == ErrorKind::kInvalidArgument) error.kind = ErrorKind::kMalformed;
  error.message = place + ": " + error.message;
  return Unexpected(std::move(error));
}

uint64_t SizeOf(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// The lines that have their end.
Result<void> ForEachLine(const std::string& path, const std::function<Result<void>(std::string_view)>& each) {
  const uint64_t size = SizeOf(path);
  VERDIGRIS_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path, kMaxLineBytes));
  uint64_t read = 0;
  for (std::string_view line;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
    if (!more) return {};
    read += line.size() + 1;
    if (read > size) return {};  // torn, or written since
    if (auto done = each(line); !done) return In(lines.Place(), done.error());
  }
}

// Where the last line feed of a file stands, plus one.
Result<uint64_t> EndOfLines(const std::string& path, uint64_t size) {
  constexpr uint64_t kBlock = uint64_t{1} << 16;
  while (size > 0) {
    const uint64_t start = size > kBlock ? size - kBlock : 0;
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string block, ReadFileRange(path, start, size - start));
    if (const size_t at = block.rfind('\n'); at != block.npos) return start + at + 1;
    size = start;
  }
  return 0;
}

// The paths of all members in which two values differ.
void Differences(const Json& a, const Json& b, const std::string& path, std::vector<std::string>& out) {
  if (a.object() != nullptr && b.object() != nullptr) {
    for (const auto& [name, value] : *a.object()) {
      const Json* other = b.Find(name);
      if (other == nullptr) {
        out.push_back(path + "." + name);
      } else {
        Differences(value, *other, path + "." + name, out);
      }
    }
    for (const auto& [name, value] : *b.object()) {
      if (a.Find(name) == nullptr) out.push_back(path + "." + name);
    }
  } else if (a.array() != nullptr && b.array() != nullptr && a.array()->size() == b.array()->size()) {
    for (size_t i = 0; i < a.array()->size(); ++i) Differences((*a.array())[i], (*b.array())[i], path + "[" + std::to_string(i) + "]", out);
  } else if (WriteJson(a) != WriteJson(b)) {
    out.push_back(path);
  }
}

// Does a change of this member shape what is tested, or when it stops? Prompts do once a look has been taken.
bool IsDecisive(const std::string& member, bool after_look) {
  if (member == "prompts") return after_look;
  if (member == "plan.prompts_sha256" || member == "plan.created") return false;
  return member.starts_with("plan.") || member.starts_with("investigation.tests") || member.starts_with("investigation.stopping") ||
         member.starts_with("investigation.references") || member.starts_with("investigation.controls.strict");
}

// What an event says the three files were.
Json::Object StateOf(const Plan& plan, const Investigation& investigation, const Prompts& prompts) {
  const auto object = [](const std::string& bytes) { return *ParseCanonicalJson(std::string_view(bytes).substr(0, bytes.size() - 1)); };
  return {{"plan", object(plan.bytes())},
          {"plan_sha256", Hex(plan.digest())},
          {"investigation", object(investigation.bytes())},
          {"investigation_sha256", Hex(investigation.digest())},
          {"prompts_sha256", Hex(prompts.digest())}};
}

Result<AppendFile> OpenCut(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Open(path));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t end, EndOfLines(path, file.size()));
  if (end < file.size()) VERDIGRIS_RETURN_IF_ERROR(file.Truncate(end));
  return file;
}

}  // namespace

std::string_view ClassName(AnswerClass of) { return kClasses[static_cast<size_t>(of)]; }

AnswerClass ClassOf(const Response& response, std::string_view model, bool reading) {
  if (response.finish == "content_filter") return AnswerClass::kFiltered;
  if (reading ? response.positions.empty() : response.text.empty()) return AnswerClass::kEmpty;
  if (!response.model.empty() && response.model != model) return AnswerClass::kModel;
  return response.finish == "length" && !reading ? AnswerClass::kTruncated : AnswerClass::kOk;
}

uint64_t Answer::number() const {
  uint64_t value = 0;
  std::from_chars(id.data() + id.rfind('#') + 1, id.data() + id.size(), value);
  return value;
}

std::string WriteAnswer(const Answer& answer) {
  Json::Array ids;
  ids.reserve(answer.ids.size());
  for (const uint32_t id : answer.ids) ids.push_back(Integer(id));
  return WriteJson(Json::FromMembers({
             {"id", answer.id},
             {"prompt_sha256", Hex(answer.prompt_sha256)},
             {"time", answer.time},
             {"ms", Integer(answer.ms)},
             {"attempts", Integer(answer.attempts)},
             {"status", Integer(answer.status)},
             {"model", answer.model},
             {"finish", answer.finish},
             {"class", std::string(ClassName(answer.answer_class))},
             {"text", answer.text},
             {"ids", std::move(ids)},
             {"raw", Json::Array{Integer(answer.raw_offset), Integer(answer.raw_length)}},
         })) +
         "\n";
}

Result<Answer> ParseAnswer(std::string_view line) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseCanonicalJson(line));
  Members members(json, "");
  Answer answer;
  answer.id = members.Text("id", 1, 256);
  if (!ParseRecordId(answer.id)) members.Fault("id", "must be a prompt's id, #, and a number");
  answer.prompt_sha256 = members.DigestOf("prompt_sha256");
  answer.time = members.Time("time");
  answer.ms = members.Integer("ms");
  answer.attempts = members.Integer("attempts", 1);
  answer.status = members.Integer("status", 0, 999);
  answer.model = members.Text("model");
  answer.finish = members.Text("finish");
  answer.answer_class = static_cast<AnswerClass>(members.Word("class", kClasses));
  answer.text = members.Text("text");
  for (const uint64_t id : members.Integers("ids", SIZE_MAX, kIdLimit - 1)) answer.ids.push_back(static_cast<uint32_t>(id));
  const auto raw = members.Integers("raw", 2);
  if (members.ok() && raw.size() != 2) members.Fault("raw", "must be an offset and a length");
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  answer.raw_offset = raw[0];
  answer.raw_length = raw[1];
  return answer;
}

Result<void> ForEachAnswer(const std::string& path, const std::function<Result<void>(const Answer&)>& each) {
  if (!Exists(path)) return {};
  std::unordered_set<std::string> met;
  uint64_t raw_end = 0;
  return ForEachLine(path, [&](std::string_view line) -> Result<void> {
    VERDIGRIS_ASSIGN_OR_RETURN(Answer answer, ParseAnswer(line));
    if (answer.raw_offset < raw_end) return Fail(ErrorKind::kMalformed, "raw goes back in raw.bin");
    raw_end = answer.raw_offset + answer.raw_length;
    if (!met.insert(answer.id).second) answer.answer_class = AnswerClass::kRepeat;
    return each(answer);
  });
}

// ---- events

std::string Event::Text(std::string_view member) const {
  const Json* value = object.Find(member);
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
}

uint64_t Event::Integer(std::string_view member) const {
  const Json* value = object.Find(member);
  return value != nullptr && value->integer() != nullptr && *value->integer() > 0 ? static_cast<uint64_t>(*value->integer()) : 0;
}

std::string WriteEvent(std::string_view kind, std::string_view time, Json::Object members) {
  members.push_back({"event", std::string(kind)});
  members.push_back({"time", std::string(time)});
  return WriteJson(Json::FromMembers(std::move(members))) + "\n";
}

Result<std::vector<Event>> ReadEvents(const std::string& path) {
  std::vector<Event> events;
  VERDIGRIS_RETURN_IF_ERROR(ForEachLine(path, [&](std::string_view line) -> Result<void> {
    VERDIGRIS_ASSIGN_OR_RETURN(Json json, ParseCanonicalJson(line));
    Event event{{}, {}, std::move(json)};
    event.kind = event.Text("event");
    event.time = event.Text("time");
    if (event.kind.empty() || !IsUtcTime(event.time)) return Fail(ErrorKind::kMalformed, "must be an object with event and time");
    events.push_back(std::move(event));
    return {};
  }));
  return events;
}

// ---- the directory

std::string_view StateName(InvestigationState state) {
  static constexpr std::string_view kNames[] = {"planned", "collecting", "collected", "tested"};
  return kNames[static_cast<size_t>(state)];
}

Result<void> WriteInvestigation(const std::string& folder, const Plan& plan, const Investigation& investigation, const Prompts& prompts) {
  VERDIGRIS_RETURN_IF_ERROR(CheckBelong(plan, investigation, prompts));
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  if (error) return Fail(ErrorKind::kIo, folder + ": " + error.message());
  if (!std::filesystem::is_empty(folder, error) || error) {
    return Fail(ErrorKind::kInvalidArgument, folder + ": is not empty, and a plan is never overwritten");
  }
  VERDIGRIS_RETURN_IF_ERROR(WriteFileAtomic(folder + "/" + kPlanFile, plan.bytes()));
  VERDIGRIS_RETURN_IF_ERROR(WriteFileAtomic(folder + "/" + kInvestigationFile, investigation.bytes()));
  VERDIGRIS_RETURN_IF_ERROR(WriteFileAtomic(folder + "/" + kPromptsFile, prompts.bytes()));
  return WriteFileAtomic(folder + "/" + kEventsFile, WriteEvent(kEventPlanned, investigation->created, StateOf(plan, investigation, prompts)));
}

Result<InvestigationFiles> ReadInvestigation(const std::string& folder) {
  const auto path = [&](const char* name) { return folder + "/" + name; };
  const auto read = [&](const char* name, size_t most, auto parse) -> decltype(parse(std::string_view())) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path(name), most));
    auto value = parse(std::string_view(bytes));
    if (!value) return In(path(name), value.error());
    return value;
  };
  VERDIGRIS_ASSIGN_OR_RETURN(Plan plan, read(kPlanFile, Json::kMaxBytes, &Plan::Parse));
  VERDIGRIS_ASSIGN_OR_RETURN(Investigation investigation, read(kInvestigationFile, Json::kMaxBytes, &Investigation::Parse));
  VERDIGRIS_ASSIGN_OR_RETURN(Prompts prompts, read(kPromptsFile, kMaxPromptsBytes, &Prompts::Parse));
  VERDIGRIS_ASSIGN_OR_RETURN(std::vector<Event> events, ReadEvents(path(kEventsFile)));
  InvestigationFiles files{folder, std::move(plan), std::move(investigation), std::move(prompts), std::move(events), {}, {}, InvestigationState::kPlanned};

  const Event* stands = nullptr;  // what was last planned or recorded
  bool after_look = false, finished = false;
  for (const Event& event : files.events) {
    if (event.kind == kEventLook) after_look = true;
    if (event.kind == kEventFinished) finished = true;
    if (event.kind == kEventPlanned && stands == nullptr) stands = &event;
    if (event.kind != kEventDeviation) continue;
    stands = &event;
    finished = false;
    Deviation& deviation = files.deviations.emplace_back();
    deviation.time = event.time;
    deviation.reason = event.Text("reason");
    deviation.after_look = after_look;
    if (const Json* changed = event.object.Find("changed"); changed != nullptr && changed->array() != nullptr) {
      for (const Json& member : *changed->array()) {
        if (member.string() != nullptr) deviation.changed.push_back(*member.string());
      }
    }
    deviation.decisive = std::any_of(deviation.changed.begin(), deviation.changed.end(), [&](const std::string& member) { return IsDecisive(member, after_look); });
  }
  if (stands == nullptr) return Fail(ErrorKind::kMalformed, path(kEventsFile) + ": says nothing of a plan; make the directory anew with investigate plan");
  const Json::Object now = StateOf(files.plan, files.investigation, files.prompts);
  static const Json kNone;
  for (const char* name : {"plan", "investigation"}) {
    const Json* then = stands->object.Find(name);
    const auto value = std::find_if(now.begin(), now.end(), [&](const Json::Member& member) { return member.first == name; });
    Differences(then == nullptr ? kNone : *then, value->second, name, files.changed);
  }
  if (stands->Text("prompts_sha256") != Hex(files.prompts.digest())) files.changed.push_back("prompts");

  if (Exists(path(kFindingFile))) {
    files.state = InvestigationState::kTested;
  } else if (finished) {
    files.state = InvestigationState::kCollected;
  } else if (SizeOf(path(kAnswersFile)) > 0) {
    files.state = InvestigationState::kCollecting;
  }
  return files;
}

std::string WriteDeviation(const InvestigationFiles& files, std::string_view time, std::string_view reason) {
  Json::Object members = StateOf(files.plan, files.investigation, files.prompts);
  Json::Array changed;
  for (const std::string& member : files.changed) changed.emplace_back(member);
  members.push_back({"changed", std::move(changed)});
  members.push_back({"reason", RepairedUtf8(reason)});
  return WriteEvent(kEventDeviation, time, std::move(members));
}

Result<InvestigationLog> InvestigationLog::Open(const std::string& folder) {
  const auto path = [&](const char* name) { return folder + "/" + name; };
  if (!Exists(path(kEventsFile))) return Fail(ErrorKind::kNotFound, path(kEventsFile) + ": is not there, so this is no investigation");
  VERDIGRIS_ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(path(kLockFile)));
  VERDIGRIS_ASSIGN_OR_RETURN(AppendFile answers, OpenCut(path(kAnswersFile)));
  VERDIGRIS_ASSIGN_OR_RETURN(AppendFile events, OpenCut(path(kEventsFile)));
  VERDIGRIS_ASSIGN_OR_RETURN(AppendFile raw, AppendFile::Open(path(kRawFile)));
  uint64_t raw_end = 0;
  VERDIGRIS_RETURN_IF_ERROR(ForEachAnswer(path(kAnswersFile), [&](const Answer& answer) -> Result<void> {
    raw_end = answer.raw_offset + answer.raw_length;
    if (raw_end > raw.size()) return Fail(ErrorKind::kMalformed, "raw.bin ends before the body of this answer");
    return {};
  }));
  if (raw_end < raw.size()) VERDIGRIS_RETURN_IF_ERROR(raw.Truncate(raw_end));
  return InvestigationLog(std::move(lock), std::move(answers), std::move(raw), std::move(events));
}

Result<void> InvestigationLog::Store(std::vector<Entry>& entries) {
  if (entries.empty()) return {};
  std::string lines;
  for (Entry& entry : entries) {
    entry.answer.raw_offset = raw_.size();
    entry.answer.raw_length = entry.body.size();
    VERDIGRIS_RETURN_IF_ERROR(raw_.Append(entry.body));
    lines += WriteAnswer(entry.answer);
  }
  VERDIGRIS_RETURN_IF_ERROR(raw_.Sync());
  VERDIGRIS_RETURN_IF_ERROR(answers_.Append(lines));
  return answers_.Sync();
}

Result<void> InvestigationLog::Append(std::string_view event_lines) {
  if (event_lines.empty()) return {};
  VERDIGRIS_RETURN_IF_ERROR(events_.Append(event_lines));
  return events_.Sync();
}

}  // namespace verdigris::verify
