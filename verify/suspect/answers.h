// The files of an investigation that grow: answers.jsonl, raw.bin, events.jsonl (suspect-models.md M10.2;
// docs/formats/investigation.md). They are appended to alone; what state an investigation is in follows from them.
//
// Order of writing: body into raw.bin, fsync; line into answers.jsonl, fsync. A kill between the two leaves bytes in
// raw.bin that no line names, a kill within a line a line without its end: both are cut off at the next start, and the answer
// is asked for again. So what has a line has its body.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/file.h"
#include "verify/suspect/investigation.h"
#include "verify/suspect/plan.h"
#include "verify/suspect/response.h"
#include "watermark/json.h"
#include "watermark/result.h"

namespace verdigris::verify {

enum class AnswerClass { kOk, kEmpty, kFiltered, kTruncated, kRequest, kGarbage, kOversize, kModel, kRepeat };
inline constexpr size_t kAnswerClasses = 9;
std::string_view ClassName(AnswerClass of);  // "ok"

// ok, truncated and model enter the evidence.
inline bool EntersEvidence(AnswerClass of) { return of == AnswerClass::kOk || of == AnswerClass::kTruncated || of == AnswerClass::kModel; }

struct Answer {
  std::string id;  // prompt id, '#', number: of the answer from 0, or, position by position, of the token that was read
  Digest prompt_sha256{};  // of the prompt's text
  std::string time;        // when the body was complete
  uint64_t ms = 0;         // of the last request
  uint64_t attempts = 1;
  uint64_t status = 0;     // HTTP
  std::string model, finish;
  AnswerClass answer_class = AnswerClass::kOk;
  std::string text;            // UTF-8, repaired
  std::vector<uint32_t> ids;   // of the text, in the provider's tokenizer; of an investigation that reads, the ids that were read
  uint64_t raw_offset = 0, raw_length = 0;

  std::string_view prompt_id() const { return std::string_view(id).substr(0, id.rfind('#')); }
  uint64_t number() const;
};

// One canonical line and LF. Precondition: text, model and finish are UTF-8.
std::string WriteAnswer(const Answer& answer);
// `line` without its LF.
// Errors  : kMalformed, naming the member; kLimit.
Result<Answer> ParseAnswer(std::string_view line);

// Goes through the complete lines of answers.jsonl in order. A second line of an id comes as class `repeat`, whatever stands
// in it. Streams: memory is one line and the ids.
// Errors   those of `each`; kMalformed with the line, raw ranges that go back or overlap included; kIo. No file: no lines.
Result<void> ForEachAnswer(const std::string& path, const std::function<Result<void>(const Answer&)>& each);

// What enters: the number of ids where the class does, else 0. Sizes of looks are counted so.
inline uint64_t EvidenceTokens(const Answer& answer) { return EntersEvidence(answer.answer_class) ? answer.ids.size() : 0; }

// The class of an answer that could be read: filtered, empty, model (another than was asked), truncated or ok, the first that
// applies. `reading`: what counts is the lists, not the one token behind the text.
AnswerClass ClassOf(const Response& response, std::string_view model, bool reading);

// ---- events.jsonl

// A line of events.jsonl: an object with `event` and `time`, and what belongs to the event.
struct Event {
  std::string kind, time;
  Json object;

  // Empty, or 0, where the member is not there.
  std::string Text(std::string_view member) const;
  uint64_t Integer(std::string_view member) const;
};

// kinds that this file writes or asks about
inline constexpr std::string_view kEventPlanned = "planned";      // plan, investigation and their digests, prompts' digest
inline constexpr std::string_view kEventDeviation = "deviation";  // the same, with `reason` and `changed`
inline constexpr std::string_view kEventRun = "run";              // a collector started
inline constexpr std::string_view kEventEnd = "end";              // it ended: `reason`
inline constexpr std::string_view kEventFailed = "failed";        // a request without an answer: `id status why`
inline constexpr std::string_view kEventProbe = "probe";          // a request of the check of temperature: `id status`
inline constexpr std::string_view kEventLists = "lists";          // its outcome: `temperature` before, after or unclear
inline constexpr std::string_view kEventLook = "look";            // a look was reached: `kind tokens lines outcome`
inline constexpr std::string_view kEventFinished = "finished";    // nothing more is asked: `reason`

std::string WriteEvent(std::string_view kind, std::string_view time, Json::Object members);
// Errors   kMalformed with the line; kNotFound, kIo. A last line without its end is left out.
Result<std::vector<Event>> ReadEvents(const std::string& path);

// A change of the first three files after they were planned.
struct Deviation {
  std::string time, reason;
  std::vector<std::string> changed;  // "plan.alpha_log10", "investigation.rate.parallel", "prompts"
  bool after_look = false;           // a look came before it
  // Tests, shares, alpha, keys or stopping changed, or prompts after a look: the verdict is inconclusive (M10.2).
  bool decisive = false;
};

// ---- the directory

enum class InvestigationState { kPlanned, kCollecting, kCollected, kTested };
std::string_view StateName(InvestigationState state);

// The first three files, as they are now, and what events.jsonl says of them.
struct InvestigationFiles {
  std::string folder;
  Plan plan;
  Investigation investigation;
  Prompts prompts;
  std::vector<Event> events;
  std::vector<Deviation> deviations;  // recorded ones, in order
  std::vector<std::string> changed;   // members that differ from what was last planned or recorded; empty: the files stand
  InvestigationState state;

  std::string Path(std::string_view name) const { return folder + "/" + std::string(name); }
};

// Writes a new directory: the three files and the event `planned`.
// Errors   kMismatch of CheckBelong; kInvalidArgument where the folder holds anything; kIo.
Result<void> WriteInvestigation(const std::string& folder, const Plan& plan, const Investigation& investigation, const Prompts& prompts);

// Reads a directory. Changed files are no error here: `changed` names the members. Whoever goes on asks CheckBelong and
// records a deviation.
// Errors   kNotFound, kIo; kMalformed, kUnsupported, kLimit with the file's name.
Result<InvestigationFiles> ReadInvestigation(const std::string& folder);

// The line of events.jsonl that records that the files are now others, and why.
std::string WriteDeviation(const InvestigationFiles& files, std::string_view time, std::string_view reason);

// The growing files, open to be written by one process.
class InvestigationLog {
 public:
  struct Entry {
    Answer answer;  // its raw range is set when it is stored
    std::string body;
  };

  // Cuts off what a kill left behind, and stands at the ends.
  // Errors   kNotFound where it is no investigation; kUnsafe where another process has the directory; kMalformed, kIo.
  static Result<InvestigationLog> Open(const std::string& folder);

  // Returns when all of them are on the disk.
  Result<void> Store(std::vector<Entry>& entries);
  // Returns when the line, made by WriteEvent or WriteDeviation, is on the disk.
  Result<void> Append(std::string_view event_lines);

 private:
  InvestigationLog(FileLock lock, AppendFile answers, AppendFile raw, AppendFile events)
      : lock_(std::move(lock)), answers_(std::move(answers)), raw_(std::move(raw)), events_(std::move(events)) {}
  FileLock lock_;
  AppendFile answers_, raw_, events_;
};

}  // namespace verdigris::verify
