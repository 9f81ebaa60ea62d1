// One pass over the records feeds the whole evidence and, beside it, parts by domain and parity, which the sensitivity rows
// are put together from; where memory is short the parts are given up first. What a key must not shape is settled before any
// key is used: rows, coefficients, windows that are left out.
//
// Tested by tests/verify/suspect/verdict_test.cc and tests/cli/investigate_test.sh.
#include "verify/suspect/case.h"

#include <algorithm>
#include <cmath>

#include "verify/normal.h"
#include "verify/result_file.h"

namespace verdigris::verify {
namespace {

Unexpected Mismatch(std::string what) { return Fail(ErrorKind::kMismatch, std::move(what)); }
Unexpected Missing(std::string what) { return Fail(ErrorKind::kFailedPrecondition, std::move(what)); }

TextScope ScopeOfDomain(bool reading, std::string_view domain) {
  if (!reading) return TextScope::kAnswers;
  return domain == kDomainLog ? TextScope::kLog : domain == kDomainMarked ? TextScope::kMarked : TextScope::kUnmarked;
}

}  // namespace

TextScope ScopeOf(bool reading, CoefficientRule rule, Order order) {
  if (!reading) return TextScope::kAnswers;
  if (!IsSequential(rule)) return TextScope::kUnmarked;
  return order == Order::kLog ? TextScope::kLog : TextScope::kMarked;
}

std::string TestName(std::string_view rule, Layer layer, const std::string& label) {
  return std::string(rule) + ", " + std::string(LayerName(layer)) + " layer" + (label.empty() ? "" : " of " + label);
}

Result<Case> Case::Create(const InvestigationInputs& inputs) {
  Case out(inputs);
  const InvestigationContent& content = out.content();
  const Profile& profile = out.profile();
  if (out.plan()->scheme_id != profile.scheme_id()) {
    return Mismatch("scheme_id of the plan is " + Hex(out.plan()->scheme_id) + ", the profile has " + Hex(profile.scheme_id()));
  }
  if (content.suspect.kind == SuspectKind::kFiles && inputs.records.elsewhere.empty()) return Missing("the suspect of the plan is files: give them with --answers");
  if (content.suspect.kind == SuspectKind::kEndpoint && !inputs.records.elsewhere.empty()) {
    return Mismatch("the suspect of the plan is an endpoint: its answers are those that were collected");
  }
  for (const Reference& reference : content.references) {
    if (reference.kind == ReferenceKind::kSelf) {
      out.self_references_.insert(reference.name);
      continue;
    }
    const auto given = inputs.references.find(reference.name);
    const bool used = std::any_of(content.tests.begin(), content.tests.end(), [&](const InvestigationTest& test) {
      return std::find(test.references.begin(), test.references.end(), reference.name) != test.references.end();
    });
    if (!used && given == inputs.references.end()) continue;
    if (given == inputs.references.end()) return Missing("the plan subtracts the reference " + reference.name + ": give it with --reference " + reference.name + "=FILE");
    out.reference_places_[reference.name] = out.references_.size();
    out.references_.push_back(given->second);
  }
  for (const auto& [name, model] : inputs.references) {
    if (!out.reference_places_.contains(name)) return Mismatch("reference " + name + " is not in the plan");
  }

  // Keys: one provider or account key alone with the selector, so that each test has its own.
  std::vector<const KeyFile*> common;
  for (const KeyFile* key : inputs.keys) {
    if (key->role == KeyRole::kSelector) common.push_back(key);
  }
  if (profile.needs_selector() && common.empty()) return Missing("the profile divides windows among layers: the selector key is needed");
  const auto run_of = [&](const InvestigationTest& test) -> Result<TestRun> {
    const auto wanted = [&](const KeyFile* key) {
      return test.layer == Layer::kProvider ? key->role == KeyRole::kProvider : key->role == KeyRole::kAccount && key->account == test.label;
    };
    const auto key = std::find_if(inputs.keys.begin(), inputs.keys.end(), wanted);
    if (key == inputs.keys.end()) return Missing("the plan tests the " + TestName(RuleName(test.rule), test.layer, test.label) + ": its key is missing");
    std::vector<const KeyFile*> keys = common;
    keys.push_back(*key);
    VERDIGRIS_ASSIGN_OR_RETURN(Layers layers, Layers::Create(profile, keys));
    if (!layers.Has(test.layer)) return Mismatch("the profile has no " + std::string(LayerName(test.layer)) + " layer");
    TestRun run{test, ScopeOf(content.reading(), test.rule, test.order), *key, std::move(layers)};
    if (test.filter_sha256) {
      const auto filter = std::find_if(inputs.filters.begin(), inputs.filters.end(), [&](const Filter* f) { return f->digest() == *test.filter_sha256; });
      if (filter == inputs.filters.end()) return Missing("the plan has a filter of sha256 " + Hex(*test.filter_sha256) + ": give it with --filter");
      if ((*filter)->facts().scheme_id != profile.scheme_id() || (*filter)->facts().window != profile.window()) {
        return Mismatch("the filter is of another scheme: " + Hex((*filter)->facts().scheme_id));
      }
      run.filter = *filter;
    }
    return run;
  };
  for (const InvestigationTest& test : content.tests) {
    VERDIGRIS_ASSIGN_OR_RETURN(TestRun run, run_of(test));
    out.runs_.push_back(std::move(run));
  }
  // What the literature would compute on the same answers, for every key.
  const CoefficientRule beside = content.reading() ? CoefficientRule::kFirst : CoefficientRule::kDistinct;
  const size_t planned = out.runs_.size();
  for (size_t i = 0; i < planned; ++i) {
    InvestigationTest test = out.runs_[i].test;
    const TextScope scope = out.runs_[i].scope;
    const bool there = std::any_of(out.runs_.begin(), out.runs_.end(), [&](const TestRun& run) {
      return run.test.rule == beside && run.test.layer == test.layer && run.test.label == test.label && run.scope == scope && run.filter == out.runs_[i].filter;
    });
    if (there) continue;
    test.rule = beside;
    test.share = 0;
    test.references.clear();
    if (content.reading() && test.order == Order::kNone) test.order = Order::kText;
    VERDIGRIS_ASSIGN_OR_RETURN(TestRun run, run_of(test));
    run.scope = scope;
    out.runs_.push_back(std::move(run));
  }
  return out;
}

SuspectEvidence Case::Empty(uint64_t memory_bytes) const {
  const SuspectEvidence::Options options{profile().window(), references_.size(), content().reading() ? Showing::kReading : Showing::kClosed, memory_bytes,
                                         plan().digest()};
  return SuspectEvidence(options, profile().special_ids());
}

Result<Gathered> Case::Gather(const std::vector<std::string>& elsewhere, uint64_t lines, bool parts, const std::string& corpus_path) const {
  Gathered out;
  for (const TestRun& run : runs_) out.whole.try_emplace(run.scope, Empty(in_->memory_bytes));
  const bool reading = content().reading(), exclude = plan()->exclude_prompt_windows;
  out.has_parts = parts;
  if (parts && !reading) out.unexcluded.emplace(Empty(in_->memory_bytes));
  std::map<std::string, size_t, std::less<>> domains;
  for (const std::string& domain : content().controls.domains) {
    if (domains.size() < kMostDomains) domains.emplace(domain, domains.size() + 1);
  }
  RecordInputs records = in_->records;
  records.elsewhere = elsewhere;
  records.references = references_;
  records.lines = std::min(lines, records.lines);
  VERDIGRIS_ASSIGN_OR_RETURN(ResultFile corpus, ResultFile::Create(corpus_path));
  std::vector<PositionState> states;
  const auto add = [&](const OneRecord& record) -> Result<void> {
    std::string line = "{\"id\":\"" + record.id + "\",\"output\":[";
    for (size_t t = 0; t < record.output.size(); ++t) line += (t == 0 ? "" : ",") + std::to_string(record.output[t]);
    line += "],\"prompt\":[";
    for (size_t t = 0; t < record.shown.size(); ++t) line += (t == 0 ? "" : ",") + std::to_string(record.shown[t]);
    VERDIGRIS_RETURN_IF_ERROR(corpus.Write(line + "]}\n"));
    const Prompt& prompt = in_->records.files->prompts.all()[record.prompt];
    const auto scope = out.whole.find(ScopeOfDomain(reading, prompt.domain));
    if (scope == out.whole.end()) return {};  // shown, and no test looks at it
    ++out.records;
    ClassifyPositions(record.output, profile().window(), profile().special_ids(), Rule::kTuple, states);
    for (const PositionState state : states) {
      out.counts.short_ += state == PositionState::kShort;
      out.counts.special += state == PositionState::kSpecial;
    }
    out.counts.tokens += record.output.size();
    SuspectRecord view = record.View(references_.size());
    const SuspectRecord bare{{}, view.output, view.suspect, view.references};
    if (!exclude && !reading) view = bare;
    VERDIGRIS_RETURN_IF_ERROR(scope->second.AddUnit(record.ordinal(), {&view, 1}));
    if (!out.has_parts || (reading && scope->first != TextScope::kUnmarked)) return {};
    const auto domain = domains.find(prompt.domain);
    auto& part = out.parts.try_emplace({domain == domains.end() ? 0 : domain->second, (record.prompt + record.number) % 2 != 0}, Empty(in_->memory_bytes)).first->second;
    VERDIGRIS_RETURN_IF_ERROR(part.AddUnit(record.ordinal(), {&view, 1}));
    if (out.unexcluded) {
      const SuspectRecord other = exclude ? bare : record.View(references_.size());
      VERDIGRIS_RETURN_IF_ERROR(out.unexcluded->AddUnit(record.ordinal(), {&other, 1}));
    }
    uint64_t rows = out.unexcluded ? out.unexcluded->rows() : 0;
    for (const auto& [where, evidence] : out.whole) rows += evidence.rows();
    for (const auto& [where, evidence] : out.parts) rows += evidence.rows();
    if (rows * SuspectEvidence::kRowBytes > in_->memory_bytes) {
      out.has_parts = false;
      out.parts.clear();
      out.unexcluded.reset();
    }
    return {};
  };
  VERDIGRIS_ASSIGN_OR_RETURN(out.tallies, ForEachRecord(records, add));
  VERDIGRIS_ASSIGN_OR_RETURN(out.corpus, corpus.Finish());
  // Classes of positions; of a sample of windows alone they are not known.
  uint64_t counted = 0;
  bool sampled = false;
  for (const auto& [where, evidence] : out.whole) {
    sampled = sampled || evidence.share() < 1;
    for (size_t i = 0; i < evidence.windows(); ++i) counted += evidence.positions(i);
    for (size_t r = 0; r < evidence.rows(); ++r) out.counts.scored += evidence.count(r) > 0;
  }
  if (sampled) return out;
  out.counts.duplicate = counted - out.counts.scored;
  // The rest is windows of the record's own prompt; where texts are read, positions without a prediction or shown before.
  const uint64_t others = out.counts.short_ + out.counts.special + counted;
  out.prompt_positions = out.counts.tokens - std::min(out.counts.tokens, others);
  return out;
}

Result<TrialOptions> Case::Options(const InvestigationTest& test, bool strict) const {
  TrialOptions options;
  options.rule = test.rule;
  options.layer = test.layer;
  options.coefficients.strict = strict;
  options.coefficients.references.emplace();
  for (const std::string& name : test.references) {
    if (self_references_.contains(name)) {
      if (IsSequential(test.rule)) return Mismatch("a test of first encounters cannot subtract the self-reference " + name);
      options.coefficients.self_reference = true;
    } else {
      options.coefficients.references->push_back(reference_places_.at(name));
    }
  }
  return options;
}

Result<Trial> Case::TrialOf(const TestRun& run, const SuspectEvidence& evidence, bool strict) const {
  VERDIGRIS_ASSIGN_OR_RETURN(TrialOptions options, Options(run.test, strict));
  if (run.filter != nullptr) {
    options.log_rank = [filter = run.filter](const uint32_t* window) { return filter->RankOf(window); };
  }
  return Trial::Create(profile(), run.layers, evidence, options);
}

Result<double> Case::SmallestP(const Gathered& gathered, const Strictness& strictness) const {
  double smallest = 0;
  for (const TestRun& run : runs_) {
    if (run.test.share == 0 || Barred(run, strictness)) continue;
    VERDIGRIS_ASSIGN_OR_RETURN(Trial trial, TrialOf(run, gathered.Of(run.scope), strictness.strict));
    if (!Decides(run, trial.scored())) continue;
    smallest = std::min(smallest, trial.Run(run.key->key.secret()).log10_p + 3 - std::log10(static_cast<double>(run.test.share)));
  }
  return smallest;
}

Result<std::vector<Case::PromptResult>> Case::ScorePrompts() const {
  const SuspectEvidence::Options options{profile().window(), 0, Showing::kClosed, in_->memory_bytes, plan().digest()};
  SuspectEvidence evidence(options, profile().special_ids());
  Scratch scratch;
  std::vector<Token> tokens;
  std::vector<uint32_t> ids;
  uint64_t unit = 0;
  const auto add = [&](std::string_view text) -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(in_->records.tokenizer->Encode(text, scratch, tokens));
    ids.clear();
    for (const Token& token : tokens) ids.push_back(token.id);
    const SuspectRecord record{{}, ids, nullptr, {}};
    return evidence.AddUnit(unit++, {&record, 1});
  };
  VERDIGRIS_RETURN_IF_ERROR(add(content().sampling.system));
  for (const Prompt& prompt : in_->records.files->prompts.all()) {
    // Texts that are read because they are marked prove nothing by it.
    if (content().reading() && ScopeOfDomain(true, prompt.domain) != TextScope::kUnmarked) continue;
    VERDIGRIS_RETURN_IF_ERROR(add(prompt.text));
  }
  std::vector<PromptResult> results;
  for (const TestRun& run : runs_) {
    if (std::any_of(results.begin(), results.end(), [&](const PromptResult& result) { return result.key == run.key; })) continue;
    TrialOptions distinct;
    distinct.rule = CoefficientRule::kDistinct;
    distinct.layer = run.test.layer;
    VERDIGRIS_ASSIGN_OR_RETURN(Trial trial, Trial::Create(profile(), run.layers, evidence, distinct));
    results.push_back({run.key, run.test.layer, trial.scored(), trial.Run(run.key->key.secret()).log10_p});
  }
  return results;
}

double Case::Effect(const Gathered& gathered) const {
  if (content().effect_milli == 0) return 0;
  double share = gathered.whole.begin()->second.share();
  if (content().reading()) {
    share *= std::min(1.0, static_cast<double>(gathered.records) / static_cast<double>(in_->records.files->prompts.size()));
  } else {
    const uint64_t planned = content().looks.empty() ? content().budget.answer_tokens : content().looks.back();
    if (planned > 0) share *= std::min(1.0, static_cast<double>(gathered.tallies.tokens) / static_cast<double>(planned));
  }
  return static_cast<double>(content().effect_milli) / 1000 * std::sqrt(share);
}

double Case::Power(double effect) const {
  if (effect == 0) return 0;
  const double log10_level = plan()->alpha_log10() - std::log10(static_cast<double>(plan()->family)) +
                             std::log10(static_cast<double>(std::max<uint64_t>(1, content().tests.front().share)) / 1000);
  return NormalAbove(NormalQuantileAbove(std::pow(10.0, log10_level)) - effect);
}

}  // namespace verdigris::verify
