// POST requests to one endpoint, many at a time; the only file that touches the network. TLS is verified, redirects are not
// followed, nothing but http and https is spoken.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/result.h"

namespace verdigris::tools {

struct HttpOptions {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds idle{120'000};   // without a byte
  std::chrono::milliseconds whole{600'000};  // from the request to the last byte of the reply
  size_t max_header_bytes = size_t{64} << 10;
  size_t max_body_bytes = size_t{16} << 20;
};

// How an exchange ended, apart from what the server said.
enum class Transport {
  kWhole,      // status and body are there
  kLost,       // refused, reset, timed out, no such host
  kCut,        // the body ended before its length, or it was no HTTP, or its headers are too long
  kOversize,   // cut at max_body_bytes
  kUntrusted,  // the certificate could not be verified
};

struct HttpReply {
  uint64_t ticket = 0;
  Transport transport = Transport::kWhole;
  uint64_t status = 0;
  std::optional<std::string> retry_after;
  std::string body;
  uint64_t ms = 0;
  std::string why;  // where it was not whole; never the address
};

class HttpClient {
 public:
  // `api_key`: sent as bearer token where it is not empty. Precondition: printable ASCII.
  static Result<HttpClient> Create(std::string url, std::string_view api_key, const HttpOptions& options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient();

  // `ticket` comes back with the reply.
  Result<void> Post(uint64_t ticket, std::string body);
  // What has ended, after at most `wait`.
  Result<std::vector<HttpReply>> Wait(std::chrono::milliseconds wait);
  size_t in_flight() const;

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Seconds from `now` on that a Retry-After names, as a number or as a date; none where it is neither.
std::optional<uint64_t> RetryAfterSeconds(const std::string& text, int64_t now);

}  // namespace verdigris::tools
