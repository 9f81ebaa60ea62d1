// What models that never saw the mark say of stored answers and readings: they run here.
#pragma once

#include <thread>

#include "tests/experiments/distillation/stored_evidence.h"
#include "tests/experiments/distillation/marked_world.h"
#include "tools/pocket_reference.h"

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

}  // namespace verdigris::testing
