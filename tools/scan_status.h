// `scan --status` and `scan --recheck`: what stands in the directory of a run, and whether it is true.
#pragma once

#include "tools/cli.h"
#include "tools/scan_options.h"

namespace verdigris::tools {

// Units that are done, missing and failed, with the rate and the time left of log.jsonl.
Result<ExitCode> ScanStatus(const ScanArguments& arguments, Context& context);

// Computes the N units of least SHA-256(evidence root || unit id) again and compares bytes. kExitInternal if one differs.
Result<ExitCode> ScanRecheck(const ScanArguments& arguments, Context& context);

}  // namespace verdigris::tools
