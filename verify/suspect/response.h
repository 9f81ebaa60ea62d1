// One answer of an endpoint, read from the body as it came: a pure function of bytes (suspect-models.md M10.3).
//
// The body is hostile. What cannot be an answer is an error (class `garbage`); what is an answer with lists that cannot be
// true is an answer without them, and what was dropped is counted.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/suspect/investigation.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr size_t kMaxBodyBytes = size_t{16} << 20;  // longer ones are cut there while they arrive: class `oversize`

struct TokenProbability {
  std::string token;       // bytes, as far as the endpoint tells them
  double log_probability;  // natural; at most 0; -infinity where the endpoint says none
};

// Why a position has no list.
enum class ListFault : uint8_t {
  kNone,
  kAbsent,   // null or not there, as under echo at the first token
  kNumber,   // a log-probability that is NaN, no number, or above 1e-3
  kMass,     // probabilities above 1.001 in sum
  kShape,    // of another form
  kUnequal,  // arrays of different lengths: the whole answer has none
};
inline constexpr size_t kListFaults = 6;

struct ResponsePosition {
  std::string token;                      // bytes of the token that stands there
  std::optional<double> log_probability;  // its own; none where the endpoint gives none that can be true
  std::optional<uint64_t> text_offset;    // legacy: where it starts, as the endpoint counts (bytes or characters)
  std::vector<TokenProbability> list;            // in the endpoint's order, equal tokens added; the token itself may be appended
  ListFault fault = ListFault::kNone;     // none only where `list` can be used
};

struct Response {
  std::string model;   // empty where none is named
  std::string finish;  // "stop", "length", "content_filter", ...; empty where none is named
  std::string text;    // UTF-8, repaired by U+FFFD
  std::vector<ResponsePosition> positions;  // empty where there are no lists at all, or arrays are unequal
  std::array<uint64_t, kListFaults> faults{};  // positions by fault; kUnequal counts answers
};

// Reads the first choice of a completion.
//
// Accepts  JSON with NaN, Infinity and -Infinity as Python writes them, lone surrogates, ill-formed UTF-8 (both become U+FFFD).
// Errors   kLimit above kMaxBodyBytes or 64 levels; kMalformed: not JSON, or no choice with a text. No message holds a part of
//          the body.
// Cost     one pass and a parse; memory within 20 times the body.
Result<Response> ParseResponse(std::string_view body, Api api);

// What an error body names, for the retry table: the texts of `error` or `detail`, else the body.
std::string ErrorTextOf(std::string_view body);

// `text` with each ill-formed byte sequence as U+FFFD.
std::string RepairedUtf8(std::string_view text);

}  // namespace verdigris::verify
