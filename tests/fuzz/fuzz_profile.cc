/** Property: an accepted profile holds its input byte for byte, and its scheme object makes the same scheme id. Nothing
 *  crashes. */
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "watermark/profile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto profile = Profile::Parse(bytes);
  if (!profile) return 0;
  if (profile->bytes() != bytes) std::abort();
  const auto again = Profile::Create(profile->scheme_object(), profile->sampler());
  if (!again || again->scheme_id() != profile->scheme_id() || again->bytes() != bytes) std::abort();
  return 0;
}
