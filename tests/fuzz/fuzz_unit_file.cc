/** Property: a unit file that passes has a summary that is written again byte for byte, and its groups can be merged. Nothing
 *  crashes, whatever the blocks. */
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "verify/corpus/unit_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris;
  using namespace verdigris::verify;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto file = UnitFile::FromMemory(bytes);
  if (!file) return 0;
  if (UnitSummaryJson(file->summary()) != file->summary_bytes()) std::abort();
  // The blocks are read though their digests are wrong, as most are here.
  RunGroup group;
  group.by = "host";
  group.keep = 4;
  const Digest unit = UnitId(file->summary().unit);
  (void)CheckGroups(file->groups(), group, false, unit, 4);
  (void)CheckGroups(file->groups(), {"none", 0, 0}, true, unit, 4);
  (void)MergeGroups({file->groups(), file->groups()}, group, false, "/tmp", {}, [&](const MergedState& state) -> Result<void> {
    if (state.head.rows > group.keep) std::abort();
    return {};
  });
  (void)ForEachRow(file->source(), file->layout(), [](const DocRow& row) -> Result<void> {
    const auto again = ParseDocRow(DocRowJson(row));
    if (!again || DocRowJson(*again) != DocRowJson(row)) std::abort();
    return {};
  });
  (void)ForEachError(file->source(), file->layout(), [](const ErrorEntry& entry) -> Result<void> {
    const auto again = ParseErrorEntry(ErrorEntryJson(entry));
    if (!again || !(*again == entry)) std::abort();
    return {};
  });
  (void)file->Check(nullptr);
  return 0;
}
