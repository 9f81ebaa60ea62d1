/** Any bytes as .npy or as an array without a head, cut at an id or not, in units of several sizes (corpus_input.h). */
#include "tests/fuzz/corpus_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  if (size == 0) return 0;
  const bool npy = (data[0] & 32) != 0;
  FuzzedInput fuzzed = FuzzInput(data, size, npy ? Format::kNpy : Format::kTokens, true);
  fuzzed.options.dtype = (fuzzed.choice & 64) != 0 ? TokenType::kU16 : TokenType::kU32;
  if ((fuzzed.choice & 128) != 0) fuzzed.options.eos = 0;
  CheckReader(fuzzed.input, fuzzed.options);
  return 0;
}
