// The numbers of lists are decimal fractions, so this is JSON at large and not the canonical one; members that are not known
// are refused all the same. nlohmann's reader keeps its own stack, so depth costs no stack of ours.
//
// Tested by tests/verify/suspect/answer_file_test.cc and tests/fuzz/fuzz_answer_file.cc.
#include "verify/suspect/answer_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "watermark/context.h"
#include "watermark/json.h"

namespace verdigris::verify {
namespace {

using nlohmann::json;

constexpr double kMostLn = 1e-3, kMostMass = 1.001;
constexpr size_t kMaxIdBytes = 256;

Unexpected Malformed(std::string what) { return Fail(ErrorKind::kMalformed, std::move(what)); }

Result<uint32_t> IdOf(const json& value, const std::string& where) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() >= kIdLimit) return Malformed(where + " must be an id below 2^24");
  return value.get<uint32_t>();
}

// An entry's log-probability: at most 1e-3, of which what is above 0 is rounding.
Result<double> LnOf(const json& value, const std::string& where) {
  if (!value.is_number() || !(value.get<double>() <= kMostLn)) return Malformed(where + " must be a log-probability, at most 0");
  return std::min(0.0, value.get<double>());
}

Result<void> ReadList(const json& list, const std::string& where, bool of_tokens, ElsewhereAnswer& answer) {
  if (list.is_null()) {
    if (of_tokens) {
      answer.positions.emplace_back().fault = ListFault::kAbsent;
    } else {
      answer.id_lists.emplace_back();
    }
    return {};
  }
  if (!list.is_array() || list.size() > kMostListEntries) return Malformed(where + " must be null or at most 2^20 pairs");
  double mass = 0;
  std::vector<std::pair<uint32_t, double>> ids;
  ResponsePosition position;
  for (const json& entry : list) {
    if (!entry.is_array() || entry.size() != 2) return Malformed(where + ": an entry must be [id or token, log-probability]");
    VERDIGRIS_ASSIGN_OR_RETURN(const double ln_p, LnOf(entry[1], where));
    mass += std::exp(ln_p);
    if (of_tokens) {
      if (!entry[0].is_string()) return Malformed(where + ": with `tokens`, entries must be tokens");
      position.list.push_back({entry[0].get<std::string>(), ln_p});
    } else {
      VERDIGRIS_ASSIGN_OR_RETURN(const uint32_t id, IdOf(entry[0], where));
      ids.emplace_back(id, ln_p);
    }
  }
  if (mass > kMostMass) return Malformed(where + ": probabilities are above 1 in sum");
  if (of_tokens) {
    answer.positions.push_back(std::move(position));
    return {};
  }
  std::vector<uint32_t> sorted;
  sorted.reserve(ids.size());
  for (const auto& [id, ln_p] : ids) sorted.push_back(id);
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return Malformed(where + ": an id stands twice");
  answer.id_lists.push_back(std::move(ids));
  return {};
}

}  // namespace

std::optional<RecordId> ParseRecordId(std::string_view id) {
  const size_t hash = id.rfind('#');
  if (hash == id.npos || hash == 0) return std::nullopt;
  const std::string_view digits = id.substr(hash + 1);
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  return RecordId{id.substr(0, hash), number};
}

Result<ElsewhereAnswer> ParseElsewhereAnswer(std::string_view line) {
  if (line.size() > kMaxAnswerLineBytes) return Fail(ErrorKind::kLimit, "the line is longer than 64 MiB");
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Malformed("must be a JSON object");
  for (const auto& [name, value] : object.items()) {
    if (name != "id" && name != "model" && name != "output" && name != "text" && name != "tokens" && name != "lists" && name != "prompt") {
      return Malformed("has a member that is not known");
    }
  }
  ElsewhereAnswer answer;
  const auto text_of = [&](const char* name, size_t most, std::string& out) -> Result<void> {
    const auto at = object.find(name);
    if (at == object.end()) return {};
    if (!at->is_string() || at->get_ref<const std::string&>().size() > most) return Malformed(std::string(name) + " must be a string of at most " + std::to_string(most) + " bytes");
    out = at->get<std::string>();
    return {};
  };
  VERDIGRIS_RETURN_IF_ERROR(text_of("id", kMaxIdBytes, answer.id));
  if (!ParseRecordId(answer.id)) return Malformed("id must be a prompt's id, #, and a number");
  VERDIGRIS_RETURN_IF_ERROR(text_of("model", kMaxIdBytes, answer.model));
  VERDIGRIS_RETURN_IF_ERROR(text_of("text", kMaxAnswerLineBytes, answer.text));
  if (object.contains("output") == object.contains("text")) return Malformed("must have either output or text");
  const auto ids_of = [&](const char* name, std::optional<std::vector<uint32_t>>& out) -> Result<void> {
    const auto at = object.find(name);
    if (at == object.end()) return {};
    if (!at->is_array()) return Malformed(std::string(name) + " must be an array of ids");
    out.emplace();
    for (const json& id : *at) {
      VERDIGRIS_ASSIGN_OR_RETURN(const uint32_t value, IdOf(id, name));
      out->push_back(value);
    }
    return {};
  };
  VERDIGRIS_RETURN_IF_ERROR(ids_of("prompt", answer.prompt));
  VERDIGRIS_RETURN_IF_ERROR(ids_of("output", answer.output));
  const auto lists = object.find("lists"), tokens = object.find("tokens");
  const bool of_tokens = tokens != object.end();
  if (lists == object.end()) return of_tokens ? Result<ElsewhereAnswer>(Malformed("tokens need lists")) : Result<ElsewhereAnswer>(std::move(answer));
  if (of_tokens == answer.output.has_value()) return Malformed("lists go with output, or with text and tokens");
  if (!lists->is_array() || (of_tokens && !tokens->is_array())) return Malformed("lists and tokens must be arrays");
  if (lists->size() != (of_tokens ? tokens->size() : answer.output->size())) return Malformed("lists must be as many as tokens");
  answer.has_lists = true;
  for (size_t t = 0; t < lists->size(); ++t) VERDIGRIS_RETURN_IF_ERROR(ReadList((*lists)[t], "list " + std::to_string(t), of_tokens, answer));
  for (size_t t = 0; t < answer.positions.size(); ++t) {
    if (!(*tokens)[t].is_string()) return Malformed("tokens must be strings");
    answer.positions[t].token = (*tokens)[t].get<std::string>();
  }
  return answer;
}

}  // namespace verdigris::verify
