// What is done with a reply: the table of suspect-models.md M10.3, as a pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/collect/http.h"
#include "verify/suspect/investigation.h"
#include "verify/suspect/response.h"
#include "watermark/result.h"

namespace verdigris::tools {

inline constexpr int kMostRetries = 8, kMostGarbageRetries = 2, kRequestsInARow = 20;
inline constexpr uint64_t kMostRetryAfterSeconds = 3600;

struct Decision {
  enum class Action {
    kAnswer,   // `response` holds it
    kRequest,  // the endpoint refuses this request: stored, not asked again
    kGarbage,  // stored so
    kOversize,
    kAgain,    // after the wait of RetryWaitSeconds
    kLeave,    // for the next run
    kStop,     // nothing more is asked: `stop`
  } action = Action::kAnswer;
  std::optional<verify::Response> response;
  std::string why;                    // of kAgain, kLeave and kStop; never a part of a body
  std::optional<uint64_t> queue_seconds;  // Retry-After: nothing at all is asked for so long
  std::optional<Error> stop;
};

// `retries`, `garbage`: how often this request was asked again before, in all and for garbage. `now`: seconds since 1970.
Decision Decide(const HttpReply& reply, verify::Api api, int retries, int garbage, int64_t now);

// min(60, 2^retries / 2) seconds, times `jitter` from [.5, 1.5].
double RetryWaitSeconds(int retries, double jitter);

}  // namespace verdigris::tools
