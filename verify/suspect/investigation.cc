// Tested by tests/verify/suspect/investigation_test.cc, tests/fuzz/fuzz_investigation.cc and fuzz_prompts.cc.
#include "verify/suspect/investigation.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "verify/members.h"
#include "watermark/json.h"
#include "watermark/key_file.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kSchema = "verdigris.investigation/1";
constexpr uint64_t kMostBudget = 1'000'000'000'000, kMostShare = 1000, kMostEffectMilli = 1'000'000, kMostMatched = 10'000;
constexpr size_t kMaxName = 1024, kMaxSystemBytes = size_t{1} << 20, kMaxUrlBytes = 2048, kMaxDomain = 64, kMaxPromptId = 64;
constexpr size_t kMostControlModels = 64, kMostDomains = 1000;

bool IsAlphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool IsPromptId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxPromptId &&
         std::all_of(id.begin(), id.end(), [](char c) { return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

// A decimal of dotted quads that starts with 127, localhost, or [::1].
bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  if (!host.starts_with("127.")) return false;
  int parts = 1, digits = 0, value = 0;
  for (const char c : host) {
    if (c == '.') {
      if (digits == 0) return false;
      ++parts;
      digits = value = 0;
    } else if (c >= '0' && c <= '9' && digits < 3) {
      value = value * 10 + (c - '0');
      ++digits;
    } else {
      return false;
    }
    if (value > 255) return false;
  }
  return parts == 4 && digits > 0;
}

// Collects the first fault of a content; `In` and `Says` complete "NAME must be ...".
class Check {
 public:
  void In(const std::string& name, uint64_t value, uint64_t least, uint64_t most) {
    if (value < least || value > most) Says(name, "must be in [" + std::to_string(least) + "," + std::to_string(most) + "], got " + std::to_string(value));
  }
  void Name(const std::string& name, std::string_view text, size_t least, size_t most) {
    if (text.size() < least || text.size() > most || !IsUtf8(text)) {
      Says(name, "must be UTF-8 of " + std::to_string(least) + " to " + std::to_string(most) + " bytes, got " + std::to_string(text.size()));
    }
  }
  void Time(const std::string& name, const std::string& text) {
    if (!IsUtcTime(text)) Says(name, "must be a time YYYY-MM-DDThh:mm:ssZ that exists");
  }
  void That(bool good, const std::string& name, std::string_view why) {
    if (!good) Says(name, why);
  }
  const std::string& fault() const { return fault_; }

 private:
  void Says(const std::string& name, std::string_view why) {
    if (fault_.empty()) fault_ = name + " " + std::string(why);
  }
  std::string fault_;
};

void CheckTests(const InvestigationContent& content, Check& check) {
  check.In("tests, their number,", content.tests.size(), 1, kMostPlanTests);
  std::set<std::string_view> references;
  for (const Reference& reference : content.references) references.insert(reference.name);
  std::set<std::pair<Layer, std::string_view>> met;
  uint64_t shares = 0;
  for (size_t i = 0; i < content.tests.size(); ++i) {
    const InvestigationTest& test = content.tests[i];
    const std::string at = "tests[" + std::to_string(i) + "]";
    const bool goes_on = i > 0 && content.tests[i - 1].layer == test.layer && content.tests[i - 1].label == test.label;
    check.That(met.insert({test.layer, test.label}).second || goes_on, at, "must stand with the tests of its layer and label");
    check.That(test.layer == Layer::kProvider ? test.label.empty() : IsAccountLabel(test.label), at + ".label",
               "must be an account label for an account, and empty for the provider");
    check.In(at + ".share", test.share, 0, kMostShare);
    shares += std::min(test.share, kMostShare);
    check.That(test.references.size() <= kMaxReferences, at + ".references", "must be at most 3");
    std::set<std::string_view> named;
    for (const std::string& name : test.references) {
      check.That(references.contains(name), at + ".references", "names one that is not among the references");
      check.That(named.insert(name).second, at + ".references", "names one twice");
    }
    check.That(!NeedsReference(test.rule) || !test.references.empty(), at + ".references", "must name one for this test");
    check.That(content.suspect.kind == SuspectKind::kFiles || content.sampling.lists > 0 || !NeedsLists(test.rule), at + ".name",
               "needs lists: sampling.lists must be 1 or more");
    check.That(!IsSequential(test.rule) || test.sequential(), at + ".order", "must be text or log for this test");
    check.That(IsSequential(test.rule) || test.sequential() == test.filter_sha256.has_value(), at + ".order", "must be log with a filter, and none without");
    check.That(!test.filter_sha256 || test.order == Order::kLog, at + ".order", "must be log with a filter");
    check.That(content.stopping != Stopping::kLooks || !test.sequential(), at, "is sequential, and has no p at looks (stopping.rule)");
    check.That(content.stopping != Stopping::kAnytime || test.sequential(), at, "is fixed, and has no p at any time (stopping.rule)");
  }
  check.In("tests, the sum of share,", shares, 0, kMostShare);
}

std::string FaultOf(const InvestigationContent& content) {
  Check check;
  check.Time("created", content.created);

  const auto& suspect = content.suspect;
  check.Name("suspect.name", suspect.name, 1, kMaxName);
  check.Time("suspect.not_before", suspect.not_before);
  if (suspect.kind == SuspectKind::kEndpoint) {
    if (const auto url = CheckEndpointUrl(suspect.url); !url) check.That(false, "suspect.url", url.error().message);
    check.Name("suspect.model", suspect.model, 1, kMaxName);
  } else {
    check.That(suspect.url.empty(), "suspect.url", "must be empty for files");
    check.That(suspect.model.empty(), "suspect.model", "must be empty for files");
  }

  const auto& sampling = content.sampling;
  check.In("sampling.temperature_milli", sampling.temperature_milli, 0, 2000);
  check.In("sampling.top_p_milli", sampling.top_p_milli, 1, 1000);
  check.In("sampling.max_tokens", sampling.max_tokens, 1, 65536);
  check.In("sampling.answers", sampling.answers, 1, 1000);
  check.In("sampling.lists", sampling.lists, 0, 20);
  check.Name("sampling.system", sampling.system, 0, kMaxSystemBytes);
  check.That(sampling.system.empty() || suspect.api == Api::kChat, "sampling.system", "must be empty with the api completions: put it into the prompts");
  check.That(!sampling.echo || suspect.api == Api::kCompletions, "sampling.echo", "must be 0 with the api chat, which has none");
  check.That(!sampling.echo || content.reading(), "sampling.echo", "must be 0 unless texts are read: max_tokens 1");
  check.That(!content.reading() || sampling.answers == 1, "sampling.answers", "must be 1 where texts are read: max_tokens 1");

  std::set<std::string_view> names;
  check.That(content.references.size() <= kMaxReferences, "references", "must be at most 3");
  for (size_t i = 0; i < content.references.size(); ++i) {
    const Reference& reference = content.references[i];
    const std::string at = "references[" + std::to_string(i) + "]";
    check.Name(at + ".name", reference.name, 1, kMaxName);
    check.That(names.insert(reference.name).second, at + ".name", "stands there twice");
    check.That((reference.kind == ReferenceKind::kSelf) == !reference.model_sha256, at + ".model_sha256", "must be empty for self, and only there");
    if (!reference.not_after.empty()) check.Time(at + ".not_after", reference.not_after);
  }
  CheckTests(content, check);

  check.That((content.stopping == Stopping::kLooks) == !content.looks.empty(), "stopping.looks", "must name sizes where the rule is looks, and only there");
  check.That(content.looks.size() <= kMostLooks, "stopping.looks", "must be at most 24");
  check.That(std::adjacent_find(content.looks.begin(), content.looks.end(), std::greater_equal<>()) == content.looks.end(), "stopping.looks", "must ascend");
  for (const uint64_t look : content.looks) check.In("stopping.looks", look, 1, kMostLookTokens);
  check.In("stopping.futility_tokens", content.futility_tokens, 0, kMostLookTokens);
  check.In("effect", content.effect_milli, 0, kMostEffectMilli);
  check.In("budget.requests", content.budget.requests, 1, kMostBudget);
  check.In("budget.answer_tokens", content.budget.answer_tokens, 1, kMostBudget);
  check.In("budget.prompt_tokens", content.budget.prompt_tokens, 1, kMostBudget);
  check.In("budget.seconds", content.budget.seconds, 1, kMostBudget);
  check.In("rate.parallel", content.rate.parallel, 1, 64);
  check.In("rate.per_minute", content.rate.per_minute, 1, 100'000);
  check.In("controls.matched", content.controls.matched, 0, kMostMatched);
  check.That(content.controls.models.size() <= kMostControlModels, "controls.models", "must be at most 64");
  for (const std::string& model : content.controls.models) check.Name("controls.models", model, 1, kMaxName);
  check.That(content.controls.domains.size() <= kMostDomains, "controls.domains", "must be at most 1000");
  for (const std::string& domain : content.controls.domains) check.Name("controls.domains", domain, 1, kMaxDomain);
  return check.fault();
}

Json Integer(uint64_t value) { return Json(static_cast<int64_t>(value)); }

Json Strings(const std::vector<std::string>& strings) {
  Json::Array array;
  for (const std::string& text : strings) array.emplace_back(text);
  return array;
}

constexpr std::string_view kKinds[] = {"endpoint", "files"}, kApis[] = {"completions", "chat"}, kOrders[] = {"none", "text", "log"},
                           kReferenceKinds[] = {"provider", "base", "older", "self"};

template <class Enum, size_t kSize>
Json WordOf(const std::string_view (&words)[kSize], Enum value) {
  return std::string(words[static_cast<size_t>(value)]);
}

std::string BytesOf(const InvestigationContent& content) {
  const auto& [kind, name, url, api, model, not_before] = content.suspect;
  const auto& sampling = content.sampling;
  Json::Array tests, looks, references;
  for (const InvestigationTest& test : content.tests) {
    tests.push_back(Json::FromMembers({{"name", std::string(RuleName(test.rule))},
                                       {"layer", std::string(LayerName(test.layer))},
                                       {"label", test.label},
                                       {"share", Integer(test.share)},
                                       {"references", Strings(test.references)},
                                       {"filter_sha256", test.filter_sha256 ? Hex(*test.filter_sha256) : std::string()},
                                       {"order", WordOf(kOrders, test.order)}}));
  }
  for (const uint64_t look : content.looks) looks.push_back(Integer(look));
  for (const Reference& reference : content.references) {
    references.push_back(Json::FromMembers({{"name", reference.name},
                                            {"kind", WordOf(kReferenceKinds, reference.kind)},
                                            {"model_sha256", reference.model_sha256 ? Hex(*reference.model_sha256) : std::string()},
                                            {"not_after", reference.not_after}}));
  }
  return WriteJson(Json::FromMembers({
             {"schema", std::string(kSchema)},
             {"plan_sha256", Hex(content.plan_sha256)},
             {"prompts_sha256", Hex(content.prompts_sha256)},
             {"created", content.created},
             {"suspect", Json::FromMembers({{"kind", WordOf(kKinds, kind)}, {"name", name}, {"url", url}, {"api", WordOf(kApis, api)},
                                            {"model", model}, {"not_before", not_before}})},
             {"sampling", Json::FromMembers({{"temperature_milli", Integer(sampling.temperature_milli)}, {"top_p_milli", Integer(sampling.top_p_milli)},
                                             {"max_tokens", Integer(sampling.max_tokens)}, {"answers", Integer(sampling.answers)},
                                             {"lists", Integer(sampling.lists)}, {"system", sampling.system}, {"echo", Integer(sampling.echo)}})},
             {"tests", std::move(tests)},
             {"stopping", Json::FromMembers({{"rule", std::string(StoppingName(content.stopping))}, {"looks", std::move(looks)},
                                             {"futility_tokens", Integer(content.futility_tokens)}})},
             {"effect", Integer(content.effect_milli)},
             {"budget", Json::FromMembers({{"requests", Integer(content.budget.requests)}, {"answer_tokens", Integer(content.budget.answer_tokens)},
                                           {"prompt_tokens", Integer(content.budget.prompt_tokens)}, {"seconds", Integer(content.budget.seconds)}})},
             {"rate", Json::FromMembers({{"parallel", Integer(content.rate.parallel)}, {"per_minute", Integer(content.rate.per_minute)}})},
             {"references", std::move(references)},
             {"controls", Json::FromMembers({{"strict", Integer(content.controls.strict)}, {"matched", Integer(content.controls.matched)},
                                             {"models", Strings(content.controls.models)}, {"domains", Strings(content.controls.domains)}})},
         })) +
         "\n";
}

void ReadTests(Members& members, InvestigationContent& content) {
  const auto tests = members.Array("tests", kMostPlanTests);
  for (size_t i = 0; i < tests.size() && members.ok(); ++i) {
    Members from = members.Element("tests", i, tests[i]);
    InvestigationTest& test = content.tests.emplace_back();
    const auto rule = FindRule(from.Text("name"));
    if (!rule) from.Fault("name", "is no test that is known");
    test.rule = rule.value_or(CoefficientRule::kRoot);
    test.layer = from.Word("layer", {"provider", "account"}) == 0 ? Layer::kProvider : Layer::kAccount;
    test.label = from.Text("label");
    test.share = from.Integer("share");
    test.references = from.Texts("references", kMaxReferences);
    test.filter_sha256 = from.DigestOrEmpty("filter_sha256");
    test.order = static_cast<Order>(from.Word("order", kOrders));
    members.Close(from);
  }
}

std::string PromptsBytes(std::span<const Prompt> prompts) {
  std::string bytes;
  for (const Prompt& prompt : prompts) {
    bytes += WriteJson(Json::FromMembers({{"domain", prompt.domain}, {"id", prompt.id}, {"prompt", prompt.text}}));
    bytes += '\n';
  }
  return bytes;
}

std::string FaultOf(std::span<const Prompt> prompts) {
  if (prompts.empty() || prompts.size() > kMostPrompts) return "prompts must be 1 to " + std::to_string(kMostPrompts) + ", got " + std::to_string(prompts.size());
  std::set<std::string_view> ids;
  for (size_t i = 0; i < prompts.size(); ++i) {
    Check check;
    const std::string at = "line " + std::to_string(i + 1) + ".";
    check.That(IsPromptId(prompts[i].id), at + "id", "must be 1 to 64 letters, digits, '.', '_' and '-'");
    check.That(ids.insert(prompts[i].id).second, at + "id", "stands there twice");
    check.Name(at + "domain", prompts[i].domain, 1, kMaxDomain);
    check.Name(at + "prompt", prompts[i].text, 0, kMaxPromptBytes);
    if (!check.fault().empty()) return check.fault();
  }
  return {};
}

}  // namespace

Result<void> CheckEndpointUrl(std::string_view url) {
  const auto bad = [](const char* why) { return Fail(ErrorKind::kInvalidArgument, why); };
  constexpr const char* kForm = "must be https://host[:port][/path], or http:// to this machine alone, without / at its end";
  if (url.size() > kMaxUrlBytes) return bad("must be at most 2048 bytes");
  const bool plain = url.starts_with("http://");
  if (!plain && !url.starts_with("https://")) return bad(kForm);
  const std::string_view rest = url.substr(plain ? 7 : 8);
  const size_t path_at = std::min(rest.find('/'), rest.size());
  std::string_view host = rest.substr(0, path_at);
  const std::string_view path = rest.substr(path_at);
  if (host.find('@') != host.npos) return bad("must not hold a name or a password");
  const size_t bracket = host.starts_with('[') ? host.find(']') : 0;
  if (bracket == host.npos) return bad(kForm);
  if (const size_t colon = host.find(':', bracket); colon != host.npos) {
    const std::string_view port = host.substr(colon + 1);
    uint32_t value = 0;
    for (const char c : port) value = c >= '0' && c <= '9' && value < 100'000 ? value * 10 + static_cast<uint32_t>(c - '0') : 100'000;
    if (port.empty() || value == 0 || value > 65'535) return bad("must have a port in [1,65535]");
    host = host.substr(0, colon);
  }
  const auto all = [](std::string_view text, std::string_view also) {
    return std::all_of(text.begin(), text.end(), [&](char c) { return IsAlphanumeric(c) || also.find(c) != also.npos; });
  };
  const bool bracketed = bracket > 0;
  if (host.empty() || (bracketed ? !host.ends_with(']') || !all(host.substr(1, host.size() - 2), ":.") : !all(host, ".-"))) return bad(kForm);
  if (!all(path, "/._~%-") || path.ends_with('/')) return bad(kForm);
  if (plain && !IsLoopback(host)) return bad("must be https: http is for this machine alone");
  return {};
}

Investigation::Investigation(InvestigationContent content)
    : content_(std::move(content)), bytes_(BytesOf(content_)), digest_(Sha256(AsBytes(bytes_))) {}

Result<Investigation> Investigation::Create(InvestigationContent content) {
  if (std::string fault = FaultOf(content); !fault.empty()) return Fail(ErrorKind::kInvalidArgument, std::move(fault));
  return Investigation(std::move(content));
}

Result<Investigation> Investigation::Parse(std::string_view bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseSchemaFile(bytes, kSchema));
  Members members(json, "");
  InvestigationContent content;
  members.Text("schema");
  content.plan_sha256 = members.DigestOf("plan_sha256");
  content.prompts_sha256 = members.DigestOf("prompts_sha256");
  content.created = members.Text("created");

  Members suspect = members.Object("suspect");
  content.suspect.kind = static_cast<SuspectKind>(suspect.Word("kind", kKinds));
  content.suspect.name = suspect.Text("name");
  content.suspect.url = suspect.Text("url");
  content.suspect.api = static_cast<Api>(suspect.Word("api", kApis));
  content.suspect.model = suspect.Text("model");
  content.suspect.not_before = suspect.Text("not_before");
  members.Close(suspect);

  Members sampling = members.Object("sampling");
  content.sampling.temperature_milli = sampling.Integer("temperature_milli");
  content.sampling.top_p_milli = sampling.Integer("top_p_milli");
  content.sampling.max_tokens = sampling.Integer("max_tokens");
  content.sampling.answers = sampling.Integer("answers");
  content.sampling.lists = sampling.Integer("lists");
  content.sampling.system = sampling.Text("system");
  content.sampling.echo = sampling.Bit("echo");
  members.Close(sampling);

  ReadTests(members, content);

  Members stopping = members.Object("stopping");
  content.stopping = static_cast<Stopping>(stopping.Word("rule", {"fixed", "looks", "anytime"}));
  content.looks = stopping.Integers("looks", kMostLooks);
  content.futility_tokens = stopping.Integer("futility_tokens");
  members.Close(stopping);
  content.effect_milli = members.Integer("effect");

  Members budget = members.Object("budget");
  content.budget = {budget.Integer("requests"), budget.Integer("answer_tokens"), budget.Integer("prompt_tokens"), budget.Integer("seconds")};
  members.Close(budget);
  Members rate = members.Object("rate");
  content.rate = {rate.Integer("parallel"), rate.Integer("per_minute")};
  members.Close(rate);

  const auto references = members.Array("references", kMaxReferences);
  for (size_t i = 0; i < references.size() && members.ok(); ++i) {
    Members from = members.Element("references", i, references[i]);
    Reference& reference = content.references.emplace_back();
    reference.name = from.Text("name");
    reference.kind = static_cast<ReferenceKind>(from.Word("kind", kReferenceKinds));
    reference.model_sha256 = from.DigestOrEmpty("model_sha256");
    reference.not_after = from.Text("not_after");
    members.Close(from);
  }

  Members controls = members.Object("controls");
  content.controls.strict = controls.Bit("strict");
  content.controls.matched = controls.Integer("matched");
  content.controls.models = controls.Texts("models", kMostControlModels);
  content.controls.domains = controls.Texts("domains", kMostDomains);
  members.Close(controls);

  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  if (std::string fault = FaultOf(content); !fault.empty()) return Fail(ErrorKind::kMalformed, std::move(fault));
  return Investigation(std::move(content));
}

std::vector<PlanTest> PlanTestsOf(std::span<const InvestigationTest> tests) {
  std::vector<PlanTest> out;
  for (const InvestigationTest& test : tests) {
    if (out.empty() || out.back().layer != test.layer || out.back().label != test.label) out.push_back({test.layer, test.label, test.method()});
  }
  return out;
}

// ---- prompts

Prompts::Prompts(std::vector<Prompt> prompts)
    : prompts_(std::move(prompts)), by_id_(prompts_.size()), bytes_(PromptsBytes(prompts_)), digest_(Sha256(AsBytes(bytes_))) {
  std::iota(by_id_.begin(), by_id_.end(), 0);
  std::sort(by_id_.begin(), by_id_.end(), [this](uint32_t a, uint32_t b) { return prompts_[a].id < prompts_[b].id; });
}

Result<Prompts> Prompts::Create(std::vector<Prompt> prompts) {
  if (std::string fault = FaultOf(prompts); !fault.empty()) return Fail(ErrorKind::kInvalidArgument, std::move(fault));
  return Prompts(std::move(prompts));
}

Result<Prompts> Prompts::Parse(std::string_view bytes) {
  if (bytes.size() > kMaxPromptsBytes) return Fail(ErrorKind::kLimit, "larger than " + std::to_string(kMaxPromptsBytes) + " bytes");
  std::vector<Prompt> prompts;
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::string at = "line " + std::to_string(prompts.size() + 1);
    const size_t end = rest.find('\n');
    if (end == rest.npos) return Fail(ErrorKind::kMalformed, at + " does not end with a line feed");
    const auto json = ParseCanonicalJson(rest.substr(0, end));
    if (!json) return Fail(json.error().kind, at + ": " + json.error().message);
    Members members(*json, at);
    Prompt prompt{members.Text("domain"), members.Text("id"), members.Text("prompt")};
    VERDIGRIS_RETURN_IF_ERROR(members.Done());
    prompts.push_back(std::move(prompt));
    if (prompts.size() > kMostPrompts) return Fail(ErrorKind::kLimit, "more than " + std::to_string(kMostPrompts) + " prompts");
    rest.remove_prefix(end + 1);
  }
  if (std::string fault = FaultOf(prompts); !fault.empty()) return Fail(ErrorKind::kMalformed, std::move(fault));
  return Prompts(std::move(prompts));
}

const Prompt* Prompts::Find(std::string_view id) const {
  const auto at = std::lower_bound(by_id_.begin(), by_id_.end(), id, [this](uint32_t i, std::string_view of) { return prompts_[i].id < of; });
  return at != by_id_.end() && prompts_[*at].id == id ? &prompts_[*at] : nullptr;
}

Result<void> CheckBelong(const Plan& plan, const Investigation& investigation, const Prompts& prompts) {
  const auto differ = [](const std::string& what) { return Fail(ErrorKind::kMismatch, what); };
  if (investigation->plan_sha256 != plan.digest()) {
    return differ("plan_sha256 of the investigation is " + Hex(investigation->plan_sha256) + ", the plan has " + Hex(plan.digest()));
  }
  if (plan->prompts_sha256 && *plan->prompts_sha256 != investigation->prompts_sha256) {
    return differ("prompts_sha256 of the plan is " + Hex(*plan->prompts_sha256) + ", the investigation has " + Hex(investigation->prompts_sha256));
  }
  if (investigation->prompts_sha256 != prompts.digest()) {
    return differ("prompts_sha256 of the investigation is " + Hex(investigation->prompts_sha256) + ", the prompts have " + Hex(prompts.digest()));
  }
  if (PlanTestsOf(investigation->tests) != plan->tests) return differ("tests of the plan are not the first of each layer and label of the investigation");
  if (plan->stopping != investigation->stopping) return differ("stopping of the plan is not that of the investigation");
  if (plan->looks != investigation->looks) return differ("looks of the plan are not those of the investigation");
  return {};
}

}  // namespace verdigris::verify
