// Tested by tests/python/corpus_test.py against the unit files of a scan, and by `scan --recheck`.
#include "verify/corpus/unit_stream.h"

#include <utility>

namespace verdigris::verify {

UnitStream::UnitStream(const ScanSetup& setup, const ReadOptions& read, const GroupNamer& namer, const std::string& spill_folder, uint64_t group_memory,
                       const Input& input, uint64_t first, uint64_t end)
    : context_{*setup.run, read, namer, spill_folder, group_memory, [](const verify::Unit&) { return UnitState::kMissing; }},
      reader_(context_, input, first, end),
      scanner_(setup) {}

Result<bool> UnitStream::Step() {
  if (ended_) return false;
  VERDIGRIS_ASSIGN_OR_RETURN(const GranuleReader::Step step, reader_.Read(batch_));
  ended_ = step.ended;
  complete_.insert(complete_.end(), step.complete.begin(), step.complete.end());
  if (step.unit != nullptr) {
    VERDIGRIS_RETURN_IF_ERROR(scanner_.Scan(batch_, result_));
    VERDIGRIS_ASSIGN_OR_RETURN(const bool complete, step.unit->Add(step.batch_number, batch_, std::exchange(result_, {})));
    if (complete) complete_.push_back(step.unit);
  }
  return true;
}

Result<std::optional<UnitStream::Unit>> UnitStream::Take() {
  if (complete_.empty()) return std::optional<Unit>();
  const std::shared_ptr<OpenUnit> unit = std::move(complete_.front());
  complete_.pop_front();
  Unit out{unit->id(), {}};
  VERDIGRIS_RETURN_IF_ERROR(unit->Finish([&](std::string_view piece) -> Result<void> {
    out.bytes += piece;
    return {};
  }));
  return std::optional<Unit>(std::move(out));
}

}  // namespace verdigris::verify
