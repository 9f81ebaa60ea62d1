// What is done with a reply: every row of the table of suspect-models.md M10.3.
#include "tools/collect/policy.h"

#include <doctest/doctest.h>

using namespace verdigris;
using namespace verdigris::tools;
using verify::Api;
using Action = Decision::Action;

namespace {

constexpr int64_t kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z
const std::string kGood = R"({"choices":[{"text":"x"}]})";

HttpReply Reply(uint64_t status, std::string body = "", Transport transport = Transport::kWhole) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.transport = transport;
  return reply;
}

Action Do(const HttpReply& reply, int retries = 0, int garbage = 0) { return Decide(reply, Api::kCompletions, retries, garbage, kNow).action; }

}  // namespace

TEST_CASE("lost connections and busy servers are asked again eight times, then left") {
  for (const uint64_t status : {0, 408, 409, 425, 429, 500, 502, 503, 529, 599}) {
    CAPTURE(status);
    const HttpReply reply = status == 0 ? Reply(0, "", Transport::kLost) : Reply(status);
    CHECK(Do(reply, 0) == Action::kAgain);
    CHECK(Do(reply, 7) == Action::kAgain);
    CHECK(Do(reply, 8) == Action::kLeave);
  }
}

TEST_CASE("waits double to a minute, times the jitter") {
  CHECK(RetryWaitSeconds(0, 1) == 0.5);
  CHECK(RetryWaitSeconds(1, 1) == 1);
  CHECK(RetryWaitSeconds(6, 1) == 32);
  CHECK(RetryWaitSeconds(7, 1) == 60);
  CHECK(RetryWaitSeconds(7, 1.5) == 90);
  CHECK(RetryWaitSeconds(0, 0.5) == 0.25);
}

TEST_CASE("Retry-After holds the whole queue, in seconds or as a date, up to an hour") {
  const auto with = [](const char* text) {
    HttpReply reply = Reply(429);
    reply.retry_after = text;
    return Decide(reply, Api::kChat, 0, 0, kNow);
  };
  CHECK(with("7").queue_seconds == 7u);
  CHECK(with("3600").queue_seconds == 3600u);
  CHECK(with("3600").action == Action::kAgain);
  CHECK(with("3601").action == Action::kStop);
  CHECK(with("3601").stop->kind == ErrorKind::kLimit);
  CHECK(with("99999999999999999999999999").action == Action::kStop);
  CHECK(with("Fri, 15 Jan 2027 08:00:30 GMT").queue_seconds == 30u);
  CHECK(with("Fri, 15 Jan 2027 07:00:00 GMT").queue_seconds == 0u);
  CHECK(with("Fri, 15 Jan 2027 10:00:00 GMT").action == Action::kStop);
  CHECK_FALSE(with("soon").queue_seconds.has_value());
  CHECK_FALSE(with("-5").queue_seconds.has_value());
  CHECK(with("soon").action == Action::kAgain);
}

TEST_CASE("refused keys, spent quotas, redirects and certificates stop everything") {
  CHECK(Decide(Reply(401), Api::kChat, 0, 0, kNow).stop->kind == ErrorKind::kAuth);
  CHECK(Do(Reply(403)) == Action::kStop);
  CHECK(Do(Reply(402)) == Action::kStop);
  CHECK(Do(Reply(429, R"({"error":{"code":"insufficient_quota"}})")) == Action::kStop);
  CHECK(Do(Reply(429, R"({"error":{"code":"rate_limited"}})")) == Action::kAgain);
  for (const uint64_t status : {301, 302, 303, 307, 308}) CHECK(Do(Reply(status)) == Action::kStop);
  CHECK(Do(Reply(0, "", Transport::kUntrusted)) == Action::kStop);
}

TEST_CASE("requests that are refused are stored; one that names logprobs stops") {
  for (const uint64_t status : {400, 404, 413, 422, 405, 451}) {
    CAPTURE(status);
    CHECK(Do(Reply(status)) == Action::kRequest);
    CHECK(Do(Reply(status, R"({"error":{"message":"logprobs must be at most 5"}})")) == Action::kStop);
  }
  CHECK(Do(Reply(422, R"({"detail":[{"loc":["body","n"],"msg":"x","input":"logprobs"}]})")) == Action::kRequest);
}

TEST_CASE("garbage is asked for again twice, then stored so") {
  const HttpReply rows[] = {Reply(200), Reply(200, "<html>"), Reply(200, "[]"), Reply(200, kGood.substr(0, 10), Transport::kCut), Reply(0, "", Transport::kCut),
                            Reply(200, R"({"choices":[]})"), Reply(204)};
  for (const HttpReply& row : rows) {
    CHECK(Do(row, 0, 0) == Action::kAgain);
    CHECK(Do(row, 1, 1) == Action::kAgain);
    CHECK(Do(row, 2, 2) == Action::kGarbage);
    CHECK(Do(row, 8, 0) == Action::kGarbage);  // after eight retries of all kinds
  }
}

TEST_CASE("whole answers are answers, and what was cut at the limit is oversize") {
  const Decision decision = Decide(Reply(200, kGood), Api::kCompletions, 3, 1, kNow);
  CHECK(decision.action == Action::kAnswer);
  REQUIRE(decision.response.has_value());
  CHECK(decision.response->text == "x");
  CHECK(Do(Reply(200, "xx", Transport::kOversize)) == Action::kOversize);
  CHECK(Do(Reply(500, "xx", Transport::kOversize)) == Action::kAgain);
}
