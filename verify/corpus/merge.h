// Merging: the union of a map keyed by unit, the evidence root, and the four result files (corpus.md C9, C10, C13). A scan that
// has done all its units calls it for its own directory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "verify/calibration_file.h"
#include "verify/corpus/result_files.h"
#include "verify/corpus/run.h"
#include "verify/corpus/unit.h"

namespace verdigris::verify {

struct MergeOptions {
  std::vector<std::string> directories;  // of runs
  std::vector<std::string> rows;         // of engines; the run object and the list are those of the directories, or of `output`
  std::string output;                    // folder of the result files; made if it is not there
  bool partial = false;                  // write results although units are missing
  std::string missing;                   // file that gets the missing units, a line each
  // None: those of the run object.
  std::optional<int64_t> alpha_log10_e4;
  std::optional<CorpusControl> control;
  uint64_t memory_bytes = uint64_t{64} << 20;  // of first-seen runs, for what documents have first; more goes to `output`'s disk
  uint64_t family = 1;   // all tests were chosen among so many times as many
  std::string baseline;  // an earlier results.jsonl: what was a finding there is known
  // That the keys were chosen by: its tests are counted like `family`, and its own corpus is refused, by evidence root and by the
  // texts of rows.
  std::optional<Calibration> calibration;
};

struct Merged {
  CorpusSummary summary;
  std::vector<Unit> missing;   // the first kMostNamedMissing
  uint64_t missing_count = 0;
  bool written = false;        // false: units are missing, and `partial` was not asked for
  uint64_t new_findings = 0;   // documents but for those of the baseline, and groups
};
inline constexpr size_t kMostNamedMissing = 1000;

// Where the run is first-seen, each tuple belongs to the first document that has it, by (unit id, ordinal, part), among the units
// that are there; documents are judged by what they have first, and those that have too little are untested.
//
// Errors   kMismatch, kMalformed, kUnsupported, kIo, kNotFound with the source at fault, or because of the calibration;
//          kFailedPrecondition where rows do not decide the findings (findings.h); kInternal where sources contradict each other
//          (command-line.md L5: status 4): one unit with two contents, both named, one tuple with two scores, an input that ends
//          twice. Nothing is written then.
// Cost     every unit file is read twice, its groups three times; of a first-seen run the rows three times and the tuples twice.
//          Memory: 150 bytes a unit; 40 a row with p <= tau; 40 a group and test, and 150 more where it has such rows; 80 a
//          distinct text with a finding; 64 MiB of buffers; and `memory_bytes`.
Result<Merged> MergeCorpus(const MergeOptions& options);

// SHA-256 of {"run":..,"schema":"verdigris.evidence-root/1","tree":..,"units":N}.
Digest EvidenceRoot(const Digest& run, const Digest& tree, uint64_t units);

}  // namespace verdigris::verify
