/** Property: an accepted line has as many lists as positions, and its lists make entries that evidence takes. */
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/suspect/align.h"
#include "verify/suspect/answer_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  const auto answer = ParseElsewhereAnswer({reinterpret_cast<const char*>(data), size});
  if (!answer) return 0;
  if (!ParseRecordId(answer->id)) std::abort();
  if (answer->has_lists && !answer->output && answer->positions.size() + 1 != TokenStarts(answer->text, answer->positions).size()) std::abort();
  if (answer->has_lists && answer->output && answer->id_lists.size() != answer->output->size()) std::abort();
  for (const auto& list : answer->id_lists) {
    for (const ListEntry& entry : KeepTopK(list, 20, std::nullopt)) {
      if (entry.probability > kProbabilityOne) std::abort();
    }
  }
  static const std::pair<std::string, uint32_t> kPieces[] = {{"a", 1}, {" the", 2}};
  static const PieceMap pieces(kPieces);
  for (const ResponsePosition& position : answer->positions) {
    for (const ListEntry& entry : AlignTopK(pieces, position, 20, &position.token).entries) {
      if (entry.probability > kProbabilityOne) std::abort();
    }
  }
  return 0;
}
