// Tested by tests/cli/investigate_plan.sh and investigate_collect.sh.
#include "tools/investigate.h"

#include <algorithm>

#include "tools/terminal/message.h"
#include "verify/utc_time.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMaxReasonBytes = 1024, kMostNamed = 20;

std::string Named(const std::vector<std::string>& members) {
  std::string out;
  for (size_t i = 0; i < std::min(members.size(), kMostNamed); ++i) out += (i == 0 ? "" : ", ") + members[i];
  if (members.size() > kMostNamed) out += " and " + std::to_string(members.size() - kMostNamed) + " more";
  return out;
}

}  // namespace

void AddDeviateOption(CLI::App& app, std::string& reason) {
  app.add_option("--deviate", reason, "go on with changed files, and record why")->type_name("REASON");
}

Result<std::optional<OpenInvestigation>> OpenToWork(const std::string& folder, const std::string& reason, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(verify::InvestigationLog log, verify::InvestigationLog::Open(folder));
  VERDIGRIS_ASSIGN_OR_RETURN(verify::InvestigationFiles files, verify::ReadInvestigation(folder));
  for (const verify::Deviation& deviation : files.deviations) {
    PrintNote("deviation of " + deviation.time + ": " + deviation.reason + " (" + Named(deviation.changed) + ")");
  }
  if (files.changed.empty()) {
    if (!reason.empty()) return Fail(ErrorKind::kInvalidArgument, "--deviate: nothing differs from the plan");
    return std::optional<OpenInvestigation>({std::move(files), std::move(log)});
  }
  if (reason.empty()) {
    PrintFault("plan", folder + ": changed since it was planned: " + Named(files.changed));
    PrintHint("undo the change, or go on with --deviate REASON, which the finding will name");
    return std::optional<OpenInvestigation>();
  }
  if (reason.size() > kMaxReasonBytes) return Fail(ErrorKind::kInvalidArgument, "--deviate must be at most 1024 bytes");
  if (auto belong = verify::CheckBelong(files.plan, files.investigation, files.prompts); !belong) {
    context.hint = "digests are those of sha256sum; tests, stopping and looks stand in both files";
    return Unexpected(belong.error());
  }
  VERDIGRIS_RETURN_IF_ERROR(log.Append(verify::WriteDeviation(files, verify::UtcNow(), reason)));
  PrintNote("deviation recorded: " + Named(files.changed));
  VERDIGRIS_ASSIGN_OR_RETURN(files, verify::ReadInvestigation(folder));
  return std::optional<OpenInvestigation>({std::move(files), std::move(log)});
}

}  // namespace verdigris::tools
