/** Property: an accepted stop list keeps its bytes, and dropping its tuples from a text leaves no state but those that there
 *  were. Nothing crashes. */
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "verify/overlap.h"
#include "watermark/json.h"
#include "watermark/profile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris;
  static const Profile profile = *Profile::Create(
      *ParseJson(R"({"normaliser":"none/1","planes":2,"prf":"verdigris/1/aes256","provider_share":256,"scheme":"green",)"
                 R"("threshold":1,"tokenizer_sha256":")" + std::string(64, 'a') + R"(","unmarked_ids":[[0,2]],"vocab":1000,"window":2})"),
      {});
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto list = verify::StopList::Parse(bytes, profile);
  if (!list) return 0;
  if (list->bytes() != bytes) std::abort();
  const std::vector<uint32_t> ids = {1, 5, 6, 7, 5, 6, 7, 9, 999, 2000, 4, 4, 4};
  std::vector<PositionState> states, before;
  ClassifyPositions(ids, 2, profile.special_ids(), Rule::kTuple, states);
  before = states;
  list->Drop(ids, states);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (states[i] != before[i] && !(before[i] == PositionState::kEligible && states[i] == PositionState::kSpecial)) std::abort();
  }
  return 0;
}
