/** Any bytes as CSV or TSV, with a header or without, of texts or of ids, in units of several sizes (corpus_input.h). */
#include "tests/fuzz/corpus_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  if (size == 0) return 0;
  FuzzedInput fuzzed = FuzzInput(data, size, (data[0] & 128) != 0 ? Format::kTsv : Format::kCsv, false);
  fuzzed.options.header = (fuzzed.choice & 32) == 0;
  if (!fuzzed.options.header) fuzzed.options.text_field = "0";
  if ((fuzzed.choice & 64) != 0) fuzzed.options.ids_field = fuzzed.options.text_field;
  CheckReader(fuzzed.input, fuzzed.options);
  return 0;
}
