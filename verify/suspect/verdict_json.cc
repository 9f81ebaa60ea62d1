// Members of command-line.md L4, in its order; what it does not have stands behind. A refused finding has no number of its
// tests: none may be quoted.
//
// Tested by tests/verify/suspect/verdict_test.cc and tests/cli/investigate_test.sh.
#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "verify/suspect/verdict.h"
#include "watermark/json.h"

namespace verdigris::verify {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string Decimal(Int128 value) {
  const bool negative = value < 0;
  return (negative ? "-" : "") + DecimalText(static_cast<Statistic>(negative ? -value : value));
}

OrderedJson TestJson(const SuspectTest& test, bool refused) {
  OrderedJson json = {{"name", test.name}, {"layer", LayerName(test.layer)}, {"label", test.label}, {"share", test.share}, {"status", TrialStatusName(test.status)}};
  if (refused) return json;
  json["kid"] = test.kid;
  json["filtered"] = test.filtered ? 1 : 0;
  json["scored"] = test.scored;
  json["windows"] = test.windows;
  if (test.status == TrialStatus::kAnytime) {
    json["statistic"] = {{"log10_max_e", -test.outcome.log10_p}};
  } else {
    json["statistic"] = {{"s", Decimal(test.outcome.statistic)}, {"z", test.outcome.z}};
  }
  json["log10_p"] = test.outcome.log10_p;
  json["log10_e"] = test.outcome.ln_e / std::log(10.0);
  if (!test.weights.empty()) json["reference_weights_256"] = test.weights;
  if (test.line_up) {
    json["decoys"] = {{"count", test.line_up->rank.decoys}, {"at_least", test.line_up->rank.at_least}, {"log10_p", test.line_up->rank.Log10P()}};
    if (test.status != TrialStatus::kAnytime) {
      json["decoys"]["mean_z"] = test.line_up->mean_z;
      json["decoys"]["sd_z"] = test.line_up->sd_z;
    }
  }
  if (test.coefficients_sha256) json["coefficients"] = {{"file", "evidence/" + test.coefficients}, {"sha256", Hex(*test.coefficients_sha256)}};
  return json;
}

OrderedJson Build(const SuspectFinding& finding) {
  const bool refused = finding.verdict == SuspectVerdict::kRefused;
  OrderedJson json;
  json["schema"] = "verdigris.finding/1";
  json["input"] = finding.input;
  json["suspect"] = finding.suspect;
  json["verdict"] = SuspectVerdictName(finding.verdict);
  if (!finding.why.empty()) json["why"] = finding.why;
  if (refused) json["refused_by"] = finding.refused_by;
  json["verdict_by"] = finding.verdict_by;
  json["alpha"] = std::pow(10.0, finding.log10_alpha);
  json["log10_alpha"] = finding.log10_alpha;
  json["family"] = finding.family;
  if (!refused) {
    json["log10_p"] = finding.log10_p;
    if (finding.family > 1) json["log10_p_family"] = finding.log10_p_family;
    if (finding.boundary) json["boundary"] = 1;
    // Looks have their factors in log10_p; of fixed tests at a planned size no other look is allowed for.
    if (!finding.tests.empty() && finding.tests[finding.deciding].status == TrialStatus::kAnytime) json["log10_p_anytime"] = finding.log10_p;
  }
  json["law_status"] = std::any_of(finding.tests.begin(), finding.tests.end(), [](const SuspectTest& test) { return test.share > 0 && test.status != TrialStatus::kExact; }) ? "bound" : "exact";
  json["scheme"] = finding.scheme;
  json["scheme_id"] = Hex(finding.scheme_id);
  json["profile"] = Hex(finding.profile_digest);
  json["plan_sha256"] = Hex(finding.plan_digest);
  json["corpus_sha256"] = Hex(finding.corpus_digest);
  json["planned"] = finding.planned;
  json["rule"] = finding.reading ? "first" : "tuple";
  json["strict"] = finding.strict ? 1 : 0;
  const Counts& counts = finding.counts;
  // Tuples of the deciding layer are the rows of the test that counts each once.
  uint64_t own = counts.scored;
  for (const SuspectTest& test : finding.tests) {
    const SuspectTest& decides = finding.tests[finding.deciding];
    if (!refused && !test.filtered && test.name == "distinct" && test.layer == decides.layer && test.label == decides.label) own = std::min(own, test.scored);
  }
  json["counts"] = {{"tokens", counts.tokens}, {"short", counts.short_}, {"special", counts.special}, {"prompt", finding.prompt_positions},
                    {"repeated", counts.repeated}, {"duplicate", counts.duplicate}, {"scored", own}, {"other_layer", counts.scored - own}};
  if (!refused && !finding.tests.empty()) {
    const SuspectTest& test = finding.tests[finding.deciding];
    json["statistic"] = {{"law", test.status == TrialStatus::kAnytime ? "process" : "weighted"}, {"n", test.scored}, {"s", Decimal(test.outcome.statistic)}};
    json["layers"] = {{{"layer", LayerName(test.layer)}, {"kid", test.kid}, {"n", test.scored}, {"s", Decimal(test.outcome.statistic)}, {"log10_p", test.outcome.log10_p}}};
    if (!test.label.empty()) json["layers"][0]["account"] = test.label;
  }
  json["power"] = {{"effect", finding.effect}, {"at_this_length", finding.power}};
  const RecordTallies& tallies = finding.tallies;
  json["answers"] = {{"records", finding.records}, {"tokens", tallies.tokens}, {"other_model", tallies.other_model}, {"same_again", tallies.again},
                     {"without_lists", tallies.without_lists}, {"positions_with_list", tallies.listed}, {"unaligned", tallies.unaligned},
                     {"unstable_boundary", tallies.unstable}, {"too_little_shared", tallies.too_little_shared}, {"coverage", tallies.coverage()}};
  json["share_of_windows_kept"] = finding.share_kept;
  if (!finding.looks.empty()) {
    json["looks"] = OrderedJson::array();
    for (const SuspectFinding::Look& look : finding.looks) {
      OrderedJson row = {{"look", look.number}, {"tokens", look.tokens}};
      if (!refused) row["log10_p"] = look.log10_p;
      json["looks"].push_back(std::move(row));
    }
    json["tokens_behind_the_last_look"] = finding.tokens_behind_looks;
  }
  json["tests"] = OrderedJson::array();
  for (const SuspectTest& test : finding.tests) json["tests"].push_back(TestJson(test, refused));
  json["controls"] = OrderedJson::array();
  for (const ControlRow& row : finding.controls) {
    json["controls"].push_back({{"name", row.name}, {"subject", row.subject}, {"state", ControlStateName(row.state)}, {"text", row.text}});
  }
  json["deviations"] = finding.deviations;
  json["references"] = OrderedJson::array();
  for (const ReferenceRow& row : finding.references) {
    json["references"].push_back({{"name", row.name}, {"kind", row.kind}, {"not_after", row.not_after}, {"stated_free", row.stated_free ? 1 : 0},
                                  {"model_sha256", row.model_sha256 ? Hex(*row.model_sha256) : ""}});
  }
  if (!refused) {
    json["sensitivity"] = OrderedJson::array();
    for (const SensitivityRow& row : finding.sensitivity) {
      json["sensitivity"].push_back({{"what", row.what}, {"test", row.test}, {"scored", row.scored}, {"log10_p", row.log10_p}});
    }
  }
  json["warnings"] = OrderedJson::array();
  for (const Warning& warning : finding.warnings) json["warnings"].push_back({{"code", warning.code}, {"count", warning.count}, {"text", warning.text}});
  return json;
}

// As a value of E2: real numbers are strings, log10 p and its like of four places, rounded towards less evidence.
Json Canonical(const std::string& name, const OrderedJson& value) {
  if (value.is_object()) {
    Json::Object members;
    for (const auto& [member, inner] : value.items()) members.emplace_back(member, Canonical(member, inner));
    return Json::FromMembers(std::move(members));
  }
  if (value.is_array()) {
    Json::Array array;
    for (const OrderedJson& inner : value) array.push_back(Canonical(name, inner));
    return array;
  }
  if (value.is_number_float()) {
    if (name.starts_with("log10_p")) return FourPlacesUp(value.get<double>());
    return value.dump();
  }
  if (value.is_number()) return static_cast<int64_t>(std::min<uint64_t>(value.get<uint64_t>(), static_cast<uint64_t>(Json::kMaxInteger)));
  return RepairedUtf8(value.get<std::string>());
}

}  // namespace

std::string_view SuspectVerdictName(SuspectVerdict verdict) {
  static constexpr std::string_view kNames[] = {"detected", "not_detected", "inconclusive", "refused"};
  return kNames[static_cast<size_t>(verdict)];
}

std::string_view ControlStateName(ControlRow::State state) {
  static constexpr std::string_view kNames[] = {"passed", "failed", "not_made"};
  return kNames[static_cast<size_t>(state)];
}

// A folder's name need not be UTF-8.
std::string ToJson(const SuspectFinding& finding) { return Build(finding).dump(-1, ' ', false, OrderedJson::error_handler_t::replace); }

std::string FindingFile(const SuspectFinding& finding) { return WriteJson(Canonical("", Build(finding))) + "\n"; }

}  // namespace verdigris::verify
