// verdigris schemes: the table of schemes as this build has it. Tested by tests/cli/schemes.sh.
#include "tools/verbs.h"
#include "watermark/schemes.h"

namespace verdigris::tools {
namespace {

Command Add(CLI::App&) {
  return [](Context& context) -> Result<ExitCode> {
    for (const Scheme* scheme : Schemes()) {
      context.out.Write(std::string(scheme->name) + "\n  " + std::string(scheme->summary) + "\n  paper: " + std::string(scheme->paper) +
                        "\n  mean over keys: " + (scheme->unbiased ? "unchanged" : "changed, at a known price") + "\n");
      for (const ParamSpec& spec : scheme->params) {
        context.out.Write("  " + std::string(spec.name) + ": " + std::to_string(spec.min) + " to " + std::to_string(spec.max) +
                          ", default " + std::to_string(spec.default_value) + "\n");
      }
    }
    return kExitYes;
  };
}

}  // namespace

const Verb kSchemes = {"schemes", "lists the schemes, their papers and parameters", "", "verdigris schemes", false, Add};

}  // namespace verdigris::tools
