/** Property: what comes out of a body can be stored as a line of answers.jsonl that is read back, and no list says more than
 *  probability 1. Nothing crashes. */
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/suspect/answers.h"
#include "verify/suspect/response.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (RepairedUtf8(ErrorTextOf(body)).size() > 3 * 16384) std::abort();
  for (const Api api : {Api::kCompletions, Api::kChat}) {
    const auto response = ParseResponse(body, api);
    if (!response) continue;
    for (const ResponsePosition& position : response->positions) {
      double mass = 0;
      for (const TokenProbability& entry : position.list) mass += std::exp(entry.log_probability);
      if (mass > 1.002 || (position.fault != ListFault::kNone && !position.list.empty())) std::abort();
    }
    Answer answer;
    answer.id = "p#0";
    answer.time = "2027-01-01T00:00:00Z";
    answer.text = response->text;
    answer.model = response->model;
    answer.finish = response->finish;
    const std::string line = WriteAnswer(answer);
    const auto again = ParseAnswer(std::string_view(line).substr(0, line.size() - 1));
    if (!again || again->text != answer.text) std::abort();
  }
  return 0;
}
