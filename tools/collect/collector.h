// Asks a suspect's endpoint what an investigation plans, until it has it, a look or the budget ends it, or it is told to stop
// (suspect-models.md M10). What was stored is never asked again, whatever ends the process.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tools/collect/http.h"
#include "tools/collect/looks.h"
#include "verify/suspect/answers.h"
#include "verify/text/tokenizer.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::tools {

struct CollectOptions {
  std::string api_key;
  HttpOptions http;
  double wait_scale = 1;                       // of the waits before asking again; tests shorten them
  std::chrono::milliseconds grace{10'000};     // for what is in flight when it must end
  JudgeLook judge;                             // none: looks are recorded, and collecting goes on
  std::function<bool()> interrupted;           // asked several times a second
};

struct CollectSummary {
  enum class End { kComplete, kDetected, kFutile, kBudget, kPaused, kLeft, kStopped, kInterrupted } end = End::kComplete;
  std::string budget;         // which one, of kBudget
  std::optional<Error> stop;  // of kStopped
  uint64_t requests = 0, failed = 0, left = 0;  // of this run
  // Of the whole investigation.
  uint64_t lines = 0, tokens = 0, requests_all = 0;
  std::array<uint64_t, verify::kAnswerClasses> classes{};
  std::string lists;  // "before", "after" or "unclear" temperature; empty where it was not asked, or nothing would differ
};
std::string_view EndName(CollectSummary::End end);  // "complete"

// Precondition: the files stand, or their change has been recorded; an endpoint is the suspect; `log` is of that directory.
// Errors   those of the directory's files and of the judge; what the endpoint does is no error, but the summary's.
Result<CollectSummary> Collect(const verify::InvestigationFiles& files, verify::InvestigationLog log, const Profile& profile,
                               const verify::Tokenizer& tokenizer, const CollectOptions& options);

}  // namespace verdigris::tools
