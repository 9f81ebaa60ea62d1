// A scan without threads and directory: units are closed as everywhere, so that the root is that of a scan, and only the hashes
// of their summaries stay.
//
// Tested by tests/verify/corpus/scan_test.cc and tests/cli/calibrate_corpus.sh.
#include "verify/corpus/null_corpus.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "verify/corpus/granule.h"
#include "verify/corpus/merge.h"
#include "verify/record/merkle.h"

namespace verdigris::verify {
namespace {

constexpr uint64_t kGroupMemory = uint64_t{1} << 20;  // states of groups are not part of a calibration's run

class NullReader {
 public:
  NullReader(const ScanSetup& setup, const ReadOptions& read, const GroupNamer& namer, const std::string& spill_folder, NullCorpusSink& sink)
      : run_(*setup.run),
        context_{run_, read, namer, spill_folder, kGroupMemory, [](const Unit&) { return UnitState::kMissing; }},
        sink_(sink),
        scanner_(setup) {}

  // Errors   those of the sink; what is wrong with the input is a failure of `out`.
  Result<void> Read(const Input& input) {
    GranuleReader reader(context_, input, 0, input.segments > 0 ? input.segments : kNoEnd);
    for (bool ended = false; !ended && sink_.WantsMore();) {
      auto step = reader.Read(batch_);
      if (!step) {
        out_.failures.push_back({input.uri, step.error().kind == ErrorKind::kMismatch ? "changed" : "io", step.error().message});
        return {};
      }
      ended = step->ended;
      if (!batch_.empty()) {
        VERDIGRIS_RETURN_IF_ERROR(scanner_.Scan(batch_, result_, [this](size_t item, std::span<const uint32_t> ids) { return OnIds(batch_.items()[item], ids); }));
        // Groups are for the sink: in the run there are none.
        for (DocRow& row : result_.rows) row.group.clear();
        VERDIGRIS_ASSIGN_OR_RETURN(bool complete, step->unit->Add(step->batch_number, batch_, std::move(result_)));
        // A unit that is cut counts as far as it was read.
        if (!complete && !ended && !sink_.WantsMore()) complete = step->unit->Close(/*last=*/false, {});
        if (complete) step->complete.push_back(step->unit);
      }
      for (const auto& unit : step->complete) VERDIGRIS_RETURN_IF_ERROR(Finish(*unit));
    }
    if (!reader.broken().empty()) out_.failures.push_back({input.uri, "broken", "its bytes are damaged: " + std::string(reader.broken())});
    return {};
  }

  NullCorpus End() {
    std::sort(leaves_.begin(), leaves_.end());
    MerkleTree tree;
    for (const auto& [id, leaf] : leaves_) tree.AddHash(leaf);
    out_.units = leaves_.size();
    out_.root = EvidenceRoot(RunDigest(run_), tree.Root(), out_.units);
    return std::move(out_);
  }

 private:
  Result<void> OnIds(const RecordBatch::Item& item, std::span<const uint32_t> ids) {
    if (!sink_.WantsMore()) return {};
    const std::string group = ClipText(batch_.group(item));
    return item.is_text ? sink_.OnDocument(AsBytes(batch_.text(item)), ids, group) : sink_.OnDocument(BytesOfIds(ids), ids, group);
  }

  Result<void> Finish(OpenUnit& unit) {
    VERDIGRIS_RETURN_IF_ERROR(unit.Finish([](std::string_view) { return Result<void>(); }));
    const UnitSummary& summary = unit.summary();
    leaves_.emplace_back(unit.id(), MerkleTree::LeafHash(AsBytes(UnitSummaryJson(summary))));
    out_.failed_records += summary.counts.failed;
    for (uint64_t i = 0; i < summary.counts.failed; ++i) sink_.OnFailed();
    return {};
  }

  const RunObject& run_;
  GranuleContext context_;
  NullCorpusSink& sink_;
  BatchScanner scanner_;
  RecordBatch batch_;
  BatchResult result_;
  std::vector<std::pair<Digest, Digest>> leaves_;
  NullCorpus out_;
};

}  // namespace

Result<NullCorpus> ReadNullCorpus(const ScanSetup& setup, const std::vector<Input>& inputs, const ReadOptions& read, const GroupNamer& namer,
                                  const std::string& spill_folder, NullCorpusSink& sink) {
  NullReader reader(setup, read, namer, spill_folder, sink);
  for (size_t i = 0; i < inputs.size() && sink.WantsMore(); ++i) {
    VERDIGRIS_RETURN_IF_ERROR(reader.Read(inputs[i]));
    sink.OnInputDone(i);
  }
  return reader.End();
}

}  // namespace verdigris::verify
