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

std::string_view LawStatusName(LawStatus status) { return status == LawStatus::kExact ? "exact" : "bound"; }

OrderedJson StatisticJson(const Finding& finding) {
  const NullLaw& law = finding.law;
  OrderedJson json;
  switch (law.kind) {
    case NullLaw::Kind::kBernoulli:
      json = {{"law", "bernoulli"}, {"gamma", std::to_string(law.numerator) + "/" + std::to_string(law.denominator)}};
      break;
    case NullLaw::Kind::kGamma:
      json = {{"law", "gamma"}};
      break;
    case NullLaw::Kind::kTwoBernoulli:
      json = {{"law", "two-bernoulli"}, {"layers", law.heavy + law.light}};
      break;
  }
  json["n"] = finding.n;
  json["s"] = DecimalText(finding.statistic);
  return json;
}

OrderedJson LocalizedJson(const Localized& localized) {
  OrderedJson json = {{"log10_p", localized.log10_p}, {"segments", OrderedJson::array()}};
  for (const MarkedSegment& segment : localized.segments) {
    OrderedJson row = {{"tokens", {segment.first, segment.last}}};
    if (segment.bytes) row["bytes"] = *segment.bytes;
    row["log10_p"] = segment.log10_p;
    json["segments"].push_back(std::move(row));
  }
  return json;
}

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
  if (finding.localized) json["localized"] = LocalizedJson(*finding.localized);
  if (finding.proxy) {
    const ProxyResult& proxy = *finding.proxy;
    json["proxy"] = {{"log10_p", proxy.log10_p}, {"log10_p_sum", proxy.log10_p_sum}, {"law_status", LawStatusName(proxy.law_status)}, {"log10_p_anytime", proxy.log10_p_anytime},
                     {"log10_e", proxy.log10_e}, {"n", proxy.n}, {"weighed", proxy.weighed}, {"weights", proxy.weight_rule}};
  }
  if (finding.log10_p_combined) json["log10_p_combined"] = *finding.log10_p_combined;
  if (finding.log10_p_family) json["log10_p_family"] = *finding.log10_p_family;
  if (finding.boundary) json["boundary"] = true;
  json["law_status"] = LawStatusName(StatusOf(finding.law));
  json["scheme"] = finding.scheme;
  json["scheme_id"] = Hex(finding.scheme_id);
  json["profile"] = Hex(finding.profile_digest);
  json["rule"] = RuleName(finding.rule);
  if (!finding.variant.empty()) json["variant"] = finding.variant;
  if (finding.stop_list) json["stop_list"] = Hex(*finding.stop_list);
  json["counts"] = CountsJson(finding.counts);
  json["statistic"] = StatisticJson(finding);
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
  if (finding.detectable) json["detectable"] = *finding.detectable;
  if (finding.decoys) {
    json["decoys"] = {{"count", finding.decoys->decoys}, {"at_least", finding.decoys->at_least}, {"log10_p", finding.decoys->Log10P()},
                      {"log10_floor", finding.decoys->Log10Floor()}};
  }
  json["warnings"] = OrderedJson::array();
  for (const Warning& warning : finding.warnings) {
    json["warnings"].push_back({{"code", warning.code}, {"count", warning.count}, {"text", warning.text}});
  }
  // A file name need not be UTF-8.
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace verdigris::verify
