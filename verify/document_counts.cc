// Rows are gathered behind those that are sorted, and settled in pieces: sorted, united, and halved while they are too many.
// What is left of a fingerprint below the bound is complete, since the bound only falls, and at each moment fewer tuples are
// known than at the end, so that it never falls further than the whole corpus makes it.
//
// Tested by tests/verify/overlap_test.cc.
#include "verify/document_counts.h"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace verdigris::verify {
namespace {

constexpr size_t kBatch = 256;
constexpr size_t kLeastPiece = size_t{1} << 12, kMostPiece = size_t{1} << 21;

}  // namespace

DocumentCounts::DocumentCounts(StopFingerprinter fingerprinter, size_t h, int sample_log2, size_t most_rows)
    : fingerprinter_(std::move(fingerprinter)), h_(h), sample_log2_(sample_log2), most_rows_(most_rows) {}

Result<DocumentCounts> DocumentCounts::Create(size_t h, int sample_log2, size_t most_rows) {
  assert(h >= 1 && h <= kMaxWindow && sample_log2 >= 0 && sample_log2 <= kMostSampleLog2 && most_rows >= 1);
  VERDIGRIS_ASSIGN_OR_RETURN(StopFingerprinter fingerprinter, StopFingerprinter::Create());
  return DocumentCounts(std::move(fingerprinter), h, sample_log2, most_rows);
}

bool DocumentCounts::Before(const Row& a, const Row& b) {
  return std::tie(a.fingerprint, a.group) < std::tie(b.fingerprint, b.group);
}

void DocumentCounts::Add(uint32_t group, std::span<const uint32_t* const> windows, std::span<const uint32_t> ids) {
  assert(windows.size() == ids.size());
  Fingerprint fingerprints[kBatch];
  for (size_t start = 0; start < ids.size(); start += kBatch) {
    const size_t batch = std::min(kBatch, ids.size() - start);
    fingerprinter_.Of(windows.data() + start, ids.data() + start, h_, batch, fingerprints);
    for (size_t i = 0; i < batch; ++i) {
      if (IsSampled(fingerprints[i], sample_log2_)) rows_.push_back({fingerprints[i], group, 1});
    }
    if (rows_.size() - settled_ >= std::clamp(settled_, kLeastPiece, kMostPiece)) Settle();
  }
}

void DocumentCounts::Settle() {
  if (settled_ == rows_.size()) return;
  const auto middle = rows_.begin() + static_cast<std::ptrdiff_t>(settled_);
  std::sort(middle, rows_.end(), Before);
  std::inplace_merge(rows_.begin(), middle, rows_.end(), Before);
  size_t kept = 0;
  for (const Row& row : rows_) {
    if (kept > 0 && rows_[kept - 1].fingerprint == row.fingerprint && rows_[kept - 1].group == row.group) {
      rows_[kept - 1].documents += row.documents;
    } else {
      rows_[kept++] = row;
    }
  }
  // Ascending, so that what is sampled stands first.
  for (; kept > most_rows_ && sample_log2_ < kMostSampleLog2; ++sample_log2_) {
    while (kept > 0 && !IsSampled(rows_[kept - 1].fingerprint, sample_log2_ + 1)) --kept;
  }
  rows_.resize(kept);
  settled_ = kept;
}

int DocumentCounts::sample_log2() {
  Settle();
  return sample_log2_;
}

template <class Take>
void DocumentCounts::ForEachTuple(Take&& take) {
  Settle();
  for (size_t begin = 0; begin < rows_.size();) {
    size_t end = begin + 1;
    while (end < rows_.size() && rows_[end].fingerprint == rows_[begin].fingerprint) ++end;
    take(rows_[begin].fingerprint, std::span<const Row>(rows_).subspan(begin, end - begin));
    begin = end;
  }
}

DocumentCounts::Spectra DocumentCounts::SpectraOf(size_t groups) {
  Spectra spectra;
  spectra.of_group.resize(groups);
  ForEachTuple([&](const Fingerprint&, std::span<const Row> rows) {
    uint64_t documents = 0;
    for (const Row& row : rows) {
      documents += row.documents;
      ++spectra.of_group[row.group][row.documents];
    }
    ++spectra.all[documents];
  });
  return spectra;
}

std::vector<Fingerprint> DocumentCounts::Above(uint64_t bound) {
  std::vector<Fingerprint> out;
  ForEachTuple([&](const Fingerprint& fingerprint, std::span<const Row> rows) {
    uint64_t documents = 0;
    for (const Row& row : rows) documents += row.documents;
    if (documents > bound) out.push_back(fingerprint);
  });
  return out;
}

int DocumentCounts::SampleOf(size_t most) {
  std::vector<size_t> tuples(kMostSampleLog2 + 1);  // by the greatest bound that each lies below
  ForEachTuple([&](const Fingerprint& fingerprint, std::span<const Row>) {
    int bits = sample_log2_;
    while (bits < kMostSampleLog2 && IsSampled(fingerprint, bits + 1)) ++bits;
    ++tuples[static_cast<size_t>(bits)];
  });
  size_t below = 0;
  int sample_log2 = kMostSampleLog2;
  while (sample_log2 >= sample_log2_ && below + tuples[static_cast<size_t>(sample_log2)] <= most) {
    below += tuples[static_cast<size_t>(sample_log2--)];
  }
  return std::min(sample_log2 + 1, kMostSampleLog2);
}

}  // namespace verdigris::verify
