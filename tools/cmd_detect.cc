// verdigris detect: whether texts carry the mark of these keys. Tested by tests/cli/detect_*.sh.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tools/judgement.h"
#include "tools/terminal/figures.h"
#include "tools/terminal/finding_text.h"
#include "tools/terminal/message.h"
#include "tools/terminal/progress.h"
#include "tools/verbs.h"
#include "tools/watch.h"
#include "verify/file.h"
#include "verify/text/token_ids.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMaxIdBytes = size_t{64} << 20;

struct Options {
  JudgeArguments judge;
  std::string ids, colour = "auto";
  bool json = false, trace = false, watch = false;
};

constexpr double kManyChanged = 0.01;  // share of characters from which normalising is hinted at

void PrintTrace(std::span<const verify::Token> tokens, const std::vector<verify::TokenState>& states, Output& out) {
  for (size_t i = 0; i < states.size() && !out.lost(); ++i) {
    const verify::Token& token = tokens[i];
    nlohmann::ordered_json line = {{"index", i},
                                   {"id", token.id},
                                   {"bytes", {token.begin, token.end}},
                                   {"layer", LayerName(states[i].layer)},
                                   {"state", verify::TokenStateName(states[i].kind)},
                                   {"score", states[i].score}};
    out.Write(line.dump() + "\n");
  }
}

void PrintJudged(const Judged& judged, const Options& options, const Palette& palette, Output& out, Outcome& outcome) {
  for (size_t i = 0; i < judged.results.findings.size(); ++i) {
    const verify::Finding& finding = judged.results.findings[i];
    if (options.trace) PrintTrace(judged.tokens_of(i), judged.results.traces[i], out);
    out.Write(options.json ? verify::ToJson(finding) + "\n" : FindingText(finding, palette));
    outcome.detected |= finding.verdict == verify::Verdict::kDetected;
    outcome.inconclusive |= finding.verdict == verify::Verdict::kInconclusive;
  }
}

// All texts of one input; a text that cannot be used ends it.
Result<void> JudgeInput(const Judge& judge, const Options& options, const Palette& palette, const std::string& path, Output& out,
                        Outcome& outcome) {
  if (options.ids.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string document, verify::ReadFile(path, verify::kMaxDocumentBytes));
    VERDIGRIS_ASSIGN_OR_RETURN(const Judged judged, JudgeDocument(judge, path, document));
    if (judged.changed > kManyChanged && !judge.both_variants) {
      PrintHint((path == "-" ? "standard input" : path) + ": normalising would change " + Percent(judged.changed) +
                " of the characters; --variants as-is,normalised tests it that way too");
    }
    PrintJudged(judged, options, palette, out, outcome);
    return {};
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::IdForm form, verify::ParseIdForm(options.ids));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(path, kMaxIdBytes));
  auto texts = verify::ParseTokenIds(bytes, form);
  if (!texts) return InFile(path, texts.error());
  for (size_t i = 0; i < texts->size() && !out.lost(); ++i) {
    const std::string name = form == verify::IdForm::kJson ? path + ":" + std::to_string(i + 1) : path;
    VERDIGRIS_ASSIGN_OR_RETURN(const Judged judged, JudgeIds(judge, name, (*texts)[i]));
    PrintJudged(judged, options, palette, out, outcome);
  }
  return {};
}

Result<ExitCode> Detect(const Options& options, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const ColourMode colour, ParseColourMode(options.colour));
  if (!options.ids.empty()) VERDIGRIS_RETURN_IF_ERROR(verify::ParseIdForm(options.ids));
  if (options.watch) {
    if (options.ids != "text" || options.trace || !options.judge.proxy.empty() || !options.judge.stop_list.empty() || (!context.files.empty() && context.files != std::vector<std::string>{"-"})) {
      return Fail(ErrorKind::kInvalidArgument, "--watch reads token ids from standard input: give --ids text, no file, --trace, --proxy or --stop-list");
    }
    VERDIGRIS_ASSIGN_OR_RETURN(const Judge judge, MakeJudge(options.judge, /*needs_tokenizer=*/false, context.hint));
    return Watch(judge, STDIN_FILENO, options.json, context);
  }
  std::vector<std::string> inputs = context.files;
  if (inputs.empty()) {
    if (::isatty(STDIN_FILENO) == 1) return Fail(ErrorKind::kInvalidArgument, "no input: name a file, or - for standard input");
    inputs.push_back("-");
  }
  VERDIGRIS_ASSIGN_OR_RETURN(Judge judge, MakeJudge(options.judge, options.ids.empty(), context.hint));
  judge.traces = options.trace;
  const Palette palette{!options.json && UseColour(colour)};
  Progress progress("inputs", inputs.size());
  Outcome outcome;
  for (size_t i = 0; i < inputs.size() && !context.out.lost(); ++i) {
    if (auto judged = JudgeInput(judge, options, palette, inputs[i], context.out, outcome); !judged) {
      PrintError(judged.error());
      if (judged.error().kind == ErrorKind::kLimit && options.ids.empty()) PrintHint("split the text into parts of at most 16 MiB, such as split -C 16M FILE");
      outcome.failed = true;
    }
    progress.Update(i + 1);
  }
  return outcome.code();
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddJudgeOptions(app, options->judge);
  app.add_option("--ids", options->ids, "inputs are token ids, not text")->type_name("text|json|u16|u32");
  app.add_flag("--json", options->json, "one JSON document a finding, a line each");
  app.add_flag("--watch", options->watch, "ids as they come on standard input; stops at alpha");
  app.add_flag("--trace", options->trace, "first a JSON line for each token");
  app.add_option("--color", options->colour, "colour (auto)")->type_name("auto|always|never");
  return [options](Context& context) { return Detect(*options, context); };
}

}  // namespace

const Verb kDetect = {"detect",
                      "tests whether texts carry the mark of these keys",
                      "--profile FILE --key FILE [options] [FILE...|-]",
                      "verdigris detect --profile profile.json --key provider.key answer.txt",
                      true,
                      Add,
                      "exit status: 0 detected, 1 not detected, 5 too little text, 3 an input failed"};

}  // namespace verdigris::tools
