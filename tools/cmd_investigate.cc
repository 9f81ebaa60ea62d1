// verdigris investigate plan|collect: a suspect model on trial. `plan` settles what is asked and tested; `collect` asks.
// Tested by tests/cli/investigate_plan.sh, investigate_collect.sh and tests/tools/collect_test.py.
#include <csignal>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include <nlohmann/json.hpp>

#include "tools/collect/collector.h"
#include "tools/collect/request.h"
#include "tools/inputs.h"
#include "tools/investigate.h"
#include "tools/investigation_case.h"
#include "tools/process.h"
#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "tools/verbs.h"
#include "tools/write_key.h"
#include "verify/file.h"
#include "verify/suspect/choice.h"
#include "verify/suspect/filter.h"
#include "verify/utc_time.h"

namespace verdigris::tools {
namespace {

using verify::Api;
using verify::InvestigationContent;
using verify::Prompt;

std::vector<std::string> Split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t end = std::min(text.find(at), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

// ---- plan

struct PlanOptions {
  std::string profile, prompts, url, model, api = "chat", since = "1970-01-01T00:00:00Z", answers = "1", max_tokens = "200", temperature = "1",
              top_p = "1", system, lists, alpha = "1e-6", looks, effect, futility = "0", family, decoys = "999", min_scored = "200", rate = "4,60", matched, output;
  std::vector<std::string> accounts, filters, references, budget, controls;
  bool files = false, read = false, echo = false, strict = false;
};

constexpr uint64_t kMostBudget = 1'000'000'000'000, kDefaultSeconds = 7 * 86400, kFirstLook = 10'000;
constexpr double kSpareRequests = 100;  // of the longest prompt
constexpr size_t kWideWindow = 4;

Result<uint64_t> ParseMilli(const char* name, const std::string& text, double most) {
  VERDIGRIS_ASSIGN_OR_RETURN(const double value, ParseReal(name, text));
  const double milli = std::round(value * 1000);
  if (!(value >= 0 && value <= most) || std::abs(milli - value * 1000) > 1e-6) {
    return Usage(std::string(name) + " must be in [0," + PrintReal(most) + "] with at most three places, got " + Shown(text));
  }
  return static_cast<uint64_t>(milli);
}

// A prompt a line, or of *.jsonl the members prompt, id and domain.
Result<verify::Prompts> LoadPrompts(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(verify::LineReader lines, verify::LineReader::Open(path, 8 * verify::kMaxPromptBytes));
  std::vector<Prompt> prompts;
  const bool json_lines = path.ends_with(".jsonl");
  for (std::string_view line;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
    if (!more) break;
    if (line.empty()) continue;
    if (prompts.size() == verify::kMostPrompts) return Fail(ErrorKind::kLimit, path + ": more than " + std::to_string(verify::kMostPrompts) + " prompts");
    std::string number = std::to_string(prompts.size() + 1);
    number.insert(0, number.size() < 6 ? 6 - number.size() : 0, '0');
    Prompt prompt{"all", "p" + number, std::string(line)};
    if (json_lines) {
      const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
      const auto take = [&](const char* name, std::string& to, bool needed) {
        const auto at = json.is_object() ? json.find(name) : json.end();
        if (!json.is_object() || at == json.end()) return !needed;
        if (at->is_string()) to = at->get<std::string>();
        return at->is_string();
      };
      if (!take("prompt", prompt.text, true) || !take("id", prompt.id, false) || !take("domain", prompt.domain, false)) {
        return Fail(ErrorKind::kMalformed, lines.Place() + ": must be a JSON object with a string `prompt`, and strings `id` and `domain` if any");
      }
    }
    prompts.push_back(std::move(prompt));
  }
  auto made = verify::Prompts::Create(std::move(prompts));
  if (!made) return InFile(path, made.error());
  return made;
}

// KIND,NAME,SHA256[,TIME], or self.
Result<verify::Reference> ParseReference(const std::string& text) {
  verify::Reference reference;
  if (text == "self") {
    reference.name = "self";
    reference.kind = verify::ReferenceKind::kSelf;
    return reference;
  }
  const auto parts = Split(text, ',');
  constexpr std::string_view kKinds[] = {"provider", "base", "older"};
  const auto kind = std::find(std::begin(kKinds), std::end(kKinds), parts[0]);
  Digest digest{};
  if (parts.size() < 3 || parts.size() > 4 || kind == std::end(kKinds) || !ParseHex(parts[2], digest)) {
    return Usage("--reference must be self, or provider, base or older, then ,NAME,SHA256 of the model and ,TIME after which it was not trained");
  }
  reference.kind = static_cast<verify::ReferenceKind>(kind - std::begin(kKinds));
  reference.name = parts[1];
  reference.model_sha256 = digest;
  if (parts.size() == 4) reference.not_after = parts[3];
  return reference;
}

// The keys to be tested: the provider's layer where the profile has one, and the accounts named.
Result<std::vector<verify::TestedKey>> KeysOf(const PlanOptions& options, const Profile& profile) {
  std::vector<verify::TestedKey> keys;
  if (profile.has_provider_layer()) keys.push_back({Layer::kProvider, "", {}});
  for (const std::string& account : options.accounts) {
    if (!profile.has_account_layer()) return Fail(ErrorKind::kMismatch, options.profile + ": has no account layer, so --account can test nothing");
    keys.push_back({Layer::kAccount, account, {}});
  }
  for (const std::string& path : options.filters) {
    VERDIGRIS_ASSIGN_OR_RETURN(const verify::Filter filter, LoadFilter(path, /*insecure_permissions=*/false));
    if (filter.facts().scheme_id != profile.scheme_id() || filter.facts().window != profile.window()) {
      return Fail(ErrorKind::kMismatch, path + ": is of scheme_id " + Hex(filter.facts().scheme_id) + ", the profile has " + Hex(profile.scheme_id()));
    }
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const auto& each) { return each.label == filter.facts().label; });
    if (key == keys.end()) return Usage("--filter " + path + ": is of an account that no --account names");
    key->filter_sha256 = filter.digest();
  }
  return keys;
}

Result<void> ReadBudget(const PlanOptions& options, InvestigationContent::Budget& budget) {
  for (const std::string& each : options.budget) {
    for (const std::string& part : Split(each, ',')) {
      const size_t equals = std::min(part.find('='), part.size());
      const std::string name = part.substr(0, equals);
      uint64_t* to = name == "requests"        ? &budget.requests
                     : name == "answer_tokens" ? &budget.answer_tokens
                     : name == "prompt_tokens" ? &budget.prompt_tokens
                     : name == "seconds"       ? &budget.seconds
                                               : nullptr;
      if (to == nullptr || equals == part.size()) return Usage("--budget must be of requests=N, answer_tokens=N, prompt_tokens=N and seconds=N");
      VERDIGRIS_ASSIGN_OR_RETURN(*to, ParseInteger("--budget " + name, part.substr(equals + 1), 1, kMostBudget));
    }
  }
  return {};
}

// Twice what is planned: requests are asked again, and the suspect's tokens are fewer or more than ours.
InvestigationContent::Budget DefaultBudget(const InvestigationContent& content, const verify::Prompts& prompts) {
  const bool by_position = content.reading() && !content.sampling.echo;
  double requests = 0, answer_tokens = 0, prompt_tokens = 0, longest = 0;
  for (const Prompt& prompt : prompts.all()) {
    // A token is at least a byte.
    const double bytes = static_cast<double>(prompt.text.size()), system = static_cast<double>(content.sampling.system.size());
    const double count = by_position ? bytes : static_cast<double>(content.sampling.answers);
    requests += 2 * count;
    answer_tokens += 2 * (content.reading() ? bytes : count * static_cast<double>(content.sampling.max_tokens));
    prompt_tokens += 2 * count * (system + (by_position ? bytes / 2 : bytes));
    longest = std::max(longest, system + bytes);
  }
  const auto bounded = [](double value) { return static_cast<uint64_t>(std::clamp(std::ceil(value), 1.0, static_cast<double>(kMostBudget))); };
  return {bounded(requests + kSpareRequests), bounded(answer_tokens), bounded(prompt_tokens + kSpareRequests * longest), kDefaultSeconds};
}

// 10,000 and doubling, as far as the answers can reach.
std::vector<uint64_t> DefaultLooks(uint64_t answer_tokens) {
  std::vector<uint64_t> looks;
  for (uint64_t look = kFirstLook; look <= answer_tokens && looks.size() < verify::kMostLooks; look *= 2) looks.push_back(look);
  if (looks.empty()) looks.push_back(answer_tokens);
  return looks;
}

Result<void> ReadSampling(const PlanOptions& options, InvestigationContent& content) {
  if (options.api != "chat" && options.api != "completions") return Usage("--api must be chat or completions, got " + Shown(options.api));
  content.suspect.api = options.api == "chat" ? Api::kChat : Api::kCompletions;
  auto& sampling = content.sampling;
  VERDIGRIS_ASSIGN_OR_RETURN(sampling.temperature_milli, ParseMilli("--temperature", options.temperature, 2));
  VERDIGRIS_ASSIGN_OR_RETURN(sampling.top_p_milli, ParseMilli("--top-p", options.top_p, 1));
  VERDIGRIS_ASSIGN_OR_RETURN(sampling.max_tokens, ParseInteger("--max-tokens", options.max_tokens, 1, 65536));
  VERDIGRIS_ASSIGN_OR_RETURN(sampling.answers, ParseInteger("--answers", options.answers, 1, 1000));
  VERDIGRIS_ASSIGN_OR_RETURN(sampling.lists, ParseInteger("--lists", options.lists.empty() ? (options.files ? "0" : content.suspect.api == Api::kChat ? "20" : "5") : options.lists, 0, 20));
  sampling.echo = options.echo;
  if (options.read) sampling.max_tokens = 1;
  if (!options.read && sampling.max_tokens == 1) return Usage("--max-tokens must be in [2,65536]: answers of one token have no window; texts are shown with --read");
  if (options.echo && !options.read) return Usage("--echo belongs to --read");
  if (!options.system.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(sampling.system, verify::ReadFile(options.system, verify::kMaxPromptBytes));
  }
  return {};
}

Result<void> ReadStopping(const PlanOptions& options, InvestigationContent& content) {
  VERDIGRIS_ASSIGN_OR_RETURN(content.futility_tokens, ParseInteger("--futility", options.futility, 0, verify::kMostLookTokens));
  if (options.looks.empty()) return {};
  if (options.looks == "anytime") {
    content.stopping = verify::Stopping::kAnytime;
    return {};
  }
  content.stopping = verify::Stopping::kLooks;
  if (options.looks == "auto") {
    content.looks = DefaultLooks(content.budget.answer_tokens / 2);
    return {};
  }
  for (const std::string& part : Split(options.looks, ',')) {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t look, ParseInteger("--looks", part, 1, verify::kMostLookTokens));
    content.looks.push_back(look);
  }
  return {};
}

void PrintPlan(const verify::Plan& plan, const verify::Investigation& investigation, const verify::Prompts& prompts, const std::string& folder, Output& out) {
  const auto& sampling = investigation->sampling;
  const auto number = [](uint64_t value) { return std::to_string(value); };
  out.Write("planned in " + Printable(folder) + "\n\n");
  const bool files = investigation->suspect.kind == verify::SuspectKind::kFiles;
  out.Write("suspect   " + Printable(investigation->suspect.name) + (files ? ", whose answers come as files" : " at " + RequestUrl(investigation.content())) + "\n");
  out.Write("asked     " + number(prompts.size()) + (investigation->reading() ? " texts, read " + std::string(sampling.echo ? "whole" : "token by token") :
                                                                              " prompts, " + number(sampling.answers) + (sampling.answers == 1 ? " answer" : " answers") + " each of at most " + number(sampling.max_tokens) + " tokens") +
            (sampling.lists > 0 ? ", lists of " + number(sampling.lists) : ", no lists") + "\n");
  for (const verify::InvestigationTest& test : investigation->tests) {
    out.Write("test      " + std::string(RuleName(test.rule)) + " of " + (test.layer == Layer::kProvider ? "the provider's layer" : "account " + test.label) +
              (test.filter_sha256 ? ", inside its filter" : "") + ", " + number(test.share) + "/1000 of alpha\n");
  }
  out.Write("alpha     10^" + PrintReal(plan->alpha_log10()) + " for " + number(plan->family) + (plan->family == 1 ? " key" : " keys") + ", stopping " +
            std::string(StoppingName(plan->stopping)));
  for (const uint64_t look : plan->looks) out.Write(" " + number(look));
  const auto& budget = investigation->budget;
  out.Write("\nbudget    " + number(budget.requests) + " requests, " + number(budget.answer_tokens) + " answer tokens, " + number(budget.prompt_tokens) +
            " prompt tokens, " + number(budget.seconds) + " s\n");
  out.Write("plan.json " + Hex(plan.digest()) + "\n");
}

Result<ExitCode> RunPlan(const PlanOptions& options, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(options.profile));
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::Prompts prompts, LoadPrompts(options.prompts));

  InvestigationContent content;
  content.created = verify::UtcNow();
  content.prompts_sha256 = prompts.digest();
  content.suspect.name = options.model;
  if (!IsUtcTime(options.since)) return Usage("--since must be a time YYYY-MM-DDThh:mm:ssZ, got " + Shown(options.since));
  content.suspect.not_before = options.since;
  if (options.files != options.url.empty()) return Usage("give either --url of an endpoint, or --files");
  content.suspect.kind = options.files ? verify::SuspectKind::kFiles : verify::SuspectKind::kEndpoint;
  if (!options.files) content.suspect.model = options.model;
  // What people paste: the address with the slash or the version that is added again.
  content.suspect.url = options.url;
  for (const std::string_view tail : {"/", "/v1"}) {
    if (content.suspect.url.ends_with(tail)) content.suspect.url.resize(content.suspect.url.size() - tail.size());
  }
  if (auto url = verify::CheckEndpointUrl(content.suspect.url); !options.files && !url) return Usage("--url " + url.error().message);
  VERDIGRIS_RETURN_IF_ERROR(ReadSampling(options, content));
  for (const std::string& text : options.references) {
    VERDIGRIS_ASSIGN_OR_RETURN(content.references.emplace_back(), ParseReference(text));
  }

  verify::Offered offered;
  VERDIGRIS_ASSIGN_OR_RETURN(offered.keys, KeysOf(options, profile));
  for (const verify::Reference& reference : content.references) offered.references.push_back(reference.name);
  offered.lists = content.sampling.lists;
  offered.reading = options.read;
  for (const Prompt& prompt : prompts.all()) {
    (prompt.domain == verify::kDomainLog ? offered.log_texts : prompt.domain == verify::kDomainMarked ? offered.marked_texts : offered.unmarked_texts) = true;
  }
  VERDIGRIS_ASSIGN_OR_RETURN(content.tests, ChooseTests(offered));

  content.budget = DefaultBudget(content, prompts);
  VERDIGRIS_RETURN_IF_ERROR(ReadStopping(options, content));
  // The answer that passes the last look needs room as well.
  if (!content.looks.empty()) content.budget.answer_tokens = std::max(content.budget.answer_tokens, content.looks.back() + content.sampling.max_tokens);
  VERDIGRIS_RETURN_IF_ERROR(ReadBudget(options, content.budget));
  const auto rate = Split(options.rate, ',');
  if (rate.size() != 2) return Usage("--rate must be two numbers, such as 4,60: at once, and a minute");
  VERDIGRIS_ASSIGN_OR_RETURN(content.rate.parallel, ParseInteger("--rate at once", rate[0], 1, 64));
  VERDIGRIS_ASSIGN_OR_RETURN(content.rate.per_minute, ParseInteger("--rate a minute", rate[1], 1, 100'000));
  if (!options.effect.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(content.effect_milli, ParseMilli("--effect", options.effect, 1000));
  }
  content.controls.strict = options.strict;
  const bool filtered = !options.filters.empty();
  VERDIGRIS_ASSIGN_OR_RETURN(content.controls.matched, ParseInteger("--matched", options.matched.empty() ? (filtered ? "100" : "0") : options.matched, 0, 10'000));
  content.controls.models = options.controls;
  std::vector<std::string>& domains = content.controls.domains;
  for (const Prompt& prompt : prompts.all()) domains.push_back(prompt.domain);
  std::sort(domains.begin(), domains.end());
  domains.erase(std::unique(domains.begin(), domains.end()), domains.end());

  verify::PlanContent plan_content;
  plan_content.scheme_id = profile.scheme_id();
  plan_content.tests = verify::PlanTestsOf(content.tests);
  VERDIGRIS_ASSIGN_OR_RETURN(plan_content.family, ParseInteger("--family", options.family.empty() ? std::to_string(plan_content.tests.size()) : options.family,
                                                               plan_content.tests.size(), 1'000'000'000));
  VERDIGRIS_ASSIGN_OR_RETURN(const double alpha, ParseAlpha(options.alpha));
  plan_content.alpha_log10_e4 = verify::AlphaLog10E4(alpha);
  VERDIGRIS_ASSIGN_OR_RETURN(plan_content.decoys, ParseInteger("--decoys", options.decoys, 999, 1'000'000));
  VERDIGRIS_ASSIGN_OR_RETURN(plan_content.min_scored, ParseInteger("--min-scored", options.min_scored, 1, 1'000'000'000));
  plan_content.stopping = content.stopping;
  plan_content.looks = content.looks;
  plan_content.prompts_sha256 = prompts.digest();
  plan_content.created = content.created;

  VERDIGRIS_ASSIGN_OR_RETURN(const verify::Plan plan, verify::Plan::Create(std::move(plan_content)));
  content.plan_sha256 = plan.digest();
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::Investigation investigation, verify::Investigation::Create(std::move(content)));
  if (auto written = verify::WriteInvestigation(options.output, plan, investigation, prompts); !written) return AsWriteError(written.error());

  PrintPlan(plan, investigation, prompts, options.output, context.out);
  if (profile.window() >= kWideWindow && !filtered) {
    PrintNote("windows of " + std::to_string(profile.window()) + " ids: tests of a model without a filter of what an account was served have shown nothing so far");
  }
  if (!options.accounts.empty() && options.family.empty()) {
    PrintHint("an account found by searching among many needs --family with the number of all accounts");
  }
  PrintHint("time-stamp plan.json before you collect; then: verdigris investigate " +
            (options.files ? "test --answers FILE --key FILE" : std::string("collect")) + " --profile " + options.profile + " " + options.output);
  return kExitYes;
}

Command AddPlan(CLI::App& app) {
  auto options = std::make_shared<PlanOptions>();
  app.add_option("--profile", options->profile, "profile of the mark")->type_name("FILE")->required();
  app.add_option("--prompts", options->prompts, "a prompt a line, or .jsonl: prompt, id, domain")->type_name("FILE")->required();
  app.add_option("--url", options->url, "endpoint; requests go to URL/v1/...")->type_name("URL");
  app.add_flag("--files", options->files, "no endpoint: answers come as files");
  app.add_option("--model", options->model, "suspect, as the endpoint names it")->type_name("NAME")->required();
  app.add_option("--api", options->api, "form of the endpoint (chat)")->type_name("chat|completions");
  app.add_option("--since", options->since, "earliest time it can be from (unknown)")->type_name("TIME");
  app.add_flag("--read", options->read, "show the prompts as texts, take predictions");
  app.add_flag("--echo", options->echo, "read a text in one request (completions)");
  app.add_option("--answers", options->answers, "to each prompt (1)")->type_name("N");
  app.add_option("--max-tokens", options->max_tokens, "of an answer (200)")->type_name("N");
  app.add_option("--temperature", options->temperature, "of sampling (1)")->type_name("T");
  app.add_option("--top-p", options->top_p, "of sampling (1)")->type_name("P");
  app.add_option("--system", options->system, "system text of every request")->type_name("FILE");
  app.add_option("--lists", options->lists, "log-probabilities a position (20; 5)")->type_name("K");
  app.add_option("--account", options->accounts, "accounts to test as well")->type_name("LABEL")->allow_extra_args(false);
  app.add_option("--filter", options->filters, "what an account was served")->type_name("FILE")->allow_extra_args(false);
  app.add_option("--reference", options->references, "self or KIND,NAME,SHA256[,TIME]")->type_name("R")->allow_extra_args(false);
  app.add_option("--control-model", options->controls, "older models for the controls")->type_name("NAME")->allow_extra_args(false);
  app.add_option("--alpha", options->alpha, "false-positive rate (1e-6)")->type_name("P");
  app.add_option("--family", options->family, "keys that could have been tested")->type_name("N");
  app.add_option("--looks", options->looks, "answer tokens to test at, or auto, anytime")->type_name("N,...");
  app.add_option("--futility", options->futility, "give up there where nothing shows")->type_name("N");
  app.add_option("--effect", options->effect, "z that is expected")->type_name("Z");
  app.add_option("--min-scored", options->min_scored, "fewer are inconclusive (200)")->type_name("N");
  app.add_option("--decoys", options->decoys, "decoy keys (999)")->type_name("N");
  app.add_option("--matched", options->matched, "matched decoys of filters (100)")->type_name("N");
  app.add_flag("--strict", options->strict, "leave out windows of every prompt");
  app.add_option("--budget", options->budget, "requests, answer_tokens, ... =N")->type_name("B=N,...")->allow_extra_args(false);
  app.add_option("--rate", options->rate, "at once, and a minute (4,60)")->type_name("N,N");
  app.add_option("-o,--output", options->output, "new folder")->type_name("DIR")->required();
  return [options](Context& context) { return RunPlan(*options, context); };
}

// ---- collect

struct CollectVerbOptions {
  std::string profile, tokenizer, api_key_file, api_key_env, deviate;
  CaseArguments looks;
  bool pause = false, json = false, allow_mismatch = false;
};

constexpr size_t kMaxApiKeyBytes = 4096;

// The API key: from a file of the owner's, or a named environment variable; never from the line.
Result<std::string> LoadApiKey(const CollectVerbOptions& options) {
  std::string key;
  if (!options.api_key_file.empty() && !options.api_key_env.empty()) return Usage("--api-key-file and --api-key-env exclude each other");
  if (!options.api_key_file.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const SecretBytes bytes, verify::ReadSecretFile(options.api_key_file, kMaxApiKeyBytes, options.looks.secrets.insecure_permissions));
    key.assign(bytes.data(), bytes.data() + bytes.size());
    if (key.ends_with('\n')) key.pop_back();
  } else if (!options.api_key_env.empty()) {
    const char* value = std::getenv(options.api_key_env.c_str());
    if (value == nullptr) return Fail(ErrorKind::kFailedPrecondition, "--api-key-env: the environment has no variable of this name");
    key = value;
  } else {
    return key;
  }
  if (key.empty() || !std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; })) {
    return Fail(ErrorKind::kMalformed, "the API key must be printable characters of one line");
  }
  return key;
}

void PrintSummary(const CollectSummary& summary, const OpenInvestigation& opened, bool json, Output& out) {
  using verify::AnswerClass;
  if (json) {
    nlohmann::ordered_json line = {{"schema", "verdigris.collected/1"}, {"input", opened.files.folder}, {"end", EndName(summary.end)}};
    if (!summary.budget.empty()) line["budget"] = summary.budget;
    for (size_t i = 0; i < verify::kAnswerClasses; ++i) line["classes"][std::string(ClassName(static_cast<AnswerClass>(i)))] = summary.classes[i];
    line.update({{"answers", summary.lines}, {"tokens", summary.tokens}, {"requests", summary.requests_all}, {"failed_in_run", summary.failed}, {"left", summary.left}});
    if (!summary.lists.empty()) line["lists"] = summary.lists;
    line["deviations"] = opened.files.deviations.size();
    out.Write(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
    return;
  }
  out.Write(std::to_string(summary.lines) + " answers, " + std::to_string(summary.tokens) + " tokens that enter the evidence, " +
            std::to_string(summary.requests_all) + " requests\n");
  for (size_t i = 0; i < verify::kAnswerClasses; ++i) {
    if (summary.classes[i] > 0) out.Write("  " + std::string(ClassName(static_cast<AnswerClass>(i))) + " " + std::to_string(summary.classes[i]) + "\n");
  }
  if (!summary.lists.empty()) {
    out.Write(summary.lists == "unclear" ? "whether lists come before or after temperature is unclear\n" : "lists come " + summary.lists + " temperature\n");
  }
  out.Write("end: " + std::string(EndName(summary.end)) + (summary.budget.empty() ? "" : ", " + summary.budget) + "\n");
}

Result<ExitCode> RunCollect(const CollectVerbOptions& options, Context& context) {
  if (context.files.size() != 1) return Usage("collect needs one folder, that of investigate plan");
  if (options.pause && !options.looks.keys.empty()) return Usage("--pause-at-looks and --key exclude each other");
  const std::string& folder = context.files.front();
  CollectOptions collect;
  VERDIGRIS_ASSIGN_OR_RETURN(collect.api_key, LoadApiKey(options));
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(options.profile));
  VERDIGRIS_ASSIGN_OR_RETURN(const auto tokenizer, FindTokenizer(profile, options.profile, options.tokenizer, options.allow_mismatch));
  VERDIGRIS_ASSIGN_OR_RETURN(auto opened, OpenToWork(folder, options.deviate, context));
  if (!opened) return kExitNo;
  const verify::InvestigationFiles& files = opened->files;
  if (files.plan->scheme_id != profile.scheme_id()) {
    return Fail(ErrorKind::kMismatch, folder + ": the plan is of scheme_id " + Hex(files.plan->scheme_id) + ", the profile has " + Hex(profile.scheme_id()));
  }
  if (files.investigation->suspect.kind != verify::SuspectKind::kEndpoint) return Fail(ErrorKind::kMismatch, folder + ": the suspect is files, so there is nothing to ask");
  if (!options.looks.keys.empty()) {
    CaseArguments looks = options.looks;
    looks.profile = options.profile;
    looks.tokenizer = options.tokenizer;
    looks.allow_tokenizer_mismatch = options.allow_mismatch;
    // A key or a reference that does not fit is found before anything is asked.
    VERDIGRIS_ASSIGN_OR_RETURN(const auto loaded, LoadCase(looks, files, context.hint));
    VERDIGRIS_RETURN_IF_ERROR(verify::CheckInputs(loaded->inputs));
    collect.judge = MakeLookJudge(std::move(looks));
  } else if (options.pause) {
    collect.judge = [](const verify::InvestigationFiles&, const LookPoint&) -> Result<LookOutcome> { return LookOutcome::kPause; };
  }
  CollectSummary summary;
  int signal = 0;
  {
    const SignalWatch watch;
    collect.interrupted = [&watch] { return watch.caught() != 0; };
    VERDIGRIS_ASSIGN_OR_RETURN(summary, Collect(files, std::move(opened->log), profile, *tokenizer, collect));
    signal = watch.caught();
  }
  PrintSummary(summary, *opened, options.json, context.out);
  if (summary.end == CollectSummary::End::kInterrupted) {
    context.out.Flush();
    PrintNote("interrupted; the same command goes on");
    std::raise(signal);  // as anything else that is interrupted ends
  }
  if (summary.stop) {
    context.hint = "what was stored is kept; the same command goes on";
    return Unexpected(*summary.stop);
  }
  if (summary.end == CollectSummary::End::kLeft) {
    context.hint = "the same command asks for them again";
    return Fail(ErrorKind::kIo, folder + ": " + std::to_string(summary.left) + " answers could not be had; events.jsonl says why");
  }
  return kExitYes;
}

Command AddCollect(CLI::App& app) {
  auto options = std::make_shared<CollectVerbOptions>();
  app.add_option("--profile", options->profile, "profile of the mark")->type_name("FILE")->required();
  app.add_option("--tokenizer", options->tokenizer, "tokenizer, if not beside the profile")->type_name("FILE");
  app.add_flag("--allow-tokenizer-mismatch", options->allow_mismatch, "take a tokenizer of another digest");
  app.add_option("--api-key-file", options->api_key_file, "file with the endpoint's API key")->type_name("FILE");
  app.add_option("--api-key-env", options->api_key_env, "environment variable that holds it")->type_name("NAME");
  app.add_flag("--pause-at-looks", options->pause, "stop at each look, not judging it");
  AddDeviateOption(app, options->deviate);
  app.add_flag("--json", options->json, "one JSON document");
  AddLookOptions(app, options->looks);
  return [options](Context& context) { return RunCollect(*options, context); };
}

}  // namespace

const Verb kInvestigatePlan = {"investigate plan",
                               "settles how a suspect model will be asked and tested",
                               "--profile FILE --prompts FILE -o DIR [options]",
                               "verdigris investigate plan --profile p.json --prompts prompts.jsonl \\\n"
                               "  --url https://api.example.com --model suspect-1 --looks auto -o case",
                               false,
                               AddPlan};

const Verb kInvestigateCollect = {"investigate collect",
                                  "asks the suspect's endpoint what was planned",
                                  "--profile FILE [options] DIR",
                                  "verdigris investigate collect --profile p.json --api-key-env API_KEY case",
                                  true,
                                  AddCollect,
                                  "may be interrupted at any time: the same command goes on"};

}  // namespace verdigris::tools
