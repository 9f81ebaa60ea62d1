/**
 * Any bytes: an error that has a message, or numbers that are finite and at most 0, no more of them than half the bytes
 * and one, and the same when they are written and read again.
 */
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/require.h"
#include "verify/log_probabilities.h"

namespace {

using verdigris::verify::ParseLogProbabilities;

using verdigris::testing::Require;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read = ParseLogProbabilities({reinterpret_cast<const char*>(data), size});
  if (!read) {
    Require(!read.error().message.empty());
    return 0;
  }
  Require(read->ln_q.size() <= (size + 1) / 2 && read->missing <= read->ln_q.size());
  std::string written;
  for (const double value : read->ln_q) {
    Require(std::isfinite(value) && value <= 0);
    char digits[32];
    written.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    written += '\n';
  }
  const auto again = ParseLogProbabilities(written);
  Require(again && again->ln_q == read->ln_q && again->missing == 0);
  return 0;
}
