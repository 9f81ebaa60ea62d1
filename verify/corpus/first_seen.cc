// Tuples come by fingerprint, which scatters them over all documents. Records gather until the memory is full and are united by
// document; where that frees less than half of it they are written as a sorted run. At the end runs are merged, kMostRuns at a
// time, into one.
//
// Tested by tests/verify/corpus/first_seen_test.cc.
#include "verify/corpus/first_seen.h"

#include <algorithm>
#include <deque>
#include <span>

#include "verify/big_endian.h"

namespace verdigris::verify {
namespace {

constexpr size_t kRecordBytes = 4 * 4 + 8 + 16;
constexpr size_t kLeastRecords = 16;
constexpr size_t kMostRuns = 256;
constexpr size_t kMostBuffer = size_t{1} << 18;

bool Before(const FirstSeen& a, const FirstSeen& b) { return a.document < b.document; }

void Append(std::string& out, const FirstSeen& record) {
  for (const uint32_t part : {record.document.unit, record.document.ordinal, record.document.part, record.document.test}) AppendBe(out, part, 4);
  AppendBe(out, record.n, 8);
  AppendBe(out, static_cast<uint64_t>(record.s >> 64), 8);
  AppendBe(out, static_cast<uint64_t>(record.s), 8);
}

FirstSeen RecordAt(const char* at) {
  const auto word = [at](size_t i) { return static_cast<uint32_t>(ReadBe(at + 4 * i, 4)); };
  return {{word(0), word(1), word(2), word(3)}, ReadBe(at + 16, 8), static_cast<Statistic>(ReadBe(at + 24, 8)) << 64 | ReadBe(at + 32, 8)};
}

}  // namespace

FirstSeenReader::FirstSeenReader(std::shared_ptr<const ByteSource> source, uint64_t offset, uint64_t records, size_t buffer_bytes)
    : source_(std::move(source)), offset_(offset), left_(records), buffer_bytes_(buffer_bytes) {}

Result<std::optional<FirstSeen>> FirstSeenReader::Peek() {
  if (begin_ == buffer_.size()) {
    if (left_ == 0) return std::nullopt;
    const uint64_t records = std::min<uint64_t>(left_, std::max<size_t>(1, buffer_bytes_ / kRecordBytes));
    VERDIGRIS_ASSIGN_OR_RETURN(buffer_, source_->Read(offset_, records * kRecordBytes));
    begin_ = 0;
    offset_ += buffer_.size();
    left_ -= records;
  }
  return RecordAt(buffer_.data() + begin_);
}

void FirstSeenReader::Next() { begin_ += kRecordBytes; }

FirstSeenCounts::FirstSeenCounts(std::string spill_folder, uint64_t memory_bytes)
    : folder_(std::move(spill_folder)), most_records_(std::max<size_t>(kLeastRecords, static_cast<size_t>(memory_bytes) / sizeof(FirstSeen))), spool_(folder_) {}

void FirstSeenCounts::Unite() {
  std::sort(records_.begin(), records_.end(), Before);
  size_t kept = 0;
  for (const FirstSeen& record : records_) {
    if (kept > 0 && records_[kept - 1].document == record.document) {
      records_[kept - 1].n += record.n;
      records_[kept - 1].s += record.s;
    } else {
      records_[kept++] = record;
    }
  }
  records_.resize(kept);
}

Result<void> FirstSeenCounts::WriteRun() {
  runs_.push_back({spool_.size(), records_.size()});
  std::string bytes;
  for (const FirstSeen& record : records_) {
    bytes.clear();
    Append(bytes, record);
    VERDIGRIS_RETURN_IF_ERROR(spool_.Append(bytes));
  }
  records_.clear();
  return {};
}

Result<void> FirstSeenCounts::Add(const TestedDocument& document, uint64_t score) {
  if (records_.capacity() < most_records_) records_.reserve(most_records_);  // growing by itself would take half as much again
  if (records_.size() == most_records_) {
    Unite();
    if (records_.size() > most_records_ / 2) VERDIGRIS_RETURN_IF_ERROR(WriteRun());
  }
  records_.push_back({document, 1, score});
  return {};
}

size_t FirstSeenCounts::BufferBytes(size_t runs) const { return std::min(kMostBuffer, most_records_ * sizeof(FirstSeen) / runs); }

Result<FirstSeenCounts::Run> FirstSeenCounts::Merge(const Run* runs, size_t count, Spool& to) const {
  struct Head {
    FirstSeen record;
    FirstSeenReader* reader;
  };
  std::deque<FirstSeenReader> readers;
  std::vector<Head> heap;
  const auto after = [](const Head& a, const Head& b) { return Before(b.record, a.record); };
  for (const Run& run : std::span(runs, count)) {
    readers.emplace_back(spool_.source(), run.offset, run.records, BufferBytes(count));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto first, readers.back().Peek());
    if (first) heap.push_back({*first, &readers.back()});
  }
  std::make_heap(heap.begin(), heap.end(), after);
  Run merged{to.size(), 0};
  std::string bytes;
  while (!heap.empty()) {
    FirstSeen sum{heap.front().record.document, 0, 0};
    while (!heap.empty() && heap.front().record.document == sum.document) {
      std::pop_heap(heap.begin(), heap.end(), after);
      Head& least = heap.back();
      sum.n += least.record.n;
      sum.s += least.record.s;
      least.reader->Next();
      VERDIGRIS_ASSIGN_OR_RETURN(const auto next, least.reader->Peek());
      if (next) {
        least.record = *next;
        std::push_heap(heap.begin(), heap.end(), after);
      } else {
        heap.pop_back();
      }
    }
    bytes.clear();
    Append(bytes, sum);
    VERDIGRIS_RETURN_IF_ERROR(to.Append(bytes));
    ++merged.records;
  }
  return merged;
}

Result<void> FirstSeenCounts::Finish() {
  Unite();
  VERDIGRIS_RETURN_IF_ERROR(WriteRun());
  records_ = {};  // the memory is for buffers now
  while (runs_.size() > 1) {
    Spool next(folder_);
    std::vector<Run> merged;
    for (size_t at = 0; at < runs_.size(); at += kMostRuns) {
      VERDIGRIS_ASSIGN_OR_RETURN(const Run run, Merge(&runs_[at], std::min(kMostRuns, runs_.size() - at), next));
      merged.push_back(run);
    }
    spool_ = std::move(next);
    runs_ = std::move(merged);
  }
  return {};
}

FirstSeenReader FirstSeenCounts::Read() const { return {spool_.source(), runs_.front().offset, runs_.front().records, BufferBytes(1)}; }

}  // namespace verdigris::verify
