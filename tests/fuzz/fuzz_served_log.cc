/** Property: an accepted line has a valid label and ids below 2^24, and an error holds no piece of an unknown member.
 *  Nothing crashes. */
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/suspect/served_log.h"
#include "watermark/context.h"
#include "watermark/key.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris;
  const auto answer = verify::ParseServedAnswer(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!answer) {
    if (answer.error().message.find("sensitive") != std::string::npos) std::abort();
    return 0;
  }
  const auto small = [](uint32_t id) { return id < kIdLimit; };
  if (!IsAccountLabel(answer->account) || !std::all_of(answer->prompt.begin(), answer->prompt.end(), small) ||
      !std::all_of(answer->output.begin(), answer->output.end(), small)) {
    std::abort();
  }
  return 0;
}
