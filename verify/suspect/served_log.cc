// Strict on purpose: a misspelt `prompt` that was skipped would let windows into a filter that a prompt had shown.
//
// Tested by tests/verify/suspect/served_log_test.cc and tests/fuzz/fuzz_served_log.cc.
#include "verify/suspect/served_log.h"

#include "watermark/context.h"
#include "watermark/json.h"
#include "watermark/key.h"
#include "watermark/key_file.h"

namespace verdigris::verify {
namespace {

Unexpected Malformed(const std::string& what) { return Fail(ErrorKind::kMalformed, "served answer: " + what); }

Result<std::vector<uint32_t>> IdsOf(const Json& answer, const std::string& member) {
  const Json* value = answer.Find(member);
  const Json::Array* array = value != nullptr ? value->array() : nullptr;
  if (array == nullptr) return Malformed("`" + member + "` must be a list of token ids");
  std::vector<uint32_t> ids;
  ids.reserve(array->size());
  for (const Json& element : *array) {
    const int64_t* id = element.integer();
    if (id == nullptr || *id < 0 || *id >= int64_t{kIdLimit}) {
      return Malformed("`" + member + "` has no token id at " + std::to_string(ids.size()) + ": a whole number below 2^24 is needed");
    }
    ids.push_back(static_cast<uint32_t>(*id));
  }
  return ids;
}

}  // namespace

Result<ServedAnswer> ParseServedAnswer(std::string_view line) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseJson(line));
  if (json.object() == nullptr) return Malformed("a line must be a JSON object");
  ServedAnswer answer;
  const Json* account = json.Find("account");
  if (account == nullptr || account->string() == nullptr || !IsAccountLabel(*account->string())) {
    return Malformed("`account` must be a label of 1 to 64 characters of A-Z a-z 0-9 . _ : @ / + -");
  }
  answer.account = *account->string();
  VERDIGRIS_ASSIGN_OR_RETURN(answer.prompt, IdsOf(json, "prompt"));
  VERDIGRIS_ASSIGN_OR_RETURN(answer.output, IdsOf(json, "output"));
  size_t known = 3;
  if (const Json* time = json.Find("time")) {
    if (time->string() == nullptr || !IsUtcTime(*time->string())) return Malformed("`time` must be a time such as 2027-01-31T09:30:00Z");
    answer.time = *time->string();
    ++known;
  }
  if (json.object()->size() != known) return Malformed("a member other than account, prompt, output and time");
  return answer;
}

}  // namespace verdigris::verify
