// Answers and predictions collected elsewhere: JSON lines (docs/formats/answers_elsewhere.md), of which reading dumps
// (docs/formats/reading.md) are one kind. The same form holds what reference models predict at the same positions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "verify/suspect/evidence.h"
#include "verify/suspect/response.h"
#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr size_t kMaxAnswerLineBytes = size_t{64} << 20;
inline constexpr size_t kMostListEntries = size_t{1} << 20;  // of one position

struct ElsewhereAnswer {
  std::string id;                                  // prompt id, '#', number
  std::string model;                               // empty where none is named
  std::optional<std::vector<uint32_t>> prompt;     // ids of all that stood before the output
  std::optional<std::vector<uint32_t>> output;     // ids of the provider's tokenizer
  std::string text;                                // where there is no `output`
  bool has_lists = false;
  // Lists of ids belong to the positions of `output`; lists of tokens to the suspect's own tokens, which `tokens` names and
  // which then make up the text.
  std::vector<std::vector<std::pair<uint32_t, double>>> id_lists;
  std::vector<ResponsePosition> positions;
};

// One line, without its line feed.
// Errors   kMalformed: no JSON, a member missing, unknown or out of form, both or neither of `output` and `text`, lists that are
//          not as many as positions, a log-probability above 1e-3 or none, probabilities above 1.001 in sum, an id twice in a
//          list or of 2^24 or more; kLimit. No message holds a part of the text.
Result<ElsewhereAnswer> ParseElsewhereAnswer(std::string_view line);

// "p1#0" as a prompt's id and a number; none where it has another form.
struct RecordId {
  std::string_view prompt;
  uint32_t number;
};
std::optional<RecordId> ParseRecordId(std::string_view id);

}  // namespace verdigris::verify
