// The words follow those of a report (keys-and-evidence.md E7), so that nobody reads more out of a terminal than a record
// would say: a detection names the chance of such a score without relation, and what does not detect is printed with what
// the test was worth. Tested by tests/cli/detect_*.sh.
#include "tools/terminal/finding_text.h"

#include <cmath>
#include <cstdio>
#include <utility>

#include "tools/cli.h"  // PrintReal
#include "tools/terminal/figures.h"
#include "tools/terminal/printable.h"
#include "verify/law.h"

namespace verdigris::tools {
namespace {

std::string Places(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

std::string TenTo(double log10_p) {
  const std::string places = verify::FourPlacesUp(log10_p);
  return places == "0.0000" ? "1" : "10^" + places;
}

std::string Row(std::string_view label, const std::string& text) {
  std::string out = "  " + std::string(label);
  out.resize(16, ' ');
  return out + text + "\n";
}

std::string VerdictWords(const verify::Finding& finding) {
  const std::string alpha = PrintReal(finding.alpha);
  switch (finding.verdict) {
    case verify::Verdict::kDetected: return "detected at alpha " + alpha;
    case verify::Verdict::kNotDetected: return "not detected at alpha " + alpha + "; this is no evidence that the text is unrelated";
    case verify::Verdict::kInconclusive: break;
  }
  if (finding.n == 0) return "inconclusive: no token could be scored, so nothing follows either way";
  return "inconclusive at alpha " + alpha + ": too little text, so nothing follows either way";
}

std::string ChanceRow(const verify::Finding& finding, std::string_view member, std::string_view words, double log10_p) {
  std::string text = TenTo(log10_p) + " " + std::string(words);
  if (finding.verdict_by == member) text += finding.boundary ? " (decides; on the boundary, so it does not detect)" : " (decides)";
  return text;
}

std::string CountsText(const verify::Counts& counts) {
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

std::string FindingText(const verify::Finding& finding, const Palette& palette) {
  std::string out(palette.bold());
  out += (finding.input == "-" ? "standard input" : Printable(finding.input)) + ": " + VerdictWords(finding);
  out += palette.reset();
  out += "\n";
  out += Row("p", ChanceRow(finding, "log10_p", "that an unrelated text scores as high", finding.log10_p));
  out += Row("p anytime", ChanceRow(finding, "log10_p_anytime", "however often one looked", finding.log10_p_anytime));
  if (finding.localized) {
    out += Row("p located", ChanceRow(finding, "localized.log10_p", "that no part of it is marked", finding.localized->log10_p));
    for (const verify::MarkedSegment& segment : finding.localized->segments) {
      std::string text = "tokens " + std::to_string(segment.first) + " to " + std::to_string(segment.last - 1);
      if (segment.bytes) text += ", bytes " + std::to_string((*segment.bytes)[0]) + " to " + std::to_string((*segment.bytes)[1]);
      out += Row("marked", text + ": p " + TenTo(segment.log10_p));
    }
  }
  if (finding.proxy) {
    out += Row("p proxy", ChanceRow(finding, "proxy.log10_p", "weighing " + std::to_string(finding.proxy->weighed) + " tokens by a model", finding.proxy->log10_p));
  }
  if (finding.log10_p_combined && finding.verdict_by == "log10_p_combined") {
    out += Row("p combined", ChanceRow(finding, "log10_p_combined", "twice the smaller of p and p located", *finding.log10_p_combined));
  }
  if (finding.log10_p_family) {
    out += Row("p family", ChanceRow(finding, "log10_p_family", "after allowing for all keys tried", *finding.log10_p_family));
  }
  if (finding.decoys) {
    out += Row("decoys", std::to_string(finding.decoys->at_least) + " of " + std::to_string(finding.decoys->decoys) +
                             " keys that nobody used score as high: p " + TenTo(finding.decoys->Log10P()) + ", the least that so many can show " +
                             TenTo(finding.decoys->Log10Floor()));
  }
  for (const verify::LayerResult& layer : finding.layers) {
    std::string text = layer.kid + ", " + std::string(LayerName(layer.layer)) + " layer";
    if (!layer.account.empty()) text += " of " + layer.account;
    if (finding.layers.size() > 1) text += ": " + verify::DecimalText(layer.statistic) + " of " + std::to_string(layer.n) + ", p " + TenTo(layer.log10_p);
    out += Row("key", text);
  }
  out += Row("tokens", CountsText(finding.counts));
  if (finding.stop_list) out += Row("stop list", Hex(*finding.stop_list).substr(0, 16) + "...: its tuples count as special");
  if (finding.n > 0) {
    const double n = static_cast<double>(finding.n);
    const double mean = static_cast<double>(finding.statistic) / n, by_chance = verify::MeanScore(finding.law);
    switch (finding.law.kind) {
      case NullLaw::Kind::kBernoulli:
        out += Row(finding.scheme, verify::DecimalText(finding.statistic) + " of " + std::to_string(finding.n) + ", " + Percent(mean) +
                                       "; by chance " + Percent(by_chance));
        break;
      case NullLaw::Kind::kGamma:
        out += Row(finding.scheme, Places(mean / by_chance) + " nats of surprise a token; by chance 1.000");
        break;
      case NullLaw::Kind::kTwoBernoulli:
        out += Row(finding.scheme, Places(mean) + " points a token; by chance " + Places(by_chance));
        break;
    }
  }
  if (finding.verdict != verify::Verdict::kDetected) {
    std::string text = Percent(finding.power.at_this_length) + " of marked texts of this length (1.2 bit a token) would be detected";
    if (finding.power.tokens_needed) text += "; 90 % take " + std::to_string(*finding.power.tokens_needed) + " scored tokens";
    out += Row("power", text);
  }
  for (const verify::Warning& warning : finding.warnings) {
    out += Row("warning", warning.code + " (" + std::to_string(warning.count) + "): " + warning.text);
  }
  return out + Row("limit", kFirstLimit);
}

}  // namespace verdigris::tools
