/**
 * Any bytes as a file of lines or as one document, and, since they may begin like gzip or zstd, as what these inflate to
 * (corpus_input.h).
 */
#include "tests/fuzz/corpus_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  if (size == 0) return 0;
  const bool text = (data[0] & 32) != 0;
  FuzzedInput fuzzed = FuzzInput(data, size, text ? Format::kText : Format::kLines, !text);
  fuzzed.options.max_inflated = size_t{1} << 22;
  CheckReader(fuzzed.input, fuzzed.options);
  return 0;
}
