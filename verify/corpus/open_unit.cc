// Counts add up, whoever comes first. Rows and tuples of groups are taken in the order of the documents: a batch that is early
// waits, and no more can wait than there are threads.
//
// Tested by tests/verify/corpus/scan_test.cc.
#include "verify/corpus/open_unit.h"

#include <algorithm>
#include <cassert>

namespace verdigris::verify {

OpenUnit::OpenUnit(const RunObject& run, const Unit& unit, const std::string& spill_folder, uint64_t group_memory)
    : spill_folder_(spill_folder), id_(UnitId(unit)), summary_(EmptySummary(run, unit)), builder_(spill_folder) {
  if (run.holds_tuples()) groups_.emplace(run.group, run.first_seen, id_, spill_folder, group_memory);
}

std::optional<uint64_t> OpenUnit::Take(const Record& record) {
  const uint64_t ordinal = records_++;
  last_offset_ = record.offset;
  std::string_view failure = record.failure;
  // What no tokenizer gives, whoever wrote it into the array.
  if (record.kind == RecordKind::kIds && !CheckIds(record.ids)) failure = "id_out_of_range";
  if (record.kind == RecordKind::kFailed || !failure.empty()) {
    ++summary_.counts.failed;
    ++summary_.counts.errors[std::string(failure)];
    content_.AddFailed();
    if (errors_.size() < kMostListedErrors) errors_.push_back({std::string(failure), record.offset, ordinal});
    return std::nullopt;
  }
  if (record.kind == RecordKind::kNotText) {
    ++summary_.counts.not_text;
    return std::nullopt;
  }
  ++summary_.counts.documents;
  if (record.kind == RecordKind::kText) {
    content_.Add(AsBytes(record.text));
  } else {
    content_.AddIds(record.ids);
  }
  return ordinal;
}

uint64_t OpenUnit::StartBatch() {
  const std::lock_guard lock(mutex_);
  ++open_;
  return batches_++;
}

bool OpenUnit::Close(bool last, std::string_view broken) {
  summary_.last = last;
  summary_.broken = !broken.empty();
  if (summary_.broken) {
    ++summary_.counts.errors[std::string(broken)];
    if (errors_.size() < kMostListedErrors) errors_.push_back({std::string(broken), last_offset_, records_});
  }
  const std::lock_guard lock(mutex_);
  return --open_ == 0 && !abandoned_;
}

Result<void> OpenUnit::TakeInOrder(Waiting& waiting) {
  for (const DocRow& row : waiting.rows) VERDIGRIS_RETURN_IF_ERROR(builder_.Add(row));
  for (const Waiting::Group& group : waiting.groups) {
    VERDIGRIS_ASSIGN_OR_RETURN(Sample* const sample, groups_->SampleOf(group.name, group.test, group.ordinal, group.part));
    for (const SampledTuple& tuple : group.tuples) {
      if (sample->Takes(tuple.fingerprint)) sample->Add(tuple.fingerprint, tuple.score);
    }
  }
  return {};
}

Result<bool> OpenUnit::Add(uint64_t batch_number, const RecordBatch& batch, BatchResult result) {
  Waiting mine;
  mine.rows = std::move(result.rows);
  for (const BatchResult::GroupTuples& group : result.groups) {
    const RecordBatch::Item& item = batch.items()[group.item];
    const auto tuples = result.tuples.begin();
    mine.groups.push_back({ClipText(batch.group(item)), group.test, item.ordinal, item.part,
                           {tuples + static_cast<std::ptrdiff_t>(group.begin), tuples + static_cast<std::ptrdiff_t>(group.end)}});
  }
  const std::lock_guard lock(mutex_);
  counts_.Add(result.counts);
  for (size_t i = 0; i < result.results.size(); ++i) summary_.results[i].Add(result.results[i]);
  waiting_.emplace(batch_number, std::move(mine));
  for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_; first = waiting_.begin()) {
    VERDIGRIS_RETURN_IF_ERROR(TakeInOrder(first->second));
    waiting_.erase(first);
    ++next_;
  }
  return --open_ == 0 && !abandoned_;
}

void OpenUnit::Abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
}

bool OpenUnit::abandoned() const {
  const std::lock_guard lock(mutex_);
  return abandoned_;
}

Result<void> OpenUnit::Finish(const ByteSink& sink) {
  assert(open_ == 0 && waiting_.empty());
  summary_.counts.Add(counts_);
  summary_.content = content_.Value();
  for (const ErrorEntry& entry : errors_) VERDIGRIS_RETURN_IF_ERROR(builder_.Add(entry));
  if (!groups_) return builder_.Finish(summary_, {0, Sha256({}), Spool(spill_folder_)}, sink);
  VERDIGRIS_ASSIGN_OR_RETURN(const GroupBlock groups, groups_->Finish());
  return builder_.Finish(summary_, groups, sink);
}

}  // namespace verdigris::verify
