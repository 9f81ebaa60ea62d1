/** Property: an accepted line of answers.jsonl is written again byte for byte. Nothing crashes. */
#include <cstdint>
#include <cstdlib>
#include <string>

#include "verify/suspect/answers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string line(reinterpret_cast<const char*>(data), size);
  if (const auto answer = verdigris::verify::ParseAnswer(line); answer && verdigris::verify::WriteAnswer(*answer) != line + "\n") std::abort();
  return 0;
}
