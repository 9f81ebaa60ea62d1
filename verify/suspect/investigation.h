// What an investigation does, investigation.json and prompts.jsonl (suspect-models.md M10.1; docs/formats/investigation.md):
// whom it asks, how, with which tests, and where it stops. An Investigation that exists is valid.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "verify/suspect/coefficients.h"
#include "verify/suspect/plan.h"
#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

enum class SuspectKind { kEndpoint, kFiles };
enum class Api { kCompletions, kChat };
enum class Order { kNone, kText, kLog };
enum class ReferenceKind { kProvider, kBase, kOlder, kSelf };

struct InvestigationTest {
  CoefficientRule rule = CoefficientRule::kRoot;
  Layer layer = Layer::kProvider;
  std::string label;
  uint64_t share = 0;  // of alpha, thousandths
  std::vector<std::string> references;
  std::optional<Digest> filter_sha256;
  Order order = Order::kNone;

  // A fixed rule is sequential too where a filter, made from marked answers, says in which order its rows enter (M1).
  bool sequential() const { return order != Order::kNone; }
  // M11: `distinct` is count, other fixed tests weighted, sequential ones process.
  PlanMethod method() const {
    return sequential() ? PlanMethod::kProcess : rule == CoefficientRule::kDistinct ? PlanMethod::kCount : PlanMethod::kWeighted;
  }
};

struct Reference {
  std::string name;
  ReferenceKind kind = ReferenceKind::kProvider;
  std::optional<Digest> model_sha256;  // none for `self`, and only there
  std::string not_after;               // when it was last trained; empty: not stated
};

struct InvestigationContent {
  Digest plan_sha256{}, prompts_sha256{};
  std::string created;

  struct Suspect {
    SuspectKind kind = SuspectKind::kEndpoint;
    std::string name;
    std::string url;  // of an endpoint: `https://host[:port][/path]`, or http to loopback; requests go to URL/v1/...
    Api api = Api::kCompletions;
    std::string model;       // as the endpoint names it
    std::string not_before;  // earliest time at which it can have come into being
  } suspect;

  struct Sampling {
    uint64_t temperature_milli = 1000, top_p_milli = 1000, max_tokens = 200, answers = 1, lists = 0;
    std::string system;
    bool echo = false;
  } sampling;

  std::vector<InvestigationTest> tests;  // those of one layer and label together
  Stopping stopping = Stopping::kFixed;
  std::vector<uint64_t> looks;
  uint64_t futility_tokens = 0;  // 0: none
  uint64_t effect_milli = 0;     // expected z at the planned size; 0: none

  struct Budget {
    uint64_t requests = 0, answer_tokens = 0, prompt_tokens = 0, seconds = 0;
  } budget;
  struct Rate {
    uint64_t parallel = 4, per_minute = 60;
  } rate;

  std::vector<Reference> references;

  struct Controls {
    bool strict = false;
    uint64_t matched = 0;
    std::vector<std::string> models, domains;
  } controls;

  // The suspect is shown the prompts as texts and its predictions are taken, instead of answers: with `max_tokens` 1 an
  // answer has no window of its own, so nothing else can be meant.
  bool reading() const { return sampling.max_tokens == 1; }
};

class Investigation {
 public:
  // Errors   kInvalidArgument, naming the member: everything out of the bounds of M10.1; a url that is not https, nor http to
  //          loopback, or holds credentials, a query or a fragment; `files` with url or model; references twice, or named by
  //          a test and not there; a layer and label whose tests are not together; shares above 1000 in sum; a first-* test
  //          with order none, a filter without order log, another test with an order and no filter; a test without the lists
  //          or the reference that it needs; sequential tests under `looks`, fixed ones under `anytime`; a system text with
  //          completions; echo with chat, or with max_tokens above 1; more than one answer of a text that is read.
  static Result<Investigation> Create(InvestigationContent content);

  // Reads the bytes of the file. Errors: kLimit, kUnsupported (another version), kMalformed for everything else.
  static Result<Investigation> Parse(std::string_view bytes);

  const InvestigationContent& content() const { return content_; }
  const InvestigationContent* operator->() const { return &content_; }
  const std::string& bytes() const { return bytes_; }
  const Digest& digest() const { return digest_; }

 private:
  explicit Investigation(InvestigationContent content);

  InvestigationContent content_;
  std::string bytes_;
  Digest digest_;
};

// May requests go to this address? kInvalidArgument: "must be ...", without the address.
Result<void> CheckEndpointUrl(std::string_view url);

// The tests of plan.json that belong to these: the first of each layer and label, in order.
std::vector<PlanTest> PlanTestsOf(std::span<const InvestigationTest> tests);

// ---- prompts.jsonl

inline constexpr size_t kMostPrompts = 1'000'000, kMaxPromptBytes = size_t{1} << 20, kMaxPromptsBytes = size_t{1} << 30;

// In an investigation that reads, these domains say what stands in a text. Others hold no text under the key.
inline constexpr std::string_view kDomainLog = "log";        // what an account was served, oldest first
inline constexpr std::string_view kDomainMarked = "marked";  // fresh text under the key

struct Prompt {
  std::string domain;
  std::string id;  // letters, digits and ._- ; 1 to 64
  std::string text;
  bool operator==(const Prompt&) const = default;
};

class Prompts {
 public:
  // Errors   kInvalidArgument: none, or more than 10^6; an id twice or of another form; a domain that is empty or longer than 64
  //          bytes; a text above 1 MiB or not UTF-8.
  static Result<Prompts> Create(std::vector<Prompt> prompts);
  // Errors   those of Create as kMalformed, with the line; kLimit; a line that is not canonical.
  static Result<Prompts> Parse(std::string_view bytes);

  std::span<const Prompt> all() const { return prompts_; }
  size_t size() const { return prompts_.size(); }
  // Null where there is none of that id.
  const Prompt* Find(std::string_view id) const;
  const std::string& bytes() const { return bytes_; }
  const Digest& digest() const { return digest_; }

 private:
  explicit Prompts(std::vector<Prompt> prompts);

  std::vector<Prompt> prompts_;
  std::vector<uint32_t> by_id_;
  std::string bytes_;
  Digest digest_;
};

// Are these three of one investigation: digests, tests, stopping and looks.
// Errors   kMismatch, naming the member.
Result<void> CheckBelong(const Plan& plan, const Investigation& investigation, const Prompts& prompts);

}  // namespace verdigris::verify
