// The body is first made into JSON: Python servers write NaN and Infinity, which JSON has not, and strings of half a
// character. NaN becomes 9e9 and Infinity 99999999, of the same length: log-probabilities above 1e-3, which drop the list, or,
// with a minus, probability 0. Then simdjson parses it without recursion.
//
// Tested by tests/verify/suspect/response_test.cc and tests/fuzz/fuzz_response.cc.
#include "verify/suspect/response.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include <simdjson.h>

#include "watermark/json.h"

namespace verdigris::verify {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr int kMaxDepth = 64;
constexpr double kRoundingAbove0 = 1e-3, kMostMass = 1.001, kNoProbability = -9999;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr size_t kMaxErrorText = 4096;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hex digits of \uXXXX at `at`, or -1.
int EscapedUnit(std::string_view body, size_t at) {
  if (at + 6 > body.size() || body[at] != '\\' || body[at + 1] != 'u') return -1;
  int unit = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    const int digit = HexValue(body[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

// Copies one escape of a string; a surrogate without its other half comes out as U+FFFD. Gives where it ends.
size_t CopyEscape(std::string_view body, size_t at, std::string& out) {
  const int unit = EscapedUnit(body, at);
  if (unit < 0xD800 || unit > 0xDFFF) {
    const size_t length = std::min<size_t>(unit >= 0 ? 6 : 2, body.size() - at);
    out += body.substr(at, length);
    return at + length;
  }
  const int next = unit < 0xDC00 ? EscapedUnit(body, at + 6) : -1;
  if (next >= 0xDC00 && next <= 0xDFFF) {
    out += body.substr(at, 12);
    return at + 12;
  }
  out += "\\ufffd";
  return at + 6;
}

// What simdjson can read, with room behind it for its padding. Errors: kLimit above kMaxDepth levels.
Result<std::string> AsJson(std::string_view body) {
  std::string out;
  out.reserve(body.size() + body.size() / 16 + simdjson::SIMDJSON_PADDING);
  bool in_string = false;
  int depth = 0;
  size_t copied = 0;  // body[copied..at) goes as it is
  const auto copy = [&](size_t end) {
    out += body.substr(copied, end - copied);
    copied = end;
  };
  for (size_t at = 0; at < body.size();) {
    const char c = body[at];
    if (c == '"') {
      in_string = !in_string;
      ++at;
    } else if (in_string && c == '\\') {
      copy(at);
      copied = at = CopyEscape(body, at, out);
    } else if (in_string && static_cast<uint8_t>(c) >= 0x80) {
      const size_t length = Utf8SequenceLength(body.substr(at));
      if (length == 0) {
        copy(at);
        out += kReplacement;
        copied = at + 1;
      }
      at += std::max<size_t>(length, 1);
    } else if (in_string) {
      ++at;
    } else if (c == 'N' && body.substr(at, 3) == "NaN") {
      copy(at);
      out += "9e9";
      copied = at += 3;
    } else if (c == 'I' && body.substr(at, 8) == "Infinity") {
      copy(at);
      out += "99999999";
      copied = at += 8;
    } else {
      if (c == '[' || c == '{') ++depth;
      if (c == ']' || c == '}') --depth;
      if (depth > kMaxDepth) return Fail(ErrorKind::kLimit, "more than " + std::to_string(kMaxDepth) + " levels of JSON");
      ++at;
    }
  }
  copy(body.size());
  out.reserve(out.size() + simdjson::SIMDJSON_PADDING);
  return out;
}

std::optional<std::string_view> StringOf(const object& from, std::string_view name) {
  std::string_view text;
  if (from[name].get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

// vLLM writes a token that is no text as bytes:\xe2\x80.
std::string DecodedToken(std::string_view token) {
  constexpr std::string_view kPrefix = "bytes:";
  if (!token.starts_with(kPrefix)) return std::string(token);
  std::string bytes;
  for (size_t at = kPrefix.size(); at < token.size(); at += 4) {
    const int high = at + 4 <= token.size() && token[at] == '\\' && token[at + 1] == 'x' ? HexValue(token[at + 2]) : -1;
    const int low = high >= 0 ? HexValue(token[at + 3]) : -1;
    if (low < 0) return std::string(token);
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes.empty() ? std::string(token) : bytes;
}

// The bytes of a token of the chat form; none where neither `bytes` nor `token` says them.
std::optional<std::string> TokenOf(const object& from) {
  array bytes;
  if (from["bytes"].get(bytes) == simdjson::SUCCESS) {
    std::string out;
    for (const element value : bytes) {
      uint64_t byte = 0;
      if (value.get(byte) != simdjson::SUCCESS || byte > 255) return std::nullopt;
      out += static_cast<char>(byte);
    }
    return out;
  }
  const auto token = StringOf(from, "token");
  if (!token) return std::nullopt;
  return DecodedToken(*token);
}

// A log-probability that can be true, at most 0; else none.
std::optional<double> LogProbabilityOf(const element& value) {
  double ln_p = 0;
  if (value.get(ln_p) != simdjson::SUCCESS || !(ln_p <= kRoundingAbove0)) return std::nullopt;
  return ln_p <= kNoProbability ? -std::numeric_limits<double>::infinity() : std::min(0.0, ln_p);
}

// The entries of one list while they come.
class ListMaker {
 public:
  void Add(std::string token, const std::optional<double>& ln_p) {
    if (!ln_p) {
      fault_ = ListFault::kNumber;
      return;
    }
    mass_ += std::exp(*ln_p);
    const auto [at, is_new] = place_.try_emplace(std::move(token), entries_.size());
    if (is_new) {
      entries_.push_back({at->first, *ln_p});
      return;
    }
    double& sum = entries_[at->second].log_probability;
    sum = std::min(0.0, std::log(std::exp(sum) + std::exp(*ln_p)));
  }
  void Fault(ListFault fault) { fault_ = fault; }

  void Finish(ResponsePosition& to) {
    if (fault_ == ListFault::kNone && mass_ > kMostMass) fault_ = ListFault::kMass;
    if (to.fault == ListFault::kNone) to.fault = fault_;
    if (to.fault == ListFault::kNone) to.list = std::move(entries_);
  }

 private:
  std::vector<TokenProbability> entries_;
  std::unordered_map<std::string, size_t> place_;
  double mass_ = 0;
  ListFault fault_ = ListFault::kNone;
};

// The probability of the token that stands there. One that cannot be true takes the list with it.
void ReadOwn(const simdjson::simdjson_result<element>& value, ResponsePosition& to) {
  if (value.error() != simdjson::SUCCESS || value.is_null()) return;
  to.log_probability = LogProbabilityOf(value.value_unsafe());
  if (!to.log_probability) to.fault = ListFault::kNumber;
}

void ReadChat(const array& content, Response& response) {
  for (const element each : content) {
    ResponsePosition& to = response.positions.emplace_back();
    object from;
    if (each.get(from) != simdjson::SUCCESS) {
      to.fault = ListFault::kShape;
      continue;
    }
    ListMaker list;
    if (auto token = TokenOf(from)) {
      to.token = std::move(*token);
    } else {
      to.token = std::string(StringOf(from, "token").value_or(""));
      list.Fault(ListFault::kShape);
    }
    ReadOwn(from["logprob"], to);
    const auto top = from["top_logprobs"];
    array entries;
    if (top.error() != simdjson::SUCCESS || top.is_null()) {
      list.Fault(ListFault::kAbsent);
    } else if (top.get(entries) != simdjson::SUCCESS) {
      list.Fault(ListFault::kShape);
    } else {
      for (const element entry : entries) {
        object fields;
        const auto token = entry.get(fields) == simdjson::SUCCESS ? TokenOf(fields) : std::nullopt;
        element ln_p;
        if (!token || fields["logprob"].get(ln_p) != simdjson::SUCCESS) {
          list.Fault(ListFault::kShape);
          break;
        }
        list.Add(*token, LogProbabilityOf(ln_p));
      }
    }
    list.Finish(to);
  }
}

void ReadLegacy(const object& logprobs, const array& tokens, Response& response) {
  // An array that is not there, or null, gives nothing; one of another length says that none of them can be trusted.
  bool unequal = false;
  const auto beside = [&](std::string_view name) -> std::optional<array> {
    const auto value = logprobs[name];
    if (value.error() != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    array out;
    if (value.get(out) != simdjson::SUCCESS || out.size() != tokens.size()) {
      unequal = true;
      return std::nullopt;
    }
    return out;
  };
  const auto own = beside("token_logprobs"), offsets = beside("text_offset"), top = beside("top_logprobs");
  if (unequal) {
    response.faults[static_cast<size_t>(ListFault::kUnequal)] = 1;
    return;
  }
  auto own_at = own ? own->begin() : array::iterator(), offset_at = offsets ? offsets->begin() : array::iterator(),
       top_at = top ? top->begin() : array::iterator();
  for (const element token : tokens) {
    ResponsePosition& to = response.positions.emplace_back();
    ListMaker list;
    std::string_view text;
    if (token.get(text) == simdjson::SUCCESS) {
      to.token = DecodedToken(text);
    } else {
      list.Fault(ListFault::kShape);
    }
    if (own) {
      ReadOwn(*own_at, to);
      ++own_at;
    }
    if (offsets) {
      uint64_t offset = 0;
      if ((*offset_at).get(offset) == simdjson::SUCCESS) to.text_offset = offset;
      ++offset_at;
    }
    object entries;
    if (!top || (*top_at).is_null()) {
      list.Fault(ListFault::kAbsent);
    } else if ((*top_at).get(entries) != simdjson::SUCCESS) {
      list.Fault(ListFault::kShape);
    } else {
      for (const auto& entry : entries) list.Add(DecodedToken(entry.key), LogProbabilityOf(entry.value));
    }
    if (top) ++top_at;
    list.Finish(to);
  }
}

Unexpected NoAnswer(const char* why) { return Fail(ErrorKind::kMalformed, why); }

}  // namespace

Result<Response> ParseResponse(std::string_view body, Api api) {
  if (body.size() > kMaxBodyBytes) return Fail(ErrorKind::kLimit, "a body of more than " + std::to_string(kMaxBodyBytes) + " bytes");
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string json, AsJson(body));
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(json.data(), json.size(), /*realloc_if_needed=*/false).get(root) != simdjson::SUCCESS) return NoAnswer("the body is not JSON");
  object top, choice;
  array choices;
  if (root.get(top) != simdjson::SUCCESS || top["choices"].get(choices) != simdjson::SUCCESS || choices.at(0).get(choice) != simdjson::SUCCESS) {
    return NoAnswer("the body has no choices[0]");
  }
  Response response;
  simdjson::simdjson_result<element> text = choice["text"];
  if (api == Api::kChat) {
    object message;
    if (choice["message"].get(message) != simdjson::SUCCESS) return NoAnswer("the body has no choices[0].message");
    text = message["content"];
  }
  std::string_view words;
  if (text.error() != simdjson::SUCCESS || (!text.is_null() && text.get(words) != simdjson::SUCCESS)) return NoAnswer("the choice has no text");
  response.text = words;
  response.model = StringOf(top, "model").value_or("");
  response.finish = StringOf(choice, "finish_reason").value_or("");

  object logprobs;
  array tokens;
  if (choice["logprobs"].get(logprobs) == simdjson::SUCCESS) {
    if (logprobs["content"].get(tokens) == simdjson::SUCCESS) {
      ReadChat(tokens, response);
    } else if (logprobs["tokens"].get(tokens) == simdjson::SUCCESS) {
      ReadLegacy(logprobs, tokens, response);
    }
  }
  for (const ResponsePosition& position : response.positions) {
    if (position.fault != ListFault::kNone) ++response.faults[static_cast<size_t>(position.fault)];
  }
  return response;
}

std::string ErrorTextOf(std::string_view body) {
  std::string out;
  const auto add = [&out](std::string_view text) {
    if (out.size() < kMaxErrorText) out += (out.empty() ? "" : " ") + std::string(text.substr(0, kMaxErrorText));
  };
  const auto json = body.size() <= kMaxBodyBytes ? AsJson(body) : Result<std::string>(std::string());
  simdjson::dom::parser parser;
  object top;
  if (!json || parser.parse(json->data(), json->size(), false).get(top) != simdjson::SUCCESS) {
    return RepairedUtf8(body.substr(0, kMaxErrorText));
  }
  object error = top;
  if (auto inner = top["error"]; inner.error() == simdjson::SUCCESS) {
    if (const auto text = StringOf(top, "error")) add(*text);
    object fields;
    if (inner.get(fields) == simdjson::SUCCESS) error = fields;
  }
  for (const char* name : {"code", "type", "param", "message", "detail"}) {
    if (const auto text = StringOf(error, name)) add(*text);
  }
  // FastAPI: a list of {loc, msg, input}; the input is the request itself, and says nothing.
  array details;
  if (top["detail"].get(details) == simdjson::SUCCESS) {
    for (const element detail : details) {
      object fields;
      if (detail.get(fields) != simdjson::SUCCESS) continue;
      if (const auto text = StringOf(fields, "msg")) add(*text);
      array places;
      if (fields["loc"].get(places) != simdjson::SUCCESS) continue;
      for (const element place : places) {
        std::string_view word;
        if (place.get(word) == simdjson::SUCCESS) add(word);
      }
    }
  }
  return out;
}

std::string RepairedUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

}  // namespace verdigris::verify
