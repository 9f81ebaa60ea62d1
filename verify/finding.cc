// Members in the order of command-line.md L4. Tested by tests/verify/finding_test.cc and tests/cli/detect_*.sh.
#include "verify/finding.h"

#include <nlohmann/json.hpp>

namespace verdigris::verify {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string_view RuleName(Rule rule) { return rule == Rule::kFirst ? "first" : "tuple"; }

OrderedJson CountsJson(const Counts& counts) {
  return {{"tokens", counts.tokens},       {"short", counts.short_},       {"special", counts.special},
          {"repeated", counts.repeated},   {"duplicate", counts.duplicate}, {"scored", counts.scored},
          {"other_layer", counts.other_layer}};
}

std::string GammaText(const NullLaw& law) { return std::to_string(law.numerator) + "/" + std::to_string(law.denominator); }

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDetected: return "detected";
    case Verdict::kNotDetected: return "not_detected";
    case Verdict::kInconclusive: return "inconclusive";
  }
  return "";
}

std::string ToJson(const Finding& finding) {
  OrderedJson json;
  json["schema"] = "verdigris.finding/1";
  json["input"] = finding.input;
  json["verdict"] = VerdictName(finding.verdict);
  json["verdict_by"] = finding.verdict_by;
  json["alpha"] = finding.alpha;
  json["log10_p"] = finding.log10_p;
  json["log10_p_anytime"] = finding.log10_p_anytime;
  if (finding.log10_p_family) json["log10_p_family"] = *finding.log10_p_family;
  if (finding.boundary) json["boundary"] = true;
  json["law_status"] = "exact";
  json["scheme"] = finding.scheme;
  json["scheme_id"] = Hex(finding.scheme_id);
  json["profile"] = Hex(finding.profile_digest);
  json["rule"] = RuleName(finding.rule);
  json["counts"] = CountsJson(finding.counts);
  json["statistic"] = {{"law", "bernoulli"}, {"gamma", GammaText(finding.law)}, {"n", finding.n}, {"s", DecimalText(finding.statistic)}};
  json["layers"] = OrderedJson::array();
  for (const LayerResult& layer : finding.layers) {
    OrderedJson row = {{"layer", LayerName(layer.layer)}, {"kid", layer.kid}};
    if (!layer.account.empty()) row["account"] = layer.account;
    row["n"] = layer.n;
    row["s"] = DecimalText(layer.statistic);
    row["log10_p"] = layer.log10_p;
    json["layers"].push_back(std::move(row));
  }
  json["smallest_attainable_log10_p"] = finding.smallest_attainable_log10_p;
  json["power"] = {{"effect", finding.power.effect}, {"at_this_length", finding.power.at_this_length}};
  if (finding.power.tokens_needed) json["power"]["tokens_needed"] = *finding.power.tokens_needed;
  json["warnings"] = OrderedJson::array();
  for (const Warning& warning : finding.warnings) {
    json["warnings"].push_back({{"code", warning.code}, {"count", warning.count}, {"text", warning.text}});
  }
  // A file name need not be UTF-8.
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace verdigris::verify
