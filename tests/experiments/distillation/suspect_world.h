// Stored answers and readings -> evidence: reference models run over them, lists cut to the k best.
#pragma once

#include <algorithm>
#include <map>
#include <thread>

#include "tests/experiments/distillation/dump.h"
#include "tests/experiments/distillation/marked_world.h"
#include "verify/suspect/evidence.h"

namespace verdigris::testing {

// Probabilities of a model that never saw the mark at the positions of one record: all ids from 2^-9 on, the id that
// stands there, and those listed.
using ReferenceLists = std::vector<std::vector<verify::ListEntry>>;

inline ReferenceLists ReferenceOf(const pocket::PocketLm& model, const DumpRecord& record) {
  pocket::Session session(model);
  std::vector<uint32_t> shown = {model.bos_id()};
  shown.insert(shown.end(), record.prompt.begin(), record.prompt.end());
  shown.insert(shown.end(), record.output.begin(), record.output.end());
  const size_t vocab = model.vocab();
  std::vector<float> rows(vocab * shown.size());
  Must(session.FeedEach(shown, rows));
  ReferenceLists out;
  for (size_t t = 0; t < record.output.size(); ++t) {
    const std::span<float> p(rows.data() + vocab * (record.prompt.size() + t), vocab);
    const float top = *std::max_element(p.begin(), p.end());
    float sum = 0;
    for (float& value : p) sum += value = std::exp(value - top);
    std::vector<uint32_t> ids = {record.output[t]};
    if (record.listed) {
      for (const auto& [id, ln_p] : record.lists[t]) ids.push_back(id);
    }
    for (uint32_t id = 0; id < vocab; ++id) {
      if (p[id] >= 0x1p-9f * sum) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    std::vector<verify::ListEntry> list;
    for (const uint32_t id : ids) list.push_back({id, static_cast<uint64_t>(static_cast<double>(p[id] / sum) * 0x1p32 + 0.5)});
    out.push_back(std::move(list));
  }
  return out;
}

// Of the first records that hold `tokens` output tokens, on two threads.
inline std::vector<ReferenceLists> ReferencesOf(const pocket::PocketLm& model, const std::vector<DumpRecord>& records, size_t tokens) {
  size_t count = 0, total = 0;
  for (; count < records.size() && total < tokens; ++count) total += records[count].output.size();
  std::vector<ReferenceLists> out(count);
  std::vector<std::jthread> threads;
  for (size_t part = 0; part < 2; ++part) {
    threads.emplace_back([&, part] {
      for (size_t r = part; r < count; r += 2) out[r] = ReferenceOf(model, records[r]);
    });
  }
  threads.clear();
  return out;
}

// Evidence of the first records that hold `tokens` output tokens. `lists`: ids a position, 0 for answers alone.
// `references`: as ReferencesOf made them, at least as many records.
inline verify::SuspectEvidence EvidenceOf(const PocketWorld& world, const std::vector<DumpRecord>& records, size_t window, verify::Showing showing,
                                          size_t tokens, size_t lists, const std::vector<const std::vector<ReferenceLists>*>& references) {
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
        std::vector<verify::ListEntry> list = (*references[k])[r][t];
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
