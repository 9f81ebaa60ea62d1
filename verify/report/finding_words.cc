// The words follow those of a report (keys-and-evidence.md E7), so that nobody reads more out of a terminal or a page than a
// record would say: a detection names the chance of such a score without relation, and what does not detect is shown with what
// the test was worth. Tested by tests/cli/detect_*.sh.
#include "verify/report/finding_words.h"

#include "verify/law.h"
#include "verify/report/figures.h"
#include "verify/variants.h"  // kNormalised

namespace verdigris::verify {
namespace {

std::string VerdictWords(const Finding& finding) {
  const std::string alpha = PrintReal(finding.alpha);
  switch (finding.verdict) {
    case Verdict::kDetected: return "detected at alpha " + alpha;
    case Verdict::kNotDetected: return "not detected at alpha " + alpha + "; this is no evidence that the text is unrelated";
    case Verdict::kInconclusive: break;
  }
  if (finding.n == 0) return "inconclusive: no token could be scored, so nothing follows either way";
  return "inconclusive at alpha " + alpha + ": too little text, so nothing follows either way";
}

std::string ChanceRow(const Finding& finding, std::string_view member, std::string_view words, double log10_p) {
  std::string text = TenTo(log10_p) + " " + std::string(words);
  if (finding.verdict_by == member) text += finding.boundary ? " (decides; on the boundary, so it does not detect)" : " (decides)";
  return text;
}

std::string CountsText(const Counts& counts) {
  std::string text = std::to_string(counts.scored) + " of " + std::to_string(counts.tokens) + " scored";
  const std::pair<uint64_t, const char*> others[] = {{counts.short_, "at the start"},  {counts.special, "beside special tokens"},
                                                     {counts.repeated, "repeated"},    {counts.duplicate, "duplicate"},
                                                     {counts.other_layer, "of the other layer"}};
  const char* separator = "; not: ";
  for (const auto& [count, name] : others) {
    if (count == 0) continue;
    text += separator + std::to_string(count) + " " + name;
    separator = ", ";
  }
  return text;
}

}  // namespace

FindingWords WordsOf(const Finding& finding) {
  FindingWords words{VerdictWords(finding), {}};
  const auto row = [&](std::string_view label, std::string text) { words.rows.emplace_back(label, std::move(text)); };
  row("p", ChanceRow(finding, "log10_p", "that an unrelated text scores as high", finding.log10_p));
  row("p anytime", ChanceRow(finding, "log10_p_anytime", "however often one looked", finding.log10_p_anytime));
  if (finding.localized) {
    row("p located", ChanceRow(finding, "localized.log10_p", "that no part of it is marked", finding.localized->log10_p));
    for (const MarkedSegment& segment : finding.localized->segments) {
      std::string text = "tokens " + std::to_string(segment.first) + " to " + std::to_string(segment.last - 1);
      if (segment.bytes) text += ", bytes " + std::to_string((*segment.bytes)[0]) + " to " + std::to_string((*segment.bytes)[1]);
      row("marked", text + ": p " + TenTo(segment.log10_p));
    }
  }
  if (finding.proxy) {
    row("p proxy", ChanceRow(finding, "proxy.log10_p", "weighing " + std::to_string(finding.proxy->weighed) + " tokens by a model", finding.proxy->log10_p));
  }
  if (finding.log10_p_combined && finding.verdict_by == "log10_p_combined") {
    row("p combined", ChanceRow(finding, "log10_p_combined", "twice the smaller of p and p located", *finding.log10_p_combined));
  }
  if (finding.log10_p_family) {
    const std::string tried = finding.variant.empty() ? "keys" : "keys and variants";
    row("p family", ChanceRow(finding, "log10_p_family", "after allowing for all " + tried + " tried", *finding.log10_p_family));
  }
  if (finding.decoys) {
    row("decoys", std::to_string(finding.decoys->at_least) + " of " + std::to_string(finding.decoys->decoys) +
                             " keys that nobody used score as high: p " + TenTo(finding.decoys->Log10P()) + ", the least that so many can show " +
                             TenTo(finding.decoys->Log10Floor()));
  }
  for (const LayerResult& layer : finding.layers) {
    std::string text = layer.kid + ", " + std::string(LayerName(layer.layer)) + " layer";
    if (!layer.account.empty()) text += " of " + layer.account;
    if (finding.layers.size() > 1) text += ": " + DecimalText(layer.statistic) + " of " + std::to_string(layer.n) + ", p " + TenTo(layer.log10_p);
    row("key", text);
  }
  if (!finding.variant.empty()) row("variant", finding.variant == kNormalised ? "normalised: without hidden edits" : finding.variant);
  row("tokens", CountsText(finding.counts));
  if (finding.stop_list) row("stop list", Hex(*finding.stop_list).substr(0, 16) + "...: its tuples count as special");
  if (finding.n > 0) {
    const double n = static_cast<double>(finding.n);
    const double mean = static_cast<double>(finding.statistic) / n, by_chance = MeanScore(finding.law);
    switch (finding.law.kind) {
      case NullLaw::Kind::kBernoulli:
        row(finding.scheme, DecimalText(finding.statistic) + " of " + std::to_string(finding.n) + ", " + Percent(mean) +
                                       "; by chance " + Percent(by_chance));
        break;
      case NullLaw::Kind::kGamma:
        row(finding.scheme, Places(mean / by_chance) + " nats of surprise a token; by chance 1.000");
        break;
      case NullLaw::Kind::kTwoBernoulli:
        row(finding.scheme, Places(mean) + " points a token; by chance " + Places(by_chance));
        break;
    }
  }
  if (finding.verdict != Verdict::kDetected) {
    std::string text = Percent(finding.power.at_this_length) + " of marked texts of this length (1.2 bit a token) would be detected";
    if (finding.power.tokens_needed) text += "; 90 % take " + std::to_string(*finding.power.tokens_needed) + " scored tokens";
    row("power", text);
  }
  for (const Warning& warning : finding.warnings) {
    row("warning", warning.code + " (" + std::to_string(warning.count) + "): " + warning.text);
  }
  return words;
}

}  // namespace verdigris::verify
