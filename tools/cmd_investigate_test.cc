// verdigris investigate test: the verdict over a suspect model. Tested by tests/cli/investigate_test*.sh.
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "tools/investigate.h"
#include "tools/investigation_case.h"
#include "tools/terminal/investigation_text.h"
#include "tools/verbs.h"
#include "tools/write_key.h"
#include "verify/file.h"

namespace verdigris::tools {
namespace {

struct Options {
  CaseArguments arguments;
  std::string decoys, deviate, colour = "auto";
  bool json = false;
};

ExitCode ExitOf(verify::SuspectVerdict verdict) {
  switch (verdict) {
    case verify::SuspectVerdict::kDetected: return kExitYes;
    case verify::SuspectVerdict::kNotDetected:
    case verify::SuspectVerdict::kRefused: return kExitNo;
    case verify::SuspectVerdict::kInconclusive: break;
  }
  return kExitUndecided;
}

Result<ExitCode> Test(const Options& options, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const ColourMode colour, ParseColourMode(options.colour));
  if (context.files.size() != 1) return Fail(ErrorKind::kInvalidArgument, "test needs one folder, that of investigate plan");
  std::optional<uint32_t> decoys;
  if (!options.decoys.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t count, ParseInteger("--decoys", options.decoys, 0, verify::kMostDecoys));
    decoys = static_cast<uint32_t>(count);
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const auto opened, OpenToWork(context.files.front(), options.deviate, context));
  if (!opened) return kExitNo;
  const verify::InvestigationFiles& files = opened->files;
  VERDIGRIS_ASSIGN_OR_RETURN(const auto loaded, LoadCase(options.arguments, files, context.hint));
  loaded->inputs.decoys = decoys;
  loaded->inputs.evidence_folder = files.Path("evidence");
  if (::mkdir(loaded->inputs.evidence_folder.c_str(), 0777) != 0 && errno != EEXIST) {
    return Fail(ErrorKind::kIo, loaded->inputs.evidence_folder + ": " + std::generic_category().message(errno));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(verify::SuspectFinding finding, verify::JudgeInvestigation(loaded->inputs));
  finding.warnings.insert(finding.warnings.begin(), loaded->warnings.begin(), loaded->warnings.end());
  if (auto written = verify::WriteFileAtomic(files.Path("finding.json"), verify::FindingFile(finding)); !written) return AsWriteError(written.error());
  context.out.Write(options.json ? verify::ToJson(finding) + "\n" : InvestigationText(finding, files.plan->min_scored, Palette{UseColour(colour)}));
  return ExitOf(finding.verdict);
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--profile", options->arguments.profile, "profile of the mark")->type_name("FILE")->required();
  app.add_option("--tokenizer", options->arguments.tokenizer, "tokenizer, if not beside the profile")->type_name("FILE");
  app.add_flag("--allow-tokenizer-mismatch", options->arguments.allow_tokenizer_mismatch, "take a tokenizer of another digest");
  AddCaseOptions(app, options->arguments);
  app.get_option("--key")->required();
  app.add_option("--decoys", options->decoys, "other than planned: a deviation")->type_name("N");
  AddDeviateOption(app, options->deviate);
  app.add_flag("--json", options->json, "one JSON document");
  app.add_option("--color", options->colour, "colour (auto)")->type_name("auto|always|never");
  return [options](Context& context) { return Test(*options, context); };
}

}  // namespace

const Verb kInvestigateTest = {"investigate test",
                               "the verdict over a suspect model",
                               "--profile FILE --key FILE [options] DIR",
                               "verdigris investigate test --profile p.json --key provider.key \\\n"
                               "  --reference T=teacher.jsonl --stated-free T case",
                               true,
                               Add,
                               "exit status: 0 detected, 1 not or refused, 5 inconclusive, 3 an input failed"};

}  // namespace verdigris::tools
