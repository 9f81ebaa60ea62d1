// Tested by tests/tools/collect_test.py.
#include "tools/collect/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace verdigris::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kFarSeconds = uint64_t{1} << 40;

struct Exchange {
  HttpReply reply;
  std::string request;
  size_t request_sent = 0;
  Clock::time_point start, last;
  size_t max_body_bytes = 0, header_room = 0;
  bool oversize = false, cut = false;
};

size_t OnRequest(char* to, size_t size, size_t count, void* from) {
  Exchange& exchange = *static_cast<Exchange*>(from);
  const size_t bytes = exchange.request.copy(to, size * count, exchange.request_sent);
  exchange.request_sent += bytes;
  return bytes;
}

// libcurl would send a request again where a connection that it kept turns out to be closed. It must not: each one is counted,
// and whether to ask again is decided by the table.
int OnRewind(void* of, curl_off_t, int) { return static_cast<Exchange*>(of)->request_sent == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL; }

size_t OnBody(char* data, size_t size, size_t count, void* to) {
  Exchange& exchange = *static_cast<Exchange*>(to);
  const size_t bytes = size * count, room = exchange.max_body_bytes - exchange.reply.body.size();
  exchange.last = Clock::now();
  exchange.reply.body.append(data, std::min(bytes, room));
  exchange.oversize = bytes > room;
  return exchange.oversize ? 0 : bytes;
}

// libcurl keeps every header.
size_t OnHeader(char*, size_t size, size_t count, void* to) {
  Exchange& exchange = *static_cast<Exchange*>(to);
  const size_t bytes = size * count;
  exchange.last = Clock::now();
  exchange.cut = bytes > exchange.header_room;
  exchange.header_room -= std::min(bytes, exchange.header_room);
  return exchange.cut ? 0 : bytes;
}

Transport TransportOf(CURLcode code, const Exchange& exchange) {
  if (exchange.oversize) return Transport::kOversize;
  if (exchange.cut) return Transport::kCut;
  switch (code) {
    case CURLE_OK: return Transport::kWhole;
    case CURLE_PARTIAL_FILE:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9
    case CURLE_BAD_CONTENT_ENCODING: return Transport::kCut;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ISSUER_ERROR: return Transport::kUntrusted;
    default: return Transport::kLost;
  }
}

}  // namespace

struct HttpClient::State {
  CURLM* multi = nullptr;
  curl_slist* headers = nullptr;
  std::string url;
  bool plain = false;
  HttpOptions options;
  std::map<CURL*, std::unique_ptr<Exchange>> exchanges;

  ~State() {
    for (const auto& [easy, exchange] : exchanges) {
      curl_multi_remove_handle(multi, easy);
      curl_easy_cleanup(easy);
    }
    if (multi != nullptr) curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
  }

  HttpReply Finish(CURL* easy, Transport transport, std::string why) {
    const auto at = exchanges.find(easy);
    HttpReply reply = std::move(at->second->reply);
    reply.transport = transport;
    reply.ms = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - at->second->start).count());
    reply.why = std::move(why);
    long status = 0;
    if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK) reply.status = static_cast<uint64_t>(std::clamp(status, 0L, 999L));
    curl_header* header = nullptr;
    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) reply.retry_after = header->value;
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    exchanges.erase(at);
    return reply;
  }
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

size_t HttpClient::in_flight() const { return state_->exchanges.size(); }

Result<HttpClient> HttpClient::Create(std::string url, std::string_view api_key, const HttpOptions& options) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  auto state = std::make_unique<State>();
  state->multi = curl_multi_init();
  if (initialised != CURLE_OK || state->multi == nullptr) return Fail(ErrorKind::kInternal, "libcurl cannot be set up");
  state->plain = url.starts_with("http://");
  state->url = std::move(url);
  state->options = options;
  const auto add = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(state->headers, line.c_str());
    if (longer != nullptr) state->headers = longer;
    return longer != nullptr;
  };
  bool good = add("Content-Type: application/json") && add("Accept: application/json") && add("Expect:");
  if (!api_key.empty()) good = good && add("Authorization: Bearer " + std::string(api_key));
  if (!good) return Fail(ErrorKind::kNoMemory, "out of memory");
  return HttpClient(std::move(state));
}

Result<void> HttpClient::Post(uint64_t ticket, std::string body) {
  CURL* easy = curl_easy_init();
  if (easy == nullptr) return Fail(ErrorKind::kNoMemory, "out of memory");
  auto exchange = std::make_unique<Exchange>();
  exchange->reply.ticket = ticket;
  exchange->request = std::move(body);
  exchange->start = exchange->last = Clock::now();
  exchange->max_body_bytes = state_->options.max_body_bytes;
  exchange->header_room = state_->options.max_header_bytes;
  curl_easy_setopt(easy, CURLOPT_URL, state_->url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "verdigris/" VERDIGRIS_VERSION);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, state_->headers);
  // What goes to this machine unencrypted goes past any proxy.
  if (state_->plain) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(exchange->request.size()));
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, OnRequest);
  curl_easy_setopt(easy, CURLOPT_READDATA, exchange.get());
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, OnRewind);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange.get());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(state_->options.connect.count()));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange.get());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange.get());
  if (curl_multi_add_handle(state_->multi, easy) != CURLM_OK) {
    curl_easy_cleanup(easy);
    return Fail(ErrorKind::kInternal, "libcurl takes no request");
  }
  state_->exchanges.emplace(easy, std::move(exchange));
  return {};
}

Result<std::vector<HttpReply>> HttpClient::Wait(std::chrono::milliseconds wait) {
  int running = 0;
  CURLMcode code = curl_multi_perform(state_->multi, &running);
  const bool ended = code == CURLM_OK && static_cast<size_t>(running) < state_->exchanges.size();
  if (code == CURLM_OK && !ended) {
    code = curl_multi_poll(state_->multi, nullptr, 0, static_cast<int>(wait.count()), nullptr);
    if (code == CURLM_OK) code = curl_multi_perform(state_->multi, &running);
  }
  if (code != CURLM_OK) return Fail(ErrorKind::kInternal, "libcurl: " + std::string(curl_multi_strerror(code)));
  std::vector<HttpReply> replies;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(state_->multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    const Transport transport = TransportOf(result, *state_->exchanges.at(message->easy_handle));
    const char* why = result == CURLE_OK ? "" : result == CURLE_SEND_FAIL_REWIND ? "the connection was closed" : curl_easy_strerror(result);
    replies.push_back(state_->Finish(message->easy_handle, transport, why));
  }
  const Clock::time_point now = Clock::now();
  std::vector<std::pair<CURL*, const char*>> late;
  for (const auto& [easy, exchange] : state_->exchanges) {
    if (now - exchange->last > state_->options.idle) {
      late.emplace_back(easy, "no byte came for too long");
    } else if (now - exchange->start > state_->options.whole) {
      late.emplace_back(easy, "the reply took too long");
    }
  }
  for (const auto& [easy, why] : late) replies.push_back(state_->Finish(easy, Transport::kLost, why));
  return replies;
}

std::optional<uint64_t> RetryAfterSeconds(const std::string& text, int64_t now) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (digits) {
    uint64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    return error == std::errc() ? std::min(seconds, kFarSeconds) : kFarSeconds;
  }
  const time_t date = curl_getdate(text.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return date <= now ? 0 : static_cast<uint64_t>(date - now);
}

}  // namespace verdigris::tools
