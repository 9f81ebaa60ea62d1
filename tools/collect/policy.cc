// Tested by tests/tools/policy_test.cc.
#include "tools/collect/policy.h"

#include <algorithm>
#include <cmath>

namespace verdigris::tools {
namespace {

using Action = Decision::Action;

Decision Stop(ErrorKind kind, std::string why) {
  Decision decision;
  decision.action = Action::kStop;
  decision.why = why;
  decision.stop = Error{kind, std::move(why)};
  return decision;
}

Decision Again(int retries, std::string why) {
  Decision decision;
  decision.action = retries < kMostRetries ? Action::kAgain : Action::kLeave;
  decision.why = std::move(why);
  return decision;
}

Decision Garbage(int retries, int garbage, std::string why) {
  Decision decision = Again(retries, std::move(why));
  if (garbage >= kMostGarbageRetries || decision.action == Action::kLeave) decision.action = Action::kGarbage;
  return decision;
}

bool IsRetried(uint64_t status) { return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500; }

}  // namespace

Decision Decide(const HttpReply& reply, verify::Api api, int retries, int garbage, int64_t now) {
  const std::string status = "HTTP status " + std::to_string(reply.status);
  if (reply.transport == Transport::kLost) return Again(retries, reply.why);
  if (reply.transport == Transport::kUntrusted) return Stop(ErrorKind::kUnsafe, "the endpoint's certificate cannot be verified");
  if (reply.status >= 300 && reply.status < 400) {
    return Stop(ErrorKind::kUnsupported, "the endpoint redirects (" + status + "), which is refused; the plan must name the address itself");
  }
  if (reply.status == 401 || reply.status == 403) return Stop(ErrorKind::kAuth, "the endpoint refuses the API key (" + status + ")");
  if (reply.status >= 400) {
    const std::string text = verify::ErrorTextOf(reply.body);
    if (reply.status == 402 || (reply.status == 429 && text.find("insufficient_quota") != text.npos)) {
      return Stop(ErrorKind::kLimit, "the account has no quota left (" + status + ")");
    }
    if (IsRetried(reply.status)) {
      const auto seconds = reply.retry_after ? RetryAfterSeconds(*reply.retry_after, now) : std::nullopt;
      if (seconds && *seconds > kMostRetryAfterSeconds) {
        return Stop(ErrorKind::kLimit, "the endpoint asks to wait " + std::to_string(*seconds) + " s (" + status + "); go on then");
      }
      Decision decision = Again(retries, status);
      decision.queue_seconds = seconds;
      return decision;
    }
    if (text.find("logprobs") != text.npos) {
      return Stop(ErrorKind::kUnsupported, "the endpoint refuses logprobs (" + status + "); plan with fewer lists, or none");
    }
    Decision decision;
    decision.action = Action::kRequest;
    decision.why = status;
    return decision;
  }
  if (reply.transport == Transport::kOversize) {
    Decision decision;
    decision.action = Action::kOversize;
    return decision;
  }
  if (reply.transport == Transport::kCut) return Garbage(retries, garbage, "the body is cut short");
  if (reply.status < 200) return Garbage(retries, garbage, "no HTTP status");
  auto response = verify::ParseResponse(reply.body, api);
  if (!response) return Garbage(retries, garbage, response.error().message);
  Decision decision;
  decision.response = std::move(*response);
  return decision;
}

double RetryWaitSeconds(int retries, double jitter) { return std::min(60.0, std::ldexp(0.5, retries)) * jitter; }

}  // namespace verdigris::tools
