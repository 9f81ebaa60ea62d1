// The verdict over a suspect model: all tests of an investigation over the same evidence, what allows for looks and for keys,
// and the controls that must hold before any number may be quoted (suspect-models.md M8, M9, M10.2).
//
// Null     the suspect had no access, direct or indirect, to text marked under the key; the key was random and secret. Under
//          it the chance of `detected` is at most alpha. One test errs with chance share/1000 alpha, so all together with alpha.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "verify/finding.h"
#include "verify/suspect/filter.h"
#include "verify/suspect/records.h"
#include "verify/suspect/trial.h"
#include "watermark/key_file.h"

namespace verdigris::verify {

// Another account of the epoch, not used as far as known, under its own key (M9.2).
struct MatchedAccount {
  std::string name;
  const KeyFile* key = nullptr;
  const Filter* filter = nullptr;
  std::vector<std::string> answers;  // where texts are read: predictions on its log
};

// An independent model, older than the key: its answers to the same prompts (M9.3).
struct ControlModel {
  std::string name;
  std::vector<std::string> answers;
};

struct InvestigationInputs {
  RecordInputs records;  // files, profile, tokenizer, pieces, answers from elsewhere, threads; references are set from those below
  std::vector<const KeyFile*> keys;
  std::map<std::string, ReferenceModel, std::less<>> references;  // of the plan, but for kind `self`
  std::set<std::string, std::less<>> stated_free;                 // references whose owner states that they are free of marked text
  // When text was first served under the key (E2), or empty: not known. A key's file does not say: it bears the time at which
  // it was derived, which may be much later.
  std::string key_since;
  std::vector<const Filter*> filters;
  std::vector<MatchedAccount> matched;
  std::vector<ControlModel> models;
  std::optional<uint32_t> decoys;  // instead of the plan's: a deviation
  uint64_t memory_bytes = uint64_t{2} << 30;
  bool sensitivity = true;
  std::string evidence_folder;  // where the corpus and the coefficients go; empty: nowhere
};

enum class SuspectVerdict { kDetected, kNotDetected, kInconclusive, kRefused };
std::string_view SuspectVerdictName(SuspectVerdict verdict);

struct SuspectTest {
  std::string name, label, kid;
  Layer layer = Layer::kProvider;
  uint64_t share = 0;  // of alpha, thousandths; 0: printed beside, never decides
  TrialStatus status = TrialStatus::kExact;
  bool filtered = false;
  uint64_t scored = 0, windows = 0;
  bool enough = true;  // at least min_scored
  TrialOutcome outcome;
  std::vector<int32_t> weights;  // of the references, in 1/256
  std::optional<TrialLineUp> line_up;
  std::string coefficients;      // name of its file
  std::optional<Digest> coefficients_sha256;
};

struct ControlRow {
  enum class State { kPassed, kFailed, kNotMade };
  std::string name;     // "self_check", "rank", "matched_decoys", "reference_model", "prompts", "answering_model", "reference_age", "decoys"
  std::string subject;  // a test, a model, a layer; or empty
  State state = State::kPassed;
  std::string text;     // numbers and reason, for people
};
std::string_view ControlStateName(ControlRow::State state);

// What the line-up of a test says of it: `self_check`, and, with at least 999 decoys and without a filter, `rank`. `name`: of the
// test. Empty without decoys.
std::vector<ControlRow> LineUpControls(const SuspectTest& test, const std::string& name);

struct ReferenceRow {
  std::string name, kind, not_after;
  bool stated_free = false;
  std::optional<Digest> model_sha256;
};

struct SensitivityRow {
  std::string what, test;
  uint64_t scored = 0;
  double log10_p = 0;
};

struct SuspectFinding {
  std::string input, suspect;
  SuspectVerdict verdict = SuspectVerdict::kInconclusive;
  std::string why;  // of a verdict that is not `detected`: a sentence
  std::vector<std::string> refused_by;  // controls
  std::string verdict_by;
  double log10_alpha = 0;
  uint64_t family = 1;
  double log10_p = 0;         // min over tests of 1000 p / share, and over looks with their factors
  double log10_p_family = 0;
  bool boundary = false;
  size_t deciding = 0;        // of `tests`
  std::string scheme;
  Digest scheme_id{}, profile_digest{}, plan_digest{}, corpus_digest{};
  std::string planned;        // time of the plan
  bool reading = false, strict = false, prompts_marked = false;
  uint64_t records = 0;
  Counts counts;
  uint64_t prompt_positions = 0;  // in windows of the record's own prompt; of texts: shown before, or without a prediction
  double share_kept = 1;      // of windows, where memory ran out
  RecordTallies tallies;
  std::vector<SuspectTest> tests;
  std::vector<ControlRow> controls;
  std::vector<std::string> deviations;
  bool decisive_deviation = false;
  std::vector<ReferenceRow> references;
  std::vector<SensitivityRow> sensitivity;
  std::string no_sensitivity;  // why there is none
  struct Look {
    size_t number;
    uint64_t tokens;
    double log10_p;  // before its factor
  };
  std::vector<Look> looks;
  uint64_t tokens_behind_looks = 0;
  double effect = 0, power = 0;  // expected z at this size; 0: the plan has none
  std::vector<Warning> warnings;
};

// One JSON document without line feed, members of command-line.md L4; of a refused finding without the numbers of its tests.
std::string ToJson(const SuspectFinding& finding);
// The same as canonical JSON and LF (E2), real numbers as decimal strings: the file finding.json.
std::string FindingFile(const SuspectFinding& finding);

// Errors   kMismatch: profile, keys, filters or references that are not those of the plan; kFailedPrecondition: one that is
//          missing; those of ForEachRecord.
Result<SuspectFinding> JudgeInvestigation(const InvestigationInputs& inputs);

// log10 of the p of one layer's tests, as a gate before the tests of accounts: min of 1000 p / share, with the factor of the last
// look. 0 where none has enough scored.
double Log10PofLayer(const SuspectFinding& finding, Layer layer, std::string_view label);

// Whether the inputs are those of the plan, before any answer is there; of reference models as controls, which only a verdict needs,
// nothing is asked. Errors: those of JudgeInvestigation but for records.
Result<void> CheckInputs(const InvestigationInputs& inputs);

// What a look at growing answers says: the p of the finding after looks 1..number, of which this is the last.
struct LookFinding {
  double log10_p = 0;       // of this look alone, before its factor
  double log10_p_looks = 0; // the smallest so far, with factors and family
  double power = 0;         // of the planned effect at this size; 0 where none is planned
};
// `number` 0: a point for futility, which is no look.
Result<LookFinding> JudgeAtLook(const InvestigationInputs& inputs, size_t number, uint64_t lines);

// Of a supervised test under other keys, such as `attribute` makes for every account: the evidence once, then tests of it.
struct GatheredEvidence {
  SuspectEvidence evidence;
  RecordTallies tallies;
  bool strict = false;
};
// The evidence of one test of the plan: all answers, or the texts of its kind.
Result<GatheredEvidence> GatherFor(const InvestigationInputs& inputs, const InvestigationTest& test);
// Rule, references and strictness of a test of the plan, without layer and log.
Result<TrialOptions> OptionsOf(const InvestigationInputs& inputs, const InvestigationTest& test, bool strict);

}  // namespace verdigris::verify
