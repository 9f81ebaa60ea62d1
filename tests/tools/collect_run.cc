// The collector with its waits shortened, for collect_test.py:
//
//     collect_run DIR PROFILE TOKENIZER WAIT_SCALE IDLE_MS [OUTCOME...]
//
// A whole reply may take four times IDLE_MS. OUTCOMEs are what the looks say, in order. Prints `NAME VALUE` lines.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tools/collect/collector.h"
#include "tools/inputs.h"
#include "tools/investigate.h"
#include "tools/terminal/message.h"

using namespace verdigris;
using namespace verdigris::tools;

namespace {

Result<int> Main(const std::vector<std::string>& arguments) {
  Context context;
  if (arguments.size() < 5) return Fail(ErrorKind::kInvalidArgument, "five arguments are needed");
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(arguments[1]));
  VERDIGRIS_ASSIGN_OR_RETURN(const auto tokenizer, LoadTokenizer(arguments[2]));
  VERDIGRIS_ASSIGN_OR_RETURN(auto opened, OpenToWork(arguments[0], "", context));
  if (!opened) return 1;
  CollectOptions options;
  options.wait_scale = std::atof(arguments[3].c_str());
  options.http.idle = std::chrono::milliseconds(std::atoi(arguments[4].c_str()));
  options.http.whole = 4 * options.http.idle;
  size_t next = 5;
  options.judge = [&](const verify::InvestigationFiles&, const LookPoint& look) -> Result<LookOutcome> {
    std::printf("look %s %llu %llu\n", look.kind == LookPoint::Kind::kLook ? "look" : "futility", static_cast<unsigned long long>(look.tokens),
                static_cast<unsigned long long>(look.lines));
    const std::string outcome = next < arguments.size() ? arguments[next++] : "continue";
    return outcome == "detected" ? LookOutcome::kDetected : outcome == "futile" ? LookOutcome::kFutile : outcome == "pause" ? LookOutcome::kPause : LookOutcome::kContinue;
  };
  VERDIGRIS_ASSIGN_OR_RETURN(const CollectSummary summary, Collect(opened->files, std::move(opened->log), profile, *tokenizer, options));
  std::printf("end %s %s\nrequests %llu\nfailed %llu\nleft %llu\nlists %s\n", std::string(EndName(summary.end)).c_str(), summary.budget.c_str(),
              static_cast<unsigned long long>(summary.requests_all), static_cast<unsigned long long>(summary.failed),
              static_cast<unsigned long long>(summary.left), summary.lists.c_str());
  if (summary.stop) return Unexpected(*summary.stop);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto code = Main({argv + 1, argv + argc});
  if (code) return *code;
  PrintError(code.error());
  return ExitCodeOf(code.error().kind);
}
