// Sentences are those of suspect-models.md M14 and of keys-and-evidence.md E7, so that nobody reads more out of a terminal than
// a record would say. A refused finding shows which control failed, and no number of a test.
// Tested by tests/cli/investigate_test.sh.
#include "tools/terminal/investigation_text.h"

#include <cmath>

#include "tools/cli.h"  // PrintReal
#include "tools/terminal/figures.h"
#include "tools/terminal/printable.h"
#include "verify/law.h"
#include "verify/limits.h"

namespace verdigris::tools {
namespace {

using verify::SuspectFinding;
using verify::SuspectTest;
using verify::SuspectVerdict;

std::string TenTo(double log10_p) {
  const std::string places = verify::FourPlacesUp(log10_p);
  return places == "0.0000" ? "1" : "10^" + places;
}

std::string Row(std::string_view label, const std::string& text) {
  std::string out = "  " + std::string(label);
  out.resize(std::max<size_t>(out.size() + 1, 16), ' ');
  return out + text + "\n";
}

std::string LayerWords(const SuspectTest& test) {
  return std::string(LayerName(test.layer)) + " layer" + (test.label.empty() ? "" : " of " + test.label);
}

std::string TestRow(const SuspectTest& test, bool numbers) {
  std::string text = LayerWords(test) + (test.filtered ? ", inside the filter" : "") + ", ";
  text += test.share == 0 ? "printed beside" : std::to_string(test.share) + "/1000 of alpha";
  if (!numbers) return Row(test.name, text);
  text += ": p " + TenTo(test.outcome.log10_p) + " (" + std::string(TrialStatusName(test.status)) + "), " + std::to_string(test.scored) + " scored";
  if (test.line_up) text += ", " + std::to_string(test.line_up->rank.at_least) + " of " + std::to_string(test.line_up->rank.decoys) + " decoys as high";
  if (!test.enough) text += "; too few to decide";
  return Row(test.name, text);
}

// The words of E7 about one test.
std::string Sentence(const SuspectFinding& finding, uint64_t min_scored) {
  const SuspectTest& test = finding.tests[finding.deciding];
  const std::string start = "Test of the " + LayerWords(test) + ", key " + test.kid + ": ";
  switch (finding.verdict) {
    case SuspectVerdict::kDetected: {
      std::string text = start + "if the suspect text were unrelated to this key, a score at least this high would arise with probability at most " +
                         TenTo(finding.log10_p);
      if (finding.family > 1) text += "; " + TenTo(finding.log10_p_family) + " after allowing for " + std::to_string(finding.family) + " keys that could have been tested";
      return text + ". This exceeds the level " + TenTo(finding.log10_alpha) + " fixed in advance.";
    }
    case SuspectVerdict::kNotDetected:
      return start + "the score does not exceed the level fixed in advance. This is no evidence that the suspect is unrelated.";
    case SuspectVerdict::kInconclusive:
      if (!test.enough) return start + "too few scored tuples (" + std::to_string(test.scored) + "; " + std::to_string(min_scored) + " needed). Nothing follows either way.";
      return start + finding.why + ". Nothing follows either way.";
    case SuspectVerdict::kRefused: break;
  }
  return "";
}

std::string DeviationWords(const SuspectFinding& finding) {
  if (finding.deviations.empty()) return "no deviation from it is recorded";
  std::string text = std::to_string(finding.deviations.size()) + (finding.deviations.size() == 1 ? " deviation" : " deviations") + " from it, listed above";
  return finding.decisive_deviation ? text + ", of what decides" : text;
}

// What the reference experiment says of the test that decided: all five students of each kind were found at 10^-6 (worst
// -11.8, -35.4, -86.3; docs/investigating_a_model.md, G1, G2, G5). Empty for a test that it has not shown.
std::string ReferenceExperimentWords(const SuspectFinding& finding) {
  if (finding.tests.empty()) return "";
  const std::string& name = finding.tests[finding.deciding].name;
  const std::string_view size = finding.reading ? (name == "first-scaled" ? "17,600 windows" : "")
                                : name == "residual" ? "205,000 answer tokens" : name == "difference" ? "41,000 answer tokens" : "";
  if (size.empty()) return "";
  return " In the reference experiment this test found 5 of 5 students with 10 % marked data at 10^-6, from " + std::string(size) + " each; other models may differ.";
}

}  // namespace

std::string InvestigationText(const SuspectFinding& finding, uint64_t min_scored, const Palette& palette) {
  const bool refused = finding.verdict == SuspectVerdict::kRefused;
  std::string out;
  for (const std::string& deviation : finding.deviations) out += "deviation: " + Printable(deviation) + "\n";
  const std::string alpha = "at alpha " + TenTo(finding.log10_alpha);
  out += std::string(palette.bold()) + Printable(finding.input) + ", " + Printable(finding.suspect) + ": ";
  switch (finding.verdict) {
    case SuspectVerdict::kDetected: out += "detected " + alpha; break;
    case SuspectVerdict::kNotDetected: out += "not detected " + alpha + "; this is no evidence that the suspect is unrelated"; break;
    case SuspectVerdict::kInconclusive: out += "inconclusive " + alpha + ": " + finding.why; break;
    case SuspectVerdict::kRefused:
      out += "refused:";
      for (size_t i = 0; i < finding.refused_by.size(); ++i) out += (i == 0 ? " " : "; ") + Printable(finding.refused_by[i]);
      out += ". No number of this finding may be quoted";
      break;
  }
  out += std::string(palette.reset()) + "\n";
  if (!refused) {
    out += Row("p", TenTo(finding.log10_p) + " over all tests and looks" + (finding.boundary ? " (on the boundary, so it does not detect)" : ""));
    if (finding.family > 1) out += Row("p family", TenTo(finding.log10_p_family) + " after allowing for " + std::to_string(finding.family) + " keys (decides)");
  }
  for (const SuspectTest& test : finding.tests) out += TestRow(test, !refused);
  for (const SuspectFinding::Look& look : finding.looks) {
    out += Row("look " + std::to_string(look.number), std::to_string(look.tokens) + " answer tokens" + (refused ? "" : ": p " + TenTo(look.log10_p) + ", counted " +
               std::to_string(look.number * (look.number + 1)) + " times"));
  }
  if (finding.tokens_behind_looks > 0) out += Row("not tested", std::to_string(finding.tokens_behind_looks) + " answer tokens behind the last look");
  const verify::RecordTallies& tallies = finding.tallies;
  out += Row(finding.reading ? "texts" : "answers", std::to_string(finding.records) + ", " + std::to_string(finding.counts.tokens) + " tokens" +
             (tallies.again > 0 ? ", " + std::to_string(tallies.again) + " met again" : ""));
  if (tallies.listed + tallies.too_little_shared > 0) {
    out += Row("lists", "at " + std::to_string(tallies.listed) + " positions; coverage " + Percent(tallies.coverage()) + ", " +
                            std::to_string(tallies.too_little_shared) + " with too little shared, " + std::to_string(tallies.unaligned) + " inside a token of the suspect's, " +
                            std::to_string(tallies.unstable) + " at an unsure boundary");
  }
  if (finding.share_kept < 1) out += Row("memory", Percent(finding.share_kept) + " of all windows were kept; z falls by the root of it");
  if (finding.strict) out += Row("strict", finding.prompts_marked ? "prompts carry the mark: windows of all prompts are left out" : "windows of all prompts are left out");
  for (const verify::ControlRow& row : finding.controls) {
    out += Row("control", row.name + (row.subject.empty() ? "" : " (" + Printable(row.subject) + ")") + ": " + std::string(ControlStateName(row.state)) + ", " + Printable(row.text));
  }
  if (!refused) {
    for (const verify::SensitivityRow& row : finding.sensitivity) {
      out += Row("sensitivity", Printable(row.what) + ": " + row.test + ", " + std::to_string(row.scored) + " scored, p " + TenTo(row.log10_p));
    }
    if (!finding.no_sensitivity.empty()) out += Row("sensitivity", "none: " + finding.no_sensitivity);
    if (finding.verdict != SuspectVerdict::kDetected && finding.effect > 0) {
      out += Row("power", Percent(finding.power) + " at the planned effect, z " + PrintReal(std::round(1000 * finding.effect) / 1000) + " at this size");
    }
  }
  for (const verify::Warning& warning : finding.warnings) out += Row("warning", warning.code + " (" + std::to_string(warning.count) + "): " + warning.text);

  const auto paragraph = [&](const std::string& text) { out += "\n" + text + "\n"; };
  if (!refused) {
    std::string text = std::string(finding.reading ? "Predictions" : "Answers") + " were collected under a plan fixed on " + finding.planned + "; " + DeviationWords(finding) + ".";
    if (finding.verdict == SuspectVerdict::kDetected) {
      text += " If the suspect had no access, direct or indirect, to text marked under this key, evidence this strong would arise with probability at most " +
              TenTo(finding.log10_p_family) + ".";
    }
    paragraph(text);
    if (!finding.tests.empty()) {
      paragraph(Sentence(finding, min_scored));
      if (const auto& line_up = finding.tests[finding.deciding].line_up; line_up && line_up->rank.decoys > 0) {
        paragraph(std::to_string(line_up->rank.decoys) + " decoy keys, derived from the text itself, went through the same computation; " +
                  std::to_string(line_up->rank.at_least) + " of them scored as high.");
      }
    }
    paragraph(finding.verdict == SuspectVerdict::kDetected
                  ? std::string("This shows exposure to marked text, not how: own collection, bought data, public reposts and a further model in between leave the same trace.")
                  : "A result below the level is no sign of independence: paraphrase and neutralisation in training or decoding remove the trace (arXiv:2502.11598)." +
                        ReferenceExperimentWords(finding));
  }
  std::string references;
  for (const verify::ReferenceRow& row : finding.references) {
    if (row.kind == "self") continue;
    references += (references.empty() ? "" : ", ") + Printable(row.name) + " (" + (row.not_after.empty() ? "no date" : row.not_after) + (row.stated_free ? ", stated free of it" : "") + ")";
  }
  if (!references.empty()) {
    paragraph("References: " + references + "; they are taken not to have seen text under this key. If one had, the result would not hold.");
  }
  out += "\n";
  for (size_t i = 0; i < std::size(verify::kLimits); ++i) out += std::to_string(i + 1) + ". " + std::string(verify::kLimits[i]) + "\n";
  return out;
}

}  // namespace verdigris::tools
