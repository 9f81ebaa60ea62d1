/** Property: a row or summary that is accepted is written so that reading it gives the same bytes again. Nothing crashes. */
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/corpus/result_files.h"

namespace {

template <class Parsed>
void Check(Parsed (*parse)(std::string_view), std::string_view bytes) {
  const auto row = parse(bytes);
  if (!row) return;
  const std::string written = ToJson(*row);
  const auto again = parse(written);
  if (!again || ToJson(*again) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check(verdigris::verify::ParseDocumentResult, bytes);
  Check(verdigris::verify::ParseGroupResult, bytes);
  Check(verdigris::verify::ParseErrorResult, bytes);
  Check(verdigris::verify::ParseCorpusSummary, bytes);
  return 0;
}
