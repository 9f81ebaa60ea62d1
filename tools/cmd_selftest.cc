// verdigris selftest: known answers, one line each. Tested by tests/cli/selftest.sh.
#include "tools/known_answers.h"
#include "tools/verbs.h"

namespace verdigris::tools {
namespace {

Command Add(CLI::App&) {
  return [](Context& context) -> Result<ExitCode> {
    ExitCode code = kExitYes;
    for (const KnownAnswer& answer : KnownAnswers()) {
      const bool holds = answer.holds();
      context.out.Write(std::string(holds ? "ok    " : "FAIL  ") + answer.name + "\n");
      if (!holds) code = kExitNo;
    }
    return code;
  };
}

}  // namespace

const Verb kSelftest = {"selftest", "checks this build against known answers", "", "verdigris selftest", false, Add};

}  // namespace verdigris::tools
