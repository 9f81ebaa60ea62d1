// One loop: start what rate, budget and waits allow; take the replies; store them all, bodies first, with one fsync a file; then
// let the budget move. A look waits until nothing is in flight, so that it sees a file that stands still.
//
// Tested by tests/tools/collect_test.py.
#include "tools/collect/collector.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "tools/collect/policy.h"
#include "tools/collect/request.h"
#include "tools/terminal/progress.h"
#include "verify/utc_time.h"

namespace verdigris::tools {
namespace {

using Clock = std::chrono::steady_clock;
using End = CollectSummary::End;
using verify::Answer;
using verify::AnswerClass;

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kCatchUp{5};  // timers are that coarse; a minute has at most one request more for it
constexpr size_t kMostText = size_t{4} << 20;  // a line of answers.jsonl stays within the 64 MiB of JSON
constexpr size_t kMostWord = 256;              // of a model's name, a finish reason
constexpr size_t kProbePrompts = 20;
constexpr double kProbeGap = 0.05, kProbeTolerance = 0.05, kProbeShare = 0.8;

Json Integer(uint64_t value) { return Json(static_cast<int64_t>(value)); }

// The log's own times have the form.
int64_t SecondsOf(const std::string& time) { return verify::SecondsOfUtc(time).value_or(0); }

// A number in [.5, 1.5): clients that failed together do not come back together.
double Jitter() {
  uint16_t bits = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&bits), sizeof bits);
  return 0.5 + bits / 65536.0;
}

// A pointer to the entry of `token`, or null.
const verify::TokenProbability* Find(const std::vector<verify::TokenProbability>& list, const std::string& token) {
  const auto at = std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.token == token; });
  return at == list.end() ? nullptr : &*at;
}

// Seconds that runs took, from the times that they left.
class Runs {
 public:
  explicit Runs(const std::vector<verify::Event>& events) {
    for (const verify::Event& event : events) {
      if (event.kind == verify::kEventRun) runs_.push_back({SecondsOf(event.time), SecondsOf(event.time)});
    }
    for (const verify::Event& event : events) Saw(event.time);
  }
  void Saw(const std::string& time) {
    const int64_t at = SecondsOf(time);
    const auto after = std::upper_bound(runs_.begin(), runs_.end(), at, [](int64_t value, const Run& run) { return value < run.start; });
    if (after != runs_.begin()) std::prev(after)->last = std::max(std::prev(after)->last, at);
  }
  uint64_t seconds() const {
    int64_t sum = 0;
    for (const Run& run : runs_) sum += run.last - run.start;
    return static_cast<uint64_t>(sum);
  }

 private:
  struct Run {
    int64_t start, last;
  };
  std::vector<Run> runs_;
};

class Collector {
 public:
  Collector(const verify::InvestigationFiles& files, const Profile& profile, const verify::Tokenizer& tokenizer, const CollectOptions& options,
            verify::InvestigationLog log, HttpClient http)
      : files_(files), plan_(files.investigation.content()), tokenizer_(tokenizer), options_(options), log_(std::move(log)), http_(std::move(http)),
        tasks_(plan_, files.prompts, profile, tokenizer) {}

  Result<CollectSummary> Run();

 private:
  struct Open {
    Task task;
    int retries = 0, garbage = 0;
    std::optional<uint64_t> probe_milli;  // a request of the check of temperature, at this one
  };

  Result<void> Load();
  Result<void> Probe();
  Result<void> Loop();
  Result<bool> StartOne();
  Result<void> Take(std::vector<HttpReply> replies);
  void TakeProbe(const Open& open, const HttpReply& reply, const Decision& decision);
  void Store(const Open& open, HttpReply& reply, Decision& decision);
  Result<void> Count(const Answer& answer);
  Result<void> TakeLooks();
  bool BudgetAllows(const Task& task);
  uint64_t SecondsUsed() const { return seconds_before_ + static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start_).count()); }
  void EndWith(End end) {
    if (!ending_) ending_ = end;
  }
  void Log(std::string_view kind, Json::Object members) { events_ += verify::WriteEvent(kind, verify::UtcNow(), std::move(members)); }
  void ShowProgress();

  const verify::InvestigationFiles& files_;
  const verify::InvestigationContent& plan_;
  const verify::Tokenizer& tokenizer_;
  const CollectOptions& options_;
  verify::InvestigationLog log_;
  HttpClient http_;
  TaskList tasks_;
  std::optional<Progress> progress_;

  std::unordered_set<std::string> stored_;
  std::unordered_map<uint64_t, Open> in_flight_;
  std::multimap<Clock::time_point, Open> waiting_;  // to be asked again, by when
  std::optional<Open> next_;                        // taken from tasks_, not started yet
  bool exhausted_ = false;                          // tasks_ has no more
  std::vector<Open> probes_;
  std::map<std::pair<std::string, uint64_t>, std::vector<verify::TokenProbability>> probed_;
  uint64_t ticket_ = 0;
  Clock::time_point start_ = Clock::now(), next_start_ = start_, paused_until_ = start_;
  std::optional<Clock::time_point> deadline_;  // for what is in flight
  std::optional<End> ending_;                  // nothing more is started

  // Used, and what may still come of what is in flight.
  uint64_t requests_ = 0, answer_tokens_ = 0, prompt_tokens_ = 0, seconds_before_ = 0;
  uint64_t reserved_answer_tokens_ = 0, reserved_prompt_tokens_ = 0;
  int refused_in_a_row_ = 0;

  std::vector<LookPoint> looks_;  // that are to come, ascending
  std::vector<LookPoint> reached_;
  uint64_t evidence_tokens_ = 0;

  std::vector<verify::InvestigationLog::Entry> entries_;  // to be stored
  std::string events_;                                    // to be appended
  CollectSummary summary_;
};

// What is there already: ids, budget, looks.
Result<void> Collector::Load() {
  for (size_t i = 0; i < plan_.looks.size(); ++i) looks_.push_back({LookPoint::Kind::kLook, i + 1, plan_.looks[i], 0});
  if (plan_.futility_tokens > 0) looks_.push_back({LookPoint::Kind::kFutility, 0, plan_.futility_tokens, 0});
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<verify::Event> events, verify::ReadEvents(files_.Path("events.jsonl")));
  Runs runs(events);
  for (const verify::Event& event : events) {
    if (event.kind == verify::kEventLook) {
      std::erase_if(looks_, [&](const LookPoint& look) {
        return event.Text("kind") == (look.kind == LookPoint::Kind::kLook ? "look" : "futility") && event.Integer("tokens") == look.tokens;
      });
    }
    if (event.kind == verify::kEventLists) summary_.lists = event.Text("temperature");
    if (event.kind != verify::kEventFailed && event.kind != verify::kEventProbe) continue;
    ++requests_;
    prompt_tokens_ += event.Integer("prompt_tokens");
  }
  std::stable_sort(looks_.begin(), looks_.end(), [](const LookPoint& a, const LookPoint& b) { return a.tokens < b.tokens; });
  VERDIGRIS_RETURN_IF_ERROR(verify::ForEachAnswer(files_.Path("answers.jsonl"), [&](const Answer& answer) -> Result<void> {
    runs.Saw(answer.time);
    stored_.insert(answer.id);
    return Count(answer);
  }));
  seconds_before_ = runs.seconds();
  return {};
}

// A line more: budget, sums, looks that it reaches.
Result<void> Collector::Count(const Answer& answer) {
  ++requests_;
  if (const verify::Prompt* prompt = files_.prompts.Find(answer.prompt_id())) {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t tokens, tasks_.PromptTokens(*prompt, answer.number()));
    prompt_tokens_ += tokens;
  }
  ++summary_.lines;
  ++summary_.classes[static_cast<size_t>(answer.answer_class)];
  answer_tokens_ += answer.ids.size();
  evidence_tokens_ += EvidenceTokens(answer);
  while (!looks_.empty() && evidence_tokens_ >= looks_.front().tokens) {
    looks_.front().lines = summary_.lines;
    reached_.push_back(looks_.front());
    looks_.erase(looks_.begin());
  }
  return {};
}

// Whether lists come before or after temperature: the same prompts at the plan's temperature and at 1, one token each.
Result<void> Collector::Probe() {
  const uint64_t milli = plan_.sampling.temperature_milli;
  if (!summary_.lists.empty() || plan_.sampling.lists < 2 || milli == 1000 || !stored_.empty()) return {};
  verify::InvestigationContent content = plan_;
  content.sampling.max_tokens = 1;
  content.sampling.echo = false;
  for (size_t i = 0; i < std::min(kProbePrompts, files_.prompts.size()); ++i) {
    const verify::Prompt& prompt = files_.prompts.all()[i];
    for (const uint64_t temperature : {milli, uint64_t{1000}}) {
      content.sampling.temperature_milli = temperature;
      Open open;
      open.task.id = prompt.id;
      open.task.prompt = &prompt;
      open.task.body = RequestBody(content, prompt.text);
      // Where texts are read position by position, from above: a token is at least a byte.
      VERDIGRIS_ASSIGN_OR_RETURN(open.task.prompt_tokens, tasks_.PromptTokens(prompt, prompt.text.size()));
      open.task.answer_tokens = 1;
      open.probe_milli = temperature;
      probes_.push_back(std::move(open));
    }
  }
  std::reverse(probes_.begin(), probes_.end());
  VERDIGRIS_RETURN_IF_ERROR(Loop());
  if (ending_) return {};
  size_t before = 0, after = 0, judged = 0;
  for (const auto& [key, at_one] : probed_) {
    const auto other = probed_.find({key.first, milli});
    if (key.second != 1000 || other == probed_.end() || at_one.size() < 2) continue;
    // The two most probable tokens that both lists hold.
    std::vector<verify::TokenProbability> sorted = at_one;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.log_probability > b.log_probability; });
    const auto* first = Find(other->second, sorted[0].token);
    const auto* second = Find(other->second, sorted[1].token);
    const double gap = sorted[0].log_probability - sorted[1].log_probability;
    if (!std::isfinite(gap) || gap < kProbeGap) continue;
    ++judged;
    const double there = first != nullptr && second != nullptr ? first->log_probability - second->log_probability : INFINITY;
    const double divided = milli == 0 ? INFINITY : gap * 1000 / static_cast<double>(milli);
    if (std::abs(there - gap) <= kProbeTolerance * gap) ++before;
    if (there == divided || std::abs(there - divided) <= kProbeTolerance * divided) ++after;
  }
  const double enough = kProbeShare * static_cast<double>(judged);
  summary_.lists = judged == 0 || (static_cast<double>(before) < enough && static_cast<double>(after) < enough) ? "unclear"
                   : before >= after                                                                            ? "before"
                                                                                                                : "after";
  return log_.Append(verify::WriteEvent(verify::kEventLists, verify::UtcNow(), {{"temperature", summary_.lists}, {"prompts", Integer(judged)}}));
}

bool Collector::BudgetAllows(const Task& task) {
  const auto& budget = plan_.budget;
  if (SecondsUsed() >= budget.seconds) {
    summary_.budget = "seconds";
  } else if (requests_ + in_flight_.size() + 1 > budget.requests) {
    summary_.budget = "requests";
  } else if (answer_tokens_ + reserved_answer_tokens_ + task.answer_tokens > budget.answer_tokens) {
    summary_.budget = "answer_tokens";
  } else if (prompt_tokens_ + reserved_prompt_tokens_ + task.prompt_tokens > budget.prompt_tokens) {
    summary_.budget = "prompt_tokens";
  } else {
    summary_.budget.clear();
  }
  return summary_.budget.empty();
}

// Starts the next request if it may start now; whether it did.
Result<bool> Collector::StartOne() {
  const Clock::time_point now = Clock::now();
  if (ending_ || !reached_.empty() || in_flight_.size() >= plan_.rate.parallel || now < next_start_ || now < paused_until_) return false;
  std::optional<Open> open;
  if (!waiting_.empty() && waiting_.begin()->first <= now) {
    open = std::move(waiting_.extract(waiting_.begin()).mapped());
  } else if (!probes_.empty()) {
    open = std::move(probes_.back());
    probes_.pop_back();
  } else if (next_) {
    open = std::exchange(next_, std::nullopt);
  } else if (progress_ && !exhausted_) {
    VERDIGRIS_ASSIGN_OR_RETURN(auto task, tasks_.Next(stored_));
    exhausted_ = !task;
    if (task) open = Open{.task = std::move(*task), .probe_milli = {}};
  }
  if (!open) return false;
  if (!BudgetAllows(open->task)) {
    // What is in flight may bring less than was kept for it.
    if (in_flight_.empty()) EndWith(End::kBudget);
    if (open->probe_milli) {
      probes_.push_back(std::move(*open));
    } else if (open->retries > 0) {
      waiting_.emplace(now, std::move(*open));
    } else {
      next_ = std::move(open);
    }
    return false;
  }
  reserved_answer_tokens_ += open->task.answer_tokens;
  reserved_prompt_tokens_ += open->task.prompt_tokens;
  VERDIGRIS_RETURN_IF_ERROR(http_.Post(++ticket_, open->task.body));
  in_flight_.emplace(ticket_, std::move(*open));
  ++summary_.requests;
  next_start_ = std::max(next_start_, now - kCatchUp) + std::chrono::nanoseconds(60'000'000'000 / plan_.rate.per_minute);
  return true;
}

void Collector::TakeProbe(const Open& open, const HttpReply& reply, const Decision& decision) {
  Log(verify::kEventProbe, {{"id", open.task.id}, {"status", Integer(reply.status)}, {"temperature_milli", Integer(*open.probe_milli)},
                            {"prompt_tokens", Integer(open.task.prompt_tokens)}});
  ++requests_;
  prompt_tokens_ += open.task.prompt_tokens;
  auto& list = probed_[{open.task.id, *open.probe_milli}];
  if (decision.response && !decision.response->positions.empty()) list = decision.response->positions.front().list;
}

// Makes the line of a reply that is one.
void Collector::Store(const Open& open, HttpReply& reply, Decision& decision) {
  using Action = Decision::Action;
  Answer answer;
  answer.id = open.task.id;
  answer.prompt_sha256 = Sha256(AsBytes(open.task.prompt->text));
  answer.time = verify::UtcNow();
  answer.ms = reply.ms;
  answer.attempts = static_cast<uint64_t>(open.retries) + 1;
  answer.status = reply.status;
  answer.answer_class = decision.action == Action::kRequest    ? AnswerClass::kRequest
                        : decision.action == Action::kOversize ? AnswerClass::kOversize
                                                               : AnswerClass::kGarbage;
  if (decision.response) {
    verify::Response& response = *decision.response;
    answer.answer_class = verify::ClassOf(response, plan_.suspect.model, plan_.reading());
    answer.model = verify::RepairedUtf8(std::string_view(response.model).substr(0, kMostWord));
    answer.finish = verify::RepairedUtf8(std::string_view(response.finish).substr(0, kMostWord));
    answer.text = std::move(response.text);
    answer.ids = open.task.read;
    if (answer.text.size() > kMostText) {
      answer.answer_class = AnswerClass::kOversize;
      answer.text.clear();
    } else if (!plan_.reading()) {
      verify::Scratch scratch;
      std::vector<verify::Token> tokens;
      if (tokenizer_.Encode(answer.text, scratch, tokens)) {
        for (const verify::Token& token : tokens) answer.ids.push_back(token.id);
      }
    }
  }
  refused_in_a_row_ = answer.answer_class == AnswerClass::kRequest ? refused_in_a_row_ + 1 : 0;
  entries_.push_back({std::move(answer), std::move(reply.body)});
}

Result<void> Collector::Take(std::vector<HttpReply> replies) {
  using Action = Decision::Action;
  const int64_t now = static_cast<int64_t>(std::time(nullptr));
  for (HttpReply& reply : replies) {
    auto node = in_flight_.extract(reply.ticket);
    Open& open = node.mapped();
    reserved_answer_tokens_ -= open.task.answer_tokens;
    reserved_prompt_tokens_ -= open.task.prompt_tokens;
    Decision decision = Decide(reply, plan_.suspect.api, open.retries, open.garbage, now);
    if (decision.queue_seconds) {
      const auto until = Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(1000 * options_.wait_scale * static_cast<double>(*decision.queue_seconds)));
      paused_until_ = std::max(paused_until_, until);
    }
    if (decision.stop && !summary_.stop) summary_.stop = decision.stop;
    if (decision.stop) EndWith(End::kStopped);
    if (open.probe_milli) {
      TakeProbe(open, reply, decision);
      continue;
    }
    const bool fails = decision.action == Action::kAgain || decision.action == Action::kLeave || decision.action == Action::kStop;
    if (!fails) {
      Store(open, reply, decision);
      continue;
    }
    ++summary_.failed;
    ++requests_;
    prompt_tokens_ += open.task.prompt_tokens;
    const char* then = decision.action == Action::kAgain ? "again" : decision.action == Action::kLeave ? "left" : "stop";
    Log(verify::kEventFailed, {{"id", open.task.id}, {"status", Integer(reply.status)}, {"why", decision.why}, {"then", then},
                               {"prompt_tokens", Integer(open.task.prompt_tokens)}});
    if (decision.action == Action::kLeave) ++summary_.left;
    if (decision.action != Action::kAgain) continue;
    const double seconds = options_.wait_scale * RetryWaitSeconds(open.retries, Jitter());
    // Of a success that could not be read; what was lost or refused for now was none.
    if (reply.transport != Transport::kLost && reply.status < 400) ++open.garbage;
    ++open.retries;
    waiting_.emplace(Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(1000 * seconds)), std::move(open));
  }
  VERDIGRIS_RETURN_IF_ERROR(log_.Store(entries_));
  for (const auto& entry : entries_) {
    stored_.insert(entry.answer.id);
    VERDIGRIS_RETURN_IF_ERROR(Count(entry.answer));
  }
  entries_.clear();
  if (refused_in_a_row_ >= kRequestsInARow && !ending_) {
    summary_.stop = Error{ErrorKind::kUnsupported, "the endpoint refused " + std::to_string(refused_in_a_row_) + " requests in a row; see status in answers.jsonl"};
    EndWith(End::kStopped);
  }
  VERDIGRIS_RETURN_IF_ERROR(log_.Append(std::exchange(events_, {})));
  return {};
}

// Looks that were reached, once nothing is in flight.
Result<void> Collector::TakeLooks() {
  while (!reached_.empty() && in_flight_.empty() && !ending_) {
    const LookPoint look = reached_.front();
    LookOutcome outcome = LookOutcome::kContinue;
    if (options_.judge) {
      VERDIGRIS_ASSIGN_OR_RETURN(outcome, options_.judge(files_, look));
    }
    const char* name = !options_.judge                         ? "unjudged"
                       : outcome == LookOutcome::kContinue ? "continue"
                       : outcome == LookOutcome::kDetected ? "detected"
                       : outcome == LookOutcome::kFutile   ? "futile"
                                                           : "pause";
    VERDIGRIS_RETURN_IF_ERROR(log_.Append(verify::WriteEvent(
        verify::kEventLook, verify::UtcNow(), {{"kind", look.kind == LookPoint::Kind::kLook ? "look" : "futility"}, {"number", Integer(look.number)},
                                               {"tokens", Integer(look.tokens)}, {"lines", Integer(look.lines)}, {"outcome", name}})));
    reached_.erase(reached_.begin());
    if (outcome == LookOutcome::kDetected) EndWith(End::kDetected);
    if (outcome == LookOutcome::kFutile) EndWith(End::kFutile);
    if (outcome == LookOutcome::kPause) EndWith(End::kPaused);
  }
  return {};
}

void Collector::ShowProgress() {
  if (!progress_) return;
  const auto share = [](uint64_t used, uint64_t budget) { return static_cast<double>(used) / static_cast<double>(budget); };
  const double most = std::max({share(requests_, plan_.budget.requests), share(answer_tokens_, plan_.budget.answer_tokens),
                                share(prompt_tokens_, plan_.budget.prompt_tokens), share(SecondsUsed(), plan_.budget.seconds)});
  std::string more = std::to_string(answer_tokens_) + " tokens, " + std::to_string(static_cast<int>(100 * most)) + " % of the budget";
  for (size_t i = 0; i < verify::kAnswerClasses; ++i) {
    if (summary_.classes[i] > 0) more += ", " + std::string(verify::ClassName(static_cast<AnswerClass>(i))) + " " + std::to_string(summary_.classes[i]);
  }
  progress_->Update(summary_.lines, more);
}

Result<void> Collector::Loop() {
  for (;;) {
    if (options_.interrupted && options_.interrupted()) {
      EndWith(End::kInterrupted);
      if (!deadline_) deadline_ = Clock::now() + options_.grace;
    }
    VERDIGRIS_RETURN_IF_ERROR(TakeLooks());
    for (bool started = true; started;) {
      VERDIGRIS_ASSIGN_OR_RETURN(started, StartOne());
    }
    const Clock::time_point now = Clock::now();
    if (SecondsUsed() >= plan_.budget.seconds && !ending_) {
      summary_.budget = "seconds";
      EndWith(End::kBudget);
      deadline_ = now + options_.grace;
    }
    // What a signal or the budget's seconds end has a deadline; whatever else ends the run waits for what it has paid for.
    if (deadline_ && now >= *deadline_) return {};
    const bool nothing_to_start = waiting_.empty() && !next_ && probes_.empty() && (exhausted_ || !progress_) && reached_.empty();
    if (in_flight_.empty() && (ending_ || nothing_to_start)) return {};
    std::chrono::milliseconds wait = kTick;
    const auto until = [&](Clock::time_point then) {
      if (then > now) wait = std::min(wait, std::chrono::duration_cast<std::chrono::milliseconds>(then - now) + std::chrono::milliseconds(1));
    };
    until(next_start_);
    until(paused_until_);
    if (!waiting_.empty()) until(waiting_.begin()->first);
    VERDIGRIS_ASSIGN_OR_RETURN(auto replies, http_.Wait(wait));
    if (!replies.empty()) VERDIGRIS_RETURN_IF_ERROR(Take(std::move(replies)));
    ShowProgress();
  }
}

Result<CollectSummary> Collector::Run() {
  VERDIGRIS_RETURN_IF_ERROR(Load());
  VERDIGRIS_RETURN_IF_ERROR(log_.Append(verify::WriteEvent(verify::kEventRun, verify::UtcNow(), {{"version", VERDIGRIS_VERSION}})));
  VERDIGRIS_RETURN_IF_ERROR(Probe());
  if (!ending_) {
    progress_.emplace("answers", tasks_.total(), summary_.lines);
    VERDIGRIS_RETURN_IF_ERROR(Loop());
    progress_.reset();
  }
  for (const auto& [ticket, open] : in_flight_) {
    ++requests_;
    ++summary_.failed;
    Log(verify::kEventFailed, {{"id", open.task.id}, {"status", Integer(0)}, {"why", "given up"}, {"then", "left"},
                               {"prompt_tokens", Integer(open.task.prompt_tokens)}});
  }
  if (!ending_) ending_ = summary_.left > 0 ? End::kLeft : End::kComplete;
  summary_.end = *ending_;
  summary_.tokens = evidence_tokens_;
  summary_.requests_all = requests_;
  if (summary_.end != End::kBudget) summary_.budget.clear();
  Json::Object members = {{"reason", std::string(EndName(summary_.end))}, {"requests", Integer(summary_.requests)}, {"failed", Integer(summary_.failed)},
                          {"left", Integer(summary_.left)}, {"lines", Integer(summary_.lines)}};
  std::string lines = std::exchange(events_, {}) + verify::WriteEvent(verify::kEventEnd, verify::UtcNow(), std::move(members));
  if (summary_.end == End::kComplete || summary_.end == End::kDetected || summary_.end == End::kFutile || summary_.end == End::kBudget) {
    const std::string reason = summary_.end == End::kBudget ? "budget " + summary_.budget : std::string(EndName(summary_.end));
    lines += verify::WriteEvent(verify::kEventFinished, verify::UtcNow(), {{"reason", reason}});
  }
  VERDIGRIS_RETURN_IF_ERROR(log_.Append(lines));
  return std::move(summary_);
}

}  // namespace

std::string_view EndName(CollectSummary::End end) {
  static constexpr std::string_view kNames[] = {"complete", "detected", "futile", "budget", "paused", "left", "stopped", "interrupted"};
  return kNames[static_cast<size_t>(end)];
}

Result<CollectSummary> Collect(const verify::InvestigationFiles& files, verify::InvestigationLog log, const Profile& profile,
                               const verify::Tokenizer& tokenizer, const CollectOptions& options) {
  VERDIGRIS_ASSIGN_OR_RETURN(HttpClient http, HttpClient::Create(RequestUrl(files.investigation.content()), options.api_key, options.http));
  return Collector(files, profile, tokenizer, options, std::move(log), std::move(http)).Run();
}

}  // namespace verdigris::tools
