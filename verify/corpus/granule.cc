// Tested by tests/verify/corpus/scan_test.cc.
#include "verify/corpus/granule.h"

#include <sys/stat.h>

#include <algorithm>
#include <limits>

namespace verdigris::verify {

Unit UnitOf(const Input& input, const ReadOptions& options, uint64_t segment) {
  Unit unit;
  unit.format = FormatName(input.format);
  // Formats without fields have none, so that the option does not enter.
  switch (input.format) {
    case Format::kJsonl:
    case Format::kCsv:
    case Format::kTsv:
    case Format::kParquet: unit.path = options.ids_field.empty() ? options.text_field : options.ids_field; break;
    default: break;
  }
  unit.segment = segment;
  unit.size = input.size;
  unit.unit_bytes = options.unit_bytes;
  unit.uri = input.uri;
  return unit;
}

GranuleReader::GranuleReader(const GranuleContext& context, const Input& input, uint64_t first, uint64_t end)
    : context_(context), input_(input), first_(first), end_(end) {}

Result<void> GranuleReader::CheckUnchanged() const {
  if (input_.path == "-" || input_.size < 0) return {};
  struct stat info;
  if (::stat(input_.path.c_str(), &info) != 0) return Fail(ErrorKind::kMismatch, "the file is gone");
  const int64_t mtime_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  if (info.st_size != input_.size || mtime_ns != input_.mtime_ns || info.st_ino != input_.inode) {
    const std::string what = info.st_size == input_.size ? "written again, or another file" : std::to_string(info.st_size) + " bytes, listed " + std::to_string(input_.size);
    return Fail(ErrorKind::kMismatch, "the file changed after it was listed: " + what);
  }
  return {};
}

Result<void> GranuleReader::Start() {
  VERDIGRIS_RETURN_IF_ERROR(CheckUnchanged());
  for (; first_ < end_; ++first_) {
    const UnitState state = context_.state_of(UnitOf(input_, context_.options, first_));
    if (state == UnitState::kMissing) break;
    ++passed_over_;
    if (state == UnitState::kDoneLast) end_ = first_ + 1;
  }
  if (first_ == end_) return {};
  VERDIGRIS_ASSIGN_OR_RETURN(reader_, OpenReader(input_, context_.options, first_, end_));
  return {};
}

void GranuleReader::Open(uint64_t segment) {
  segment_ = segment;
  const Unit unit = UnitOf(input_, context_.options, segment);
  // The first was asked for by Start().
  if (segment != first_ && context_.state_of(unit) != UnitState::kMissing) {
    unit_ = nullptr;
    ++passed_over_;
  } else {
    unit_ = std::make_shared<OpenUnit>(context_.run, unit, context_.spill_folder, context_.group_memory);
  }
}

Result<void> GranuleReader::CloseCurrent(bool last, std::string_view broken, Step& step) {
  if (unit_ == nullptr) return {};
  VERDIGRIS_RETURN_IF_ERROR(CheckUnchanged());
  if (unit_->Close(last, broken)) step.complete.push_back(unit_);
  unit_ = nullptr;
  return {};
}

Result<void> GranuleReader::GoTo(uint64_t segment, Step& step) {
  uint64_t next = first_;
  if (segment_) {
    VERDIGRIS_RETURN_IF_ERROR(CloseCurrent(false, {}, step));
    next = *segment_ + 1;
  }
  for (; next < segment; ++next) {
    Open(next);
    VERDIGRIS_RETURN_IF_ERROR(CloseCurrent(false, {}, step));
  }
  Open(segment);
  return {};
}

Result<void> GranuleReader::ReadInto(RecordBatch& batch, Step& step) {
  if (reader_ == nullptr) VERDIGRIS_RETURN_IF_ERROR(Start());
  if (reader_ == nullptr) {
    step.ended = true;
    return {};
  }
  const auto hand_out = [&] {
    if (batch.empty()) return;
    step.unit = unit_;
    step.batch_number = unit_->StartBatch();
  };
  for (;;) {
    if (!has_record_) {
      VERDIGRIS_ASSIGN_OR_RETURN(has_record_, reader_->Next(record_));
      if (!has_record_) {
        hand_out();
        const std::optional<uint64_t> last = reader_->last_segment();
        broken_ = reader_->broken();
        // Segments without documents are units too, up to the last of the input.
        const uint64_t up_to = last ? std::min(*last, end_ - 1) : end_ - 1;
        if (!last || *last >= first_) {
          if (!segment_ || *segment_ < up_to) VERDIGRIS_RETURN_IF_ERROR(GoTo(up_to, step));
          const bool is_last = last && *last == up_to;
          VERDIGRIS_RETURN_IF_ERROR(CloseCurrent(is_last, is_last ? std::string_view(broken_) : std::string_view(), step));
        }
        step.ended = true;
        return {};
      }
    }
    if (segment_ != record_.segment) {
      hand_out();
      VERDIGRIS_RETURN_IF_ERROR(GoTo(record_.segment, step));
      if (step.unit != nullptr) return {};
    }
    has_record_ = false;
    if (unit_ == nullptr) continue;
    if (const auto ordinal = unit_->Take(record_)) {
      batch.Add(record_, *ordinal, context_.namer.NameOf(input_.uri, record_.group, name_buffer_), context_.run.max_doc_bytes);
    }
    if (batch.full()) {
      hand_out();
      return {};
    }
  }
}

Result<GranuleReader::Step> GranuleReader::Read(RecordBatch& batch) {
  batch.Clear();
  Step step;
  if (auto read = ReadInto(batch, step); !read) {
    if (unit_ != nullptr) unit_->Abandon();
    for (const auto& unit : step.complete) unit->Abandon();
    if (step.unit != nullptr) step.unit->Abandon();
    return Unexpected(read.error());
  }
  return step;
}

}  // namespace verdigris::verify
