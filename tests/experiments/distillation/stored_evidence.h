// Stored answers and readings -> evidence: lists cut to the k best.
#pragma once

#include "tests/experiments/distillation/dump.h"
#include "tests/pocket_texts.h"
#include "verify/suspect/evidence.h"

namespace verdigris::testing {

// Evidence of the first records that hold `tokens` output tokens. `lists`: ids a position, 0 for answers alone.
// `references`: lists of at least as many records.
inline verify::SuspectEvidence EvidenceOf(const SpecialIds& special, const std::vector<DumpRecord>& records, size_t window, verify::Showing showing,
                                          size_t tokens, size_t lists, const std::vector<const std::vector<verify::Lists>*>& references) {
  const verify::SuspectEvidence::Options options{window, references.size(), showing, uint64_t{8} << 30, {}};
  verify::SuspectEvidence evidence(options, special);
  size_t total = 0;
  for (size_t r = 0; r < records.size() && total < tokens; ++r) {
    const DumpRecord& record = records[r];
    total += record.output.size();
    verify::Lists suspect;
    std::array<verify::Lists, verify::kMaxReferences> given;
    for (size_t t = 0; t < record.output.size(); ++t) {
      std::optional<uint32_t> sampled;
      if (showing == verify::Showing::kClosed) sampled = record.output[t];
      if (lists != 0) suspect.Add(verify::KeepTopK(record.lists[t], lists, sampled));
      for (size_t k = 0; k < references.size(); ++k) {
        const auto all = (*references[k])[r][t];
        std::vector<verify::ListEntry> list(all.begin(), all.end());
        if (lists == 0) {
          std::erase_if(list, [&](const verify::ListEntry& e) { return e.probability < verify::kProbabilityOne >> 9 && e.id != record.output[t]; });
        }
        given[k].Add(list);
      }
    }
    verify::SuspectRecord view{record.prompt, record.output, lists != 0 ? &suspect : nullptr, {}};
    for (size_t k = 0; k < references.size(); ++k) view.references[k] = &given[k];
    Must(evidence.AddUnit(r, {&view, 1}));
  }
  return evidence;
}

}  // namespace verdigris::testing
