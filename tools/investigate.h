// What the verbs of `investigate` share.
#pragma once

#include <optional>
#include <string>

#include "tools/cli.h"
#include "verify/suspect/answers.h"
#include "watermark/result.h"

namespace verdigris::tools {

struct OpenInvestigation {
  verify::InvestigationFiles files;
  verify::InvestigationLog log;  // held: no other process works in the directory
};

// Opens a directory to work in it. Recorded deviations are printed. Where files changed since: with a `reason` the change is
// recorded and printed too; without one it is refused, the members are named as an error of class `plan`, and nothing comes
// back: the verb ends with kExitNo.
// Errors   those of the directory's files; kInvalidArgument for a reason where nothing changed.
Result<std::optional<OpenInvestigation>> OpenToWork(const std::string& folder, const std::string& reason, Context& context);

// --deviate, for every verb that opens a directory so.
void AddDeviateOption(CLI::App& app, std::string& reason);

}  // namespace verdigris::tools
