/**
 * Any bytes as JSON lines, of texts or of ids, in units of several sizes (corpus_input.h). Where simdjson reads a line that this
 * reader refuses as no JSON, one of them is wrong.
 */
#include <simdjson.h>

#include "tests/fuzz/corpus_input.h"
#include "verify/corpus/json_record.h"

namespace {

// Nested no deeper than both allow.
bool SimdjsonReads(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  return parser.allocate(line.size() + 64, 64) == simdjson::SUCCESS && parser.parse(line.data(), line.size()).get(element) == simdjson::SUCCESS;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  if (size == 0) return 0;
  FuzzedInput fuzzed = FuzzInput(data, size, Format::kJsonl, true);
  if ((fuzzed.choice & 32) != 0) fuzzed.options.ids_field = "ids";
  if ((fuzzed.choice & 64) != 0) fuzzed.options.text_field = "/a/0/text";
  fuzzed.options.group_field = "url";
  CheckReader(fuzzed.input, fuzzed.options);
  const std::string_view line(reinterpret_cast<const char*>(data) + 1, size - 1);
  const JsonPath path{"text"};
  JsonSpan span;
  if (SimdjsonReads(line)) Require(FindInJson(line, {&path, 1}, {&span, 1}));
  return 0;
}
