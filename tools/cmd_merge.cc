// verdigris merge: the units of any number of scans and engines into one result (corpus.md C9). Tested by tests/cli/merge*.sh.
#include <algorithm>

#include "tools/inputs.h"
#include "tools/scan_view.h"
#include "tools/terminal/message.h"
#include "tools/verbs.h"
#include "verify/corpus/merge.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMostPrintedMissing = 20;

struct Options {
  std::string output, missing, baseline, alpha, control, family = "1", calibration;
  std::vector<std::string> rows;
  bool partial = false, exit_code = false, json = false;
};

Result<ExitCode> Merge(const Options& options, Context& context) {
  if (context.files.empty() && options.rows.empty()) return Usage("no source: name the directories of runs, or --rows of an engine");
  verify::MergeOptions merge;
  merge.directories = context.files;
  merge.rows = options.rows;
  merge.output = options.output;
  merge.partial = options.partial;
  merge.missing = options.missing;
  merge.baseline = options.baseline;
  if (!options.alpha.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const double alpha, ParseReal("--alpha", options.alpha));
    if (!(alpha >= 1e-300 && alpha < 1)) return Usage("--alpha must be in [1e-300,1), got " + Shown(options.alpha));
    merge.alpha_log10_e4 = std::min<int64_t>(verify::AlphaLog10E4(alpha), -1);
  }
  if (!options.control.empty()) {
    merge.control = verify::ParseControl(options.control);
    if (!merge.control) return Usage("--control must be bh, by, ebh, holm or none, got " + Shown(options.control));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(merge.family, ParseInteger("--family", options.family, 1, 1'000'000));
  if (!options.calibration.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(merge.calibration, LoadCalibration(options.calibration));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::Merged merged, verify::MergeCorpus(merge));
  for (size_t i = 0; i < std::min(merged.missing.size(), kMostPrintedMissing); ++i) PrintNote("missing: " + verify::UnitJson(merged.missing[i]));
  if (merged.missing_count > kMostPrintedMissing) {
    PrintNote("missing: " + std::to_string(merged.missing_count - kMostPrintedMissing) + " more (--missing FILE lists them)");
  }
  if (!merged.written) {
    context.hint = "`verdigris scan` goes on where it stopped; --partial writes results without the missing units";
    return Fail(ErrorKind::kMismatch, std::to_string(merged.missing_count) + " units are missing, nothing was written");
  }
  context.out.Write(options.json ? ToJson(merged.summary) : SummaryText(merged.summary, options.output));
  if (merged.missing_count > 0) return kExitInput;
  return options.exit_code && merged.new_findings > 0 ? kExitNo : kExitYes;
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("-o,--output", options->output, "folder for the results; may be a source")->type_name("DIR")->required();
  app.add_option("--rows", options->rows, "units that an engine stored: JSON lines or Parquet, file or folder")->type_name("PATH")->allow_extra_args(false);
  app.add_flag("--partial", options->partial, "write results although units are missing");
  app.add_option("--missing", options->missing, "file to list the missing units in")->type_name("FILE");
  app.add_option("--alpha", options->alpha, "level of the findings (that of the run)")->type_name("P");
  app.add_option("--control", options->control, "of what: bh, by, ebh, holm or none (that of the run)")->type_name("NAME");
  app.add_option("--family", options->family, "runs that this one was chosen among: m times N")->type_name("N");
  app.add_option("--calibration", options->calibration, "that the keys come out of: counts them, refuses its corpus")->type_name("FILE");
  app.add_option("--baseline", options->baseline, "earlier results.jsonl: its findings are known")->type_name("FILE");
  app.add_flag("--exit-code", options->exit_code, "end with 1 where there are new findings");
  app.add_flag("--json", options->json, "print the summary as JSON");
  return [options](Context& context) { return Merge(*options, context); };
}

}  // namespace

const Verb kMerge = {"merge",
                     "puts the units of scans together: findings, evidence root",
                     "DIR... -o DIR [options]",
                     "verdigris merge run-a/ run-b/ -o results/",
                     true,
                     Add,
                     "Any order and any repetition give the same; two contents of one unit end with 4.\n"
                     "With --rows alone, run.json and units.jsonl are those of -o."};

}  // namespace verdigris::tools
