// verdigris show: a text with its tokens coloured by what they score, how the evidence grows, and the finding: on the terminal,
// or as a page. Tested by tests/cli/show*.sh and tests/report/browser_test.py.
#include "tools/judgement.h"
#include "tools/terminal/finding_text.h"
#include "tools/terminal/token_view.h"
#include "tools/verbs.h"
#include "tools/write_key.h"  // AsWriteError
#include "verify/file.h"
#include "verify/report/text_page.h"

namespace verdigris::tools {
namespace {

struct Options {
  JudgeArguments judge;
  std::string colour = "auto", html;
};

Result<ExitCode> WritePage(const std::string& path, std::string_view document, const Judged& judged) {
  auto file = verify::AtomicFile::Create(path);
  if (!file) return AsWriteError(file.error());
  verify::JudgedText text{document, {}};
  for (size_t i = 0; i < judged.results.findings.size(); ++i) text.results.push_back({&judged.results.findings[i], judged.tokens_of(i), judged.results.traces[i]});
  verify::WriteTextPage(text, [&](std::string_view bytes) { file->Write(bytes); });
  if (auto written = file->Commit(); !written) return AsWriteError(written.error());
  return kExitYes;
}

Result<ExitCode> Show(const Options& options, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const ColourMode colour, ParseColourMode(options.colour));
  if (context.files.size() != 1) return Fail(ErrorKind::kInvalidArgument, "one file is needed, got " + std::to_string(context.files.size()));
  const std::string& path = context.files.front();
  VERDIGRIS_ASSIGN_OR_RETURN(Judge judge, MakeJudge(options.judge, /*needs_tokenizer=*/true, context.hint));
  judge.traces = true;
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string document, verify::ReadFile(path, verify::kMaxDocumentBytes));
  VERDIGRIS_ASSIGN_OR_RETURN(const Judged judged, JudgeDocument(judge, path, document));
  if (!options.html.empty()) return WritePage(options.html, document, judged);
  const Palette palette{UseColour(colour)};
  for (size_t i = 0; i < judged.results.findings.size(); ++i) {
    const verify::Finding& finding = judged.results.findings[i];
    const std::vector<verify::TokenState>& states = judged.results.traces[i];
    PrintTokens(document, judged.tokens_of(i), states, finding.law, palette, context.out);
    PrintEvidence(states, finding, palette, context.out);
    context.out.Write("\n" + FindingText(finding, palette));
  }
  return kExitYes;
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddJudgeOptions(app, options->judge);
  app.add_option("--color", options->colour, "colour (auto)")->type_name("auto|always|never");
  app.add_option("--html", options->html, "write a page of its own instead")->type_name("OUT");
  return [options](Context& context) { return Show(*options, context); };
}

}  // namespace

const Verb kShow = {"show",
                    "shows a text, its tokens coloured by their score",
                    "--profile FILE --key FILE [options] FILE",
                    "verdigris show --profile profile.json --key provider.key answer.txt",
                    true,
                    Add};

}  // namespace verdigris::tools
