// The tests of a case under their keys, and the controls of M9, each a row that passes, fails or could not be made.
//
// Tested by tests/verify/suspect/verdict_test.cc and tests/cli/investigate_test.sh.
#include "verify/suspect/verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "verify/file.h"
#include "verify/suspect/case.h"
#include "verify/suspect/coefficient_file.h"
#include "verify/result_file.h"

namespace verdigris::verify {
namespace {

constexpr double kLog10Alarm = -6;  // f of AtMost
constexpr uint64_t kLeastDecoys = 999, kLeastMatched = 20;
constexpr double kLeastPower = 0.9;

std::string Number(double value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string TenTo(double log10_p) { return "10^" + FourPlacesUp(log10_p); }

ControlRow Row(std::string name, std::string subject, bool passed, std::string text) {
  return {std::move(name), std::move(subject), passed ? ControlRow::State::kPassed : ControlRow::State::kFailed, std::move(text)};
}

// P(Bin(n, 1/denominator) >= count) is not below 1e-6.
bool AtMost(uint64_t n, uint64_t count, uint32_t denominator) {
  return count == 0 || Log10UpperTail(NullLaw::Bernoulli(1, denominator), n, count) >= kLog10Alarm;
}

// Members that several functions of a judgement share.
struct Judgement {
  const InvestigationInputs& in;
  const Case& c;
  SuspectFinding& finding;
  Case::Strictness strictness{};

  void Control(ControlRow row) {
    if (row.state == ControlRow::State::kFailed) finding.refused_by.push_back(row.name + (row.subject.empty() ? "" : " (" + row.subject + ")"));
    finding.controls.push_back(std::move(row));
  }
  void Deviation(std::string text, bool decisive) {
    finding.deviations.push_back(std::move(text));
    finding.decisive_deviation = finding.decisive_deviation || decisive;
  }

  void PlanAndCompleteness(const Gathered& gathered);
  void Ages();
  Result<void> Prompts();
  Result<void> Tests(const Gathered& gathered);
  Result<void> Matched(const TestRun& run, const Gathered& gathered, const std::string& name);
  Result<void> Models();
  Result<void> Sensitivity(const Gathered& gathered);
  Result<void> HeavyWindows(const TestRun& run, const Trial& trial, const std::string& name);
  void Verdict();
};

void Judgement::PlanAndCompleteness(const Gathered& gathered) {
  const InvestigationFiles& files = *in.records.files;
  for (const verify::Deviation& deviation : files.deviations) {
    std::string members;
    for (const std::string& member : deviation.changed) members += (members.empty() ? "" : ", ") + member;
    Deviation(deviation.time + ": " + deviation.reason + " (" + members + ")", deviation.decisive);
  }
  const InvestigationContent& content = c.content();
  if (in.decoys && *in.decoys != c.plan()->decoys) {
    Deviation(std::to_string(*in.decoys) + " decoys instead of " + std::to_string(c.plan()->decoys), false);
  }
  if (content.suspect.kind == SuspectKind::kEndpoint && content.stopping == Stopping::kFixed) {
    const bool finished = std::any_of(files.events.begin(), files.events.end(), [](const Event& event) { return event.kind == kEventFinished; });
    if (!finished) Deviation("tested before collecting had finished", true);
  }
  if (content.suspect.kind == SuspectKind::kFiles && content.stopping == Stopping::kFixed) {
    const uint64_t planned = files.prompts.size() * content.sampling.answers;
    if (gathered.tallies.answers != planned) Deviation(std::to_string(gathered.tallies.answers) + " answers instead of " + std::to_string(planned), false);
  }
  if (gathered.tallies.other_prompt > 0) {
    Deviation(std::to_string(gathered.tallies.other_prompt) + " answers are to prompts that were changed since, and are left out", false);
  }
}

void Judgement::Ages() {
  const std::string& since = in.key_since;
  for (const Reference& reference : c.content().references) {
    static constexpr std::string_view kKinds[] = {"provider", "base", "older", "self"};
    const bool stated = in.stated_free.contains(reference.name);
    finding.references.push_back({reference.name, std::string(kKinds[static_cast<size_t>(reference.kind)]), reference.not_after, stated, reference.model_sha256});
    if (reference.kind == ReferenceKind::kSelf) continue;
    const bool older = !reference.not_after.empty() && reference.not_after < since;
    const std::string text = older    ? "trained no later than " + reference.not_after + ", before the key was used from " + since + " on"
                             : stated ? "its owner states that it is free of text under this key"
                                      : "neither known to be older than the key" + (since.empty() ? "" : ", which was used from " + since + " on,") +
                                            " nor stated by its owner to be free of marked text";
    Control(Row("reference_age", reference.name, older || stated, text));
  }
}

Result<void> Judgement::Prompts() {
  VERDIGRIS_ASSIGN_OR_RETURN(const auto results, c.ScorePrompts());
  strictness = c.StrictnessOf(results);
  finding.strict = strictness.strict;
  finding.prompts_marked = strictness.prompts_marked;
  for (const Case::PromptResult& result : results) {
    const std::string layer = std::string(LayerName(result.layer)) + " layer" + (result.key->account.empty() ? "" : " of " + result.key->account);
    // Marked prompts are no reason to refuse: what they could have shaped is left out.
    const std::string then = result.log10_p > kLog10Marked ? "" : finding.reading ? "; they carry the mark, so tests of unmarked texts fall away"
                                                                                  : "; they carry the mark, so windows of all prompts are left out";
    finding.controls.push_back({"prompts", layer, ControlRow::State::kPassed,
                                "as text, " + std::to_string(result.scored) + " scored: p " + TenTo(result.log10_p) + then});
  }
  return {};
}

Result<void> Judgement::Matched(const TestRun& run, const Gathered& gathered, const std::string& name) {
  const uint64_t planned = c.content().controls.matched;
  const auto not_made = [&](const std::string& why) { finding.controls.push_back({"matched_decoys", name, ControlRow::State::kNotMade, why}); };
  if (run.test.layer != Layer::kAccount) {
    not_made("the filter is not of an account's key");
    return {};
  }
  if (planned == 0) {
    not_made("the plan has none");
    return {};
  }
  uint64_t used = 0, at_10 = 0, at_100 = 0;
  double least = 0;
  for (const MatchedAccount& account : in.matched) {
    if (used == planned) break;
    if (account.key->account == run.test.label || account.key->role != KeyRole::kAccount) continue;
    const uint64_t size = account.filter->size(), real = run.filter->size();
    if (size > 2 * real || real > 2 * size) continue;  // another volume
    if (account.filter->facts().scheme_id != c.profile().scheme_id() || account.filter->facts().window != c.profile().window()) {
      return Fail(ErrorKind::kMismatch, "matched account " + account.name + ": its filter is of another scheme");
    }
    auto layers = run.layers.WithAccount(c.profile(), *account.key);
    if (!layers) return Fail(layers.error().kind, "matched account " + account.name + ": " + layers.error().message);
    const TestRun other{run.test, run.scope, account.key, std::move(*layers), account.filter};
    std::optional<Gathered> own;
    if (run.scope == TextScope::kLog) {
      if (account.answers.empty()) return Fail(ErrorKind::kFailedPrecondition, "matched account " + account.name + ": the predictions on its log are missing");
      VERDIGRIS_ASSIGN_OR_RETURN(own, c.Gather(account.answers, ~uint64_t{0}, false, ""));
    }
    VERDIGRIS_ASSIGN_OR_RETURN(Trial trial, c.TrialOf(other, (own ? *own : gathered).Of(run.scope), finding.strict));
    const double p = trial.Run(account.key->key.secret()).log10_p;
    ++used;
    at_10 += p <= -1;
    at_100 += p <= -2;
    least = std::min(least, p);
  }
  if (used < std::min(kLeastMatched, planned)) {
    return Fail(ErrorKind::kFailedPrecondition, "the plan has " + std::to_string(planned) + " matched accounts for the " + name + ", and at least " +
                   std::to_string(std::min(kLeastMatched, planned)) + " of like volume are needed: " + std::to_string(used) + " are there (--matched)");
  }
  if (used < planned) Deviation(std::to_string(used) + " matched accounts instead of " + std::to_string(planned) + " for the " + name, false);
  const bool passed = AtMost(used, at_10, 10) && AtMost(used, at_100, 100);
  Control(Row("matched_decoys", name, passed,
              std::to_string(used) + " other accounts under their own keys: " + std::to_string(at_10) + " with p at most .1, " + std::to_string(at_100) +
                  " at most .01; smallest " + TenTo(least)));
  return {};
}

Result<void> Judgement::HeavyWindows(const TestRun& run, const Trial& trial, const std::string& name) {
  const size_t h = c.profile().window();
  std::vector<std::pair<uint64_t, size_t>> windows;  // sum of a^2, place
  for (size_t i = 0; i < trial.scored(); ++i) {
    if (i == 0 || !std::equal(trial.window(i), trial.window(i) + h, trial.window(i - 1))) windows.emplace_back(0, windows.size());
    const int64_t a = trial.coefficient(i);
    windows.back().first += static_cast<uint64_t>(a * a);
  }
  const size_t count = (windows.size() + 99) / 100;
  std::vector<bool> left_out(windows.size(), false);
  std::sort(windows.begin(), windows.end(), [](const auto& a, const auto& b) { return a.first > b.first || (a.first == b.first && a.second < b.second); });
  for (size_t i = 0; i < count; ++i) left_out[windows[i].second] = true;
  const CoefficientRows rows = CoefficientRows::Of(trial, h, left_out);
  VERDIGRIS_ASSIGN_OR_RETURN(const TrialOutcome outcome, OutcomeOf(c.profile(), rows, run.key->key.secret()));
  finding.sensitivity.push_back({"without the 1 % of windows that weigh most", name, rows.rows(), outcome.log10_p});
  return {};
}

Result<void> Judgement::Tests(const Gathered& gathered) {
  const DecoyKeys decoys({}, gathered.corpus);
  const auto count = static_cast<uint32_t>(in.decoys ? *in.decoys : c.plan()->decoys);
  double smallest = 0;
  for (const TestRun& run : c.runs()) {
    SuspectTest& test = finding.tests.emplace_back();
    test.name = RuleName(run.test.rule);
    test.layer = run.test.layer;
    test.label = run.test.label;
    test.kid = run.layers.kid(run.test.layer);
    test.share = run.test.share;
    test.filtered = run.filter != nullptr;
    const std::string name = TestName(test.name, test.layer, test.label) + (test.filtered ? ", inside the filter" : "");
    VERDIGRIS_ASSIGN_OR_RETURN(Trial trial, c.TrialOf(run, gathered.Of(run.scope), finding.strict));
    test.status = trial.status();
    const bool barred = Case::Barred(run, strictness);
    test.scored = barred ? 0 : trial.scored();
    test.windows = barred ? 0 : trial.windows();
    test.enough = test.scored >= c.plan()->min_scored;
    test.weights.assign(trial.weights().begin(), trial.weights().end());
    if (barred) continue;
    VERDIGRIS_ASSIGN_OR_RETURN(test.line_up, RunTrialLineUp(trial, run.key->key, decoys, count));
    test.outcome = test.line_up->real;
    for (ControlRow& row : LineUpControls(test, name)) Control(std::move(row));
    if (run.filter != nullptr && test.share > 0) VERDIGRIS_RETURN_IF_ERROR(Matched(run, gathered, name));
    if (!in.evidence_folder.empty()) {
      test.coefficients = Number(static_cast<double>(finding.tests.size()), "%02.0f") + "-" + std::string(LayerName(test.layer)) +
                          (test.label.empty() ? "" : "-" + FileNameOf(test.label)) + "-" + test.name + ".jsonl";
      VERDIGRIS_ASSIGN_OR_RETURN(ResultFile file, ResultFile::Create(in.evidence_folder + "/" + test.coefficients));
      VERDIGRIS_RETURN_IF_ERROR(WriteCoefficients(trial, c.profile().window(), [&](std::string_view piece) { return file.Write(piece); }));
      VERDIGRIS_ASSIGN_OR_RETURN(test.coefficients_sha256, file.Finish());
    }
    if (test.share > 0 && in.sensitivity) VERDIGRIS_RETURN_IF_ERROR(HeavyWindows(run, trial, name));
    if (!c.Decides(run, test.scored)) continue;
    const double p = test.outcome.log10_p + 3 - std::log10(static_cast<double>(test.share));
    if (p < smallest || finding.verdict_by.empty()) {
      finding.deciding = finding.tests.size() - 1;
      finding.verdict_by = "log10_p";
      smallest = std::min(smallest, p);
    }
  }
  finding.log10_p = smallest;
  if (count < kLeastDecoys) {
    finding.controls.push_back({"decoys", "", ControlRow::State::kNotMade, std::to_string(count) + " decoys: ranks need at least 999"});
  }
  return {};
}

Result<void> Judgement::Models() {
  for (const ControlModel& model : in.models) {
    VERDIGRIS_ASSIGN_OR_RETURN(const Gathered gathered, c.Gather(model.answers, ~uint64_t{0}, false, ""));
    for (const TestRun& run : c.runs()) {
      if (run.test.share == 0) continue;
      VERDIGRIS_ASSIGN_OR_RETURN(Trial trial, c.TrialOf(run, gathered.Of(run.scope), finding.strict));
      const double p = trial.Run(run.key->key.secret()).log10_p;
      Control(Row("reference_model", model.name, p > kLog10Marked,
                  TestName(RuleName(run.test.rule), run.test.layer, run.test.label) + ", " + std::to_string(trial.scored()) + " scored: p " + TenTo(p)));
    }
  }
  if (in.models.size() < 2) {
    finding.controls.push_back({"reference_model", "", ControlRow::State::kNotMade,
                                std::to_string(in.models.size()) + " independent models of 2 that a careful test has"});
  }
  return {};
}

Result<void> Judgement::Sensitivity(const Gathered& gathered) {
  if (!gathered.has_parts) {
    finding.no_sensitivity = in.sensitivity ? "the evidence is too large for the memory given" : "not asked for";
    return {};
  }
  const bool reading = finding.reading;
  const auto row = [&](const std::string& what, const TestRun& run, const SuspectEvidence& evidence, bool strict) -> Result<void> {
    VERDIGRIS_ASSIGN_OR_RETURN(Trial trial, c.TrialOf(run, evidence, strict));
    finding.sensitivity.push_back({what, TestName(RuleName(run.test.rule), run.test.layer, run.test.label), trial.scored(), trial.Run(run.key->key.secret()).log10_p});
    return {};
  };
  const auto& domains = c.content().controls.domains;
  for (const TestRun& run : c.runs()) {
    if (run.test.share == 0 || Case::Barred(run, strictness)) continue;
    const TextScope divided = reading ? TextScope::kUnmarked : TextScope::kAnswers;
    if (run.scope == divided) {
      const auto united = [&](const auto& keep) {
        std::optional<SuspectEvidence> sum;
        for (const auto& [where, part] : gathered.parts) {
          if (!keep(where.first, where.second)) continue;
          if (sum) {
            sum->Merge(part);
          } else {
            sum = part;
          }
        }
        return sum;
      };
      for (const bool odd : {false, true}) {
        const auto half = united([&](size_t, bool is_odd) { return is_odd == odd; });
        if (half) VERDIGRIS_RETURN_IF_ERROR(row(odd ? "odd answers alone" : "even answers alone", run, *half, finding.strict));
      }
      for (size_t d = 0; d < std::min(domains.size(), kMostDomains); ++d) {
        const auto rest = united([&](size_t domain, bool) { return domain != d + 1; });
        if (rest) VERDIGRIS_RETURN_IF_ERROR(row("without domain " + domains[d], run, *rest, finding.strict));
      }
    }
    if (!reading) {
      VERDIGRIS_RETURN_IF_ERROR(row(finding.strict ? "windows of other prompts kept" : "windows of all prompts left out", run, gathered.Of(run.scope), !finding.strict));
      if (gathered.unexcluded) {
        VERDIGRIS_RETURN_IF_ERROR(row(c.plan()->exclude_prompt_windows ? "windows of prompts kept" : "windows of the own prompt left out", run, *gathered.unexcluded, false));
      }
    }
  }
  return {};
}

void Judgement::Verdict() {
  finding.log10_p_family = std::min(0.0, finding.log10_p + std::log10(static_cast<double>(finding.family)));
  if (finding.family > 1) finding.verdict_by = "log10_p_family";
  if (finding.verdict_by.empty()) finding.verdict_by = "log10_p";
  finding.boundary = IsBoundary(finding.log10_p_family, finding.log10_alpha);
  const bool any_enough = std::any_of(finding.tests.begin(), finding.tests.end(), [](const SuspectTest& test) { return test.share > 0 && test.enough && test.scored > 0; });
  if (!finding.refused_by.empty()) {
    finding.verdict = SuspectVerdict::kRefused;
    finding.why = "a control failed";
  } else if (finding.decisive_deviation) {
    finding.verdict = SuspectVerdict::kInconclusive;
    finding.why = "what decides was changed after it was planned";
  } else if (!any_enough) {
    finding.verdict = SuspectVerdict::kInconclusive;
    uint64_t most = 0;
    for (const SuspectTest& test : finding.tests) most = std::max(most, test.share > 0 ? test.scored : 0);
    finding.why = "too few scored tuples (" + std::to_string(most) + "; " + std::to_string(c.plan()->min_scored) + " needed)";
  } else if (Detects(finding.log10_p_family, finding.log10_alpha)) {
    finding.verdict = SuspectVerdict::kDetected;
  } else if (finding.power >= kLeastPower) {
    finding.verdict = SuspectVerdict::kNotDetected;
    finding.why = "the score does not exceed the level fixed in advance";
  } else {
    finding.verdict = SuspectVerdict::kInconclusive;
    finding.why = finding.effect == 0 ? "the plan names no effect that this test must have found" : "the planned effect had a power below .9 at this size";
  }
}

}  // namespace

std::vector<ControlRow> LineUpControls(const SuspectTest& test, const std::string& name) {
  if (!test.line_up || test.line_up->rank.decoys == 0) return {};
  const TrialLineUp& line_up = *test.line_up;
  const uint64_t n = line_up.rank.decoys;
  std::string text = std::to_string(n) + " decoys; with p at most .1, .01, .001:";
  for (const LawCheck::Level& level : line_up.law.levels) text += " " + std::to_string(level.count);
  if (test.status != TrialStatus::kAnytime) text += "; mean z " + Number(line_up.mean_z, "%.3f") + ", sd " + Number(line_up.sd_z, "%.3f");
  std::vector<ControlRow> rows = {Row("self_check", name, line_up.law.passed, text + (line_up.law.passed ? "" : "; the law does not hold on this evidence"))};
  // On an account's own log a decoy is no stand-in for its key. Below 999 decoys a rank can contradict nothing.
  if (n < kLeastDecoys || test.filtered) return rows;
  const double p = test.outcome.log10_p;
  // A process says less than it could: a modest p at the first rank is its price, no contradiction.
  const bool too_small = p < -6 && !line_up.rank.AtMost(0.05);
  const bool too_large = p > std::log10(0.05) && line_up.rank.at_least == 0 && test.status != TrialStatus::kAnytime;
  rows.push_back(Row("rank", name, !too_small && !too_large,
                     std::to_string(line_up.rank.at_least) + " of " + std::to_string(n) + " decoys score as high" +
                         (too_small || too_large ? ": rank and p contradict each other" : "")));
  return rows;
}

Result<SuspectFinding> JudgeInvestigation(const InvestigationInputs& inputs) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Case c, Case::Create(inputs));
  for (const std::string& name : c.content().controls.models) {
    if (std::none_of(inputs.models.begin(), inputs.models.end(), [&](const ControlModel& model) { return model.name == name; })) {
      return Fail(ErrorKind::kFailedPrecondition, "the plan has the reference model " + name + " as a control: give its answers with --control " + name + "=FILE");
    }
  }
  const InvestigationFiles& files = *inputs.records.files;
  SuspectFinding finding;
  finding.input = files.folder;
  finding.suspect = files.investigation->suspect.name;
  finding.log10_alpha = files.plan->alpha_log10();
  finding.family = files.plan->family;
  finding.scheme = c.profile().scheme().name;
  finding.scheme_id = c.profile().scheme_id();
  finding.profile_digest = c.profile().digest();
  finding.plan_digest = files.plan.digest();
  finding.planned = files.plan->created;
  finding.reading = files.investigation->reading();
  Judgement judgement{inputs, c, finding, {}};

  VERDIGRIS_RETURN_IF_ERROR(judgement.Prompts());
  // Looks come at the lines that reach the planned sizes; what lies behind the last is not tested.
  std::vector<LookLine> looks;
  uint64_t lines = inputs.records.lines;
  if (files.investigation->stopping == Stopping::kLooks) {
    VERDIGRIS_ASSIGN_OR_RETURN(const LookLines found, FindLooks(inputs.records, files.investigation->looks));
    looks = found.reached;
    if (looks.empty()) {
      judgement.Deviation("looked at " + std::to_string(found.tokens) + " answer tokens, a size that the plan does not list", true);
      looks.push_back({found.tokens, found.lines});
    }
    lines = looks.back().lines;
    for (size_t j = 0; j + 1 < looks.size(); ++j) {
      VERDIGRIS_ASSIGN_OR_RETURN(const Gathered early, c.Gather(inputs.records.elsewhere, looks[j].lines, false, ""));
      VERDIGRIS_ASSIGN_OR_RETURN(const double p, c.SmallestP(early, judgement.strictness));
      finding.looks.push_back({j + 1, looks[j].tokens, p});
    }
    finding.tokens_behind_looks = found.tokens;
  }
  const std::string corpus = inputs.evidence_folder.empty() ? "" : inputs.evidence_folder + "/corpus.jsonl";
  VERDIGRIS_ASSIGN_OR_RETURN(const Gathered gathered, c.Gather(inputs.records.elsewhere, lines, inputs.sensitivity, corpus));
  finding.tokens_behind_looks -= std::min(finding.tokens_behind_looks, gathered.tallies.tokens);
  finding.tallies = gathered.tallies;
  finding.records = gathered.records;
  finding.counts = gathered.counts;
  finding.prompt_positions = gathered.prompt_positions;
  finding.corpus_digest = gathered.corpus;
  for (const auto& [scope, evidence] : gathered.whole) finding.share_kept = std::min(finding.share_kept, evidence.share());
  judgement.PlanAndCompleteness(gathered);
  judgement.Ages();
  VERDIGRIS_RETURN_IF_ERROR(judgement.Tests(gathered));
  const uint64_t answers = gathered.tallies.answers, others = gathered.tallies.other_model;
  judgement.Control(Row("answering_model", "", 100 * others <= answers, std::to_string(others) + " of " + std::to_string(answers) + " answers name another model"));
  VERDIGRIS_RETURN_IF_ERROR(judgement.Models());
  VERDIGRIS_RETURN_IF_ERROR(judgement.Sensitivity(gathered));
  if (!looks.empty()) {
    finding.looks.push_back({looks.size(), looks.back().tokens, finding.log10_p});
    std::vector<double> p;
    for (const SuspectFinding::Look& look : finding.looks) p.push_back(look.log10_p);
    finding.log10_p = Log10AfterLooks(p);
  }
  finding.effect = c.Effect(gathered);
  finding.power = c.Power(finding.effect);
  judgement.Verdict();
  return finding;
}

Result<void> CheckInputs(const InvestigationInputs& inputs) {
  VERDIGRIS_RETURN_IF_ERROR(Case::Create(inputs));
  return {};
}

double Log10PofLayer(const SuspectFinding& finding, Layer layer, std::string_view label) {
  double smallest = 0;
  for (const SuspectTest& test : finding.tests) {
    if (test.layer != layer || test.label != label || test.share == 0 || !test.enough) continue;
    smallest = std::min(smallest, test.outcome.log10_p + 3 - std::log10(static_cast<double>(test.share)));
  }
  const double look = static_cast<double>(std::max<size_t>(1, finding.looks.size()));
  return std::min(0.0, smallest + (finding.looks.empty() ? 0 : std::log10(look * (look + 1))));
}

Result<LookFinding> JudgeAtLook(const InvestigationInputs& inputs, size_t number, uint64_t lines) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Case c, Case::Create(inputs));
  const InvestigationFiles& files = *inputs.records.files;
  VERDIGRIS_ASSIGN_OR_RETURN(const auto prompts, c.ScorePrompts());
  const Case::Strictness strict = c.StrictnessOf(prompts);
  std::vector<double> p;
  if (number > 1) {
    VERDIGRIS_ASSIGN_OR_RETURN(const LookLines looks, FindLooks(inputs.records, files.investigation->looks));
    if (looks.reached.size() < number) return Fail(ErrorKind::kInvalidArgument, "look " + std::to_string(number) + " has not been reached");
    for (size_t j = 0; j + 1 < number; ++j) {
      VERDIGRIS_ASSIGN_OR_RETURN(const Gathered early, c.Gather(inputs.records.elsewhere, looks.reached[j].lines, false, ""));
      VERDIGRIS_ASSIGN_OR_RETURN(const double log10_p, c.SmallestP(early, strict));
      p.push_back(log10_p);
    }
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const Gathered gathered, c.Gather(inputs.records.elsewhere, lines, false, ""));
  LookFinding finding;
  VERDIGRIS_ASSIGN_OR_RETURN(finding.log10_p, c.SmallestP(gathered, strict));
  p.push_back(finding.log10_p);
  const double after = number == 0 ? finding.log10_p : Log10AfterLooks(p);
  finding.log10_p_looks = std::min(0.0, after + std::log10(static_cast<double>(files.plan->family)));
  finding.power = c.Power(c.Effect(gathered));
  return finding;
}

Result<GatheredEvidence> GatherFor(const InvestigationInputs& inputs, const InvestigationTest& test) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Case c, Case::Create(inputs));
  VERDIGRIS_ASSIGN_OR_RETURN(const auto prompts, c.ScorePrompts());
  VERDIGRIS_ASSIGN_OR_RETURN(Gathered gathered, c.Gather(inputs.records.elsewhere, inputs.records.lines, false, ""));
  const auto at = gathered.whole.find(ScopeOf(c.content().reading(), test.rule, test.order));
  if (at == gathered.whole.end()) return Fail(ErrorKind::kInvalidArgument, "no test of the plan looks at these texts");
  return GatheredEvidence{std::move(at->second), gathered.tallies, c.StrictnessOf(prompts).strict};
}

Result<TrialOptions> OptionsOf(const InvestigationInputs& inputs, const InvestigationTest& test, bool strict) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Case c, Case::Create(inputs));
  return c.Options(test, strict);
}

}  // namespace verdigris::verify
