/** Property: rows of an accepted file are as many as its lines, have a p where the profile scores them, and nothing crashes.
 *  The first byte says which method the file is of. */
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "verify/suspect/coefficient_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris;
  static const Profile profile = *Profile::Parse(
      "{\"sampler\":{\"delta_milli\":2000,\"specials\":\"preserve\",\"zero_temperature\":\"off\"},\"schema\":\"verdigris.profile/1\",\"scheme\":{"
      "\"normaliser\":\"none/1\",\"planes\":2,\"prf\":\"verdigris/1/aes256\",\"provider_share\":256,\"scheme\":\"green\",\"threshold\":1,"
      "\"tokenizer_sha256\":\"5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d\",\"unmarked_ids\":[[0,2]],\"vocab\":512,\"window\":2}}\n");
  static const Key key(std::array<uint8_t, kKeyBytes>{7});
  if (size == 0) return 0;
  verify::CoefficientRows rows(2, (data[0] & 1) != 0);
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  size_t lines = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (!rows.AddLine(text.substr(0, end))) return 0;
    ++lines;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!rows.Finish()) return 0;
  if (rows.rows() + (rows.sequential() ? 1 : 0) != lines) std::abort();
  const auto outcome = verify::OutcomeOf(profile, rows, key.secret());
  if (outcome && !(outcome->log10_p <= 0)) std::abort();
  return 0;
}
