// Stored answers and readings -> evidence: reference models run over them, lists cut to the k best.
#pragma once

#include <thread>

#include "tests/experiments/distillation/dump.h"
#include "tests/experiments/distillation/marked_world.h"
#include "tools/pocket_reference.h"
#include "verify/suspect/evidence.h"

namespace verdigris::testing {

inline verify::ReferenceModel ReferenceModelOf(const PocketWorld& world, const std::string& folder) {
  return Must(tools::PocketReference(folder, *world.tokenizer));
}

// What a model that never saw the mark gives at the positions of the first records that hold `tokens` output tokens: all ids
// from 2^-9 on, the id that stands there, and those listed. On two threads.
inline std::vector<verify::Lists> ReferencesOf(const verify::ReferenceModel& model, const std::vector<DumpRecord>& records, size_t tokens) {
  size_t count = 0, total = 0;
  for (; count < records.size() && total < tokens; ++count) total += records[count].output.size();
  std::vector<verify::Lists> out(count);
  std::vector<std::jthread> threads;
  for (size_t part = 0; part < 2; ++part) {
    threads.emplace_back([&, part] {
      for (size_t r = part; r < count; r += 2) {
        verify::OneRecord record;
        record.shown = records[r].prompt;
        record.output = records[r].output;
        if (records[r].listed) {
          record.suspect.emplace();
          for (const auto& list : records[r].lists) record.suspect->Add(verify::KeepTopK(list, list.size(), std::nullopt));
        }
        out[r] = Must(model(record));
      }
    });
  }
  threads.clear();
  return out;
}

// Evidence of the first records that hold `tokens` output tokens. `lists`: ids a position, 0 for answers alone.
// `references`: as ReferencesOf made them, at least as many records.
inline verify::SuspectEvidence EvidenceOf(const PocketWorld& world, const std::vector<DumpRecord>& records, size_t window, verify::Showing showing,
                                          size_t tokens, size_t lists, const std::vector<const std::vector<verify::Lists>*>& references) {
  const verify::SuspectEvidence::Options options{window, references.size(), showing, uint64_t{8} << 30, {}};
  verify::SuspectEvidence evidence(options, SpecialIds(world.tokenizer->special_ids(), world.tokenizer->vocab()));
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
