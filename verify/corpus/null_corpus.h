// The corpus of a calibration (corpus.md C14): documents one after another, in the order of the inputs, and the evidence root of
// what was read. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "verify/corpus/batch_scan.h"
#include "verify/corpus/group_name.h"
#include "verify/corpus/input.h"
#include "watermark/result.h"

namespace verdigris::verify {

// What hears of the documents. An error ends the reading.
class NullCorpusSink {
 public:
  virtual ~NullCorpusSink() = default;
  // `content`: bytes as read, or those of ids. `group`: name of the document's group, as ClipText leaves it.
  virtual Result<void> OnDocument(std::span<const uint8_t> content, std::span<const uint32_t> ids, const std::string& group) = 0;
  // A record that could not be read.
  virtual void OnFailed() = 0;
  virtual bool WantsMore() const = 0;
  // Of the input numbered so, for progress.
  virtual void OnInputDone(size_t input) = 0;
};

struct NullCorpus {
  // That of a scan of these inputs with this run; where the sink wanted no more, the last unit counts as far as it was read.
  Digest root{};
  uint64_t units = 0;
  std::vector<InputFailure> failures;  // inputs that could not be read to their end
  uint64_t failed_records = 0;
};

// `spill_folder`: where rows go that memory has no room for. Precondition: the run pools no groups.
Result<NullCorpus> ReadNullCorpus(const ScanSetup& setup, const std::vector<Input>& inputs, const ReadOptions& read, const GroupNamer& namer,
                                  const std::string& spill_folder, NullCorpusSink& sink);

}  // namespace verdigris::verify
