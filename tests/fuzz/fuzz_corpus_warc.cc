/** Any bytes as WARC, plain or in members of gzip, in units of several sizes (corpus_input.h). */
#include "tests/fuzz/corpus_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  if (size == 0) return 0;
  const FuzzedInput fuzzed = FuzzInput(data, size, Format::kWarc, false);
  CheckReader(fuzzed.input, fuzzed.options);
  return 0;
}
