// In how many documents of a corpus each tuple lies, by groups of documents: what overlap and stop tuples follow from
// (statistics.md 9.2; corpus.md C14). No key enters, and memory is bounded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "verify/overlap.h"
#include "verify/sample.h"
#include "watermark/result.h"

namespace verdigris::verify {

// Tuples are known by their fingerprints of stop lists. Those below 2^(128 - sample_log2) are counted; where they take more than
// `most_rows` rows, one a tuple and group, sample_log2 rises by 1 and half of them go. It ends at the least value, from the one
// given on, for which all fit: the result does not depend on the order of the documents.
class DocumentCounts {
 public:
  // h: window width, 1 to 8. sample_log2: 0 to 64. most_rows >= 1.
  static Result<DocumentCounts> Create(size_t h, int sample_log2, size_t most_rows);

  // A document of `group` has these tuples, each once: (windows[i], ids[i]).
  void Add(uint32_t group, std::span<const uint32_t* const> windows, std::span<const uint32_t> ids);

  int sample_log2();

  struct Spectra {
    Spectrum all;                    // of all documents
    std::vector<Spectrum> of_group;  // of those of each group alone
  };
  // Precondition: every group added is below `groups`.
  Spectra SpectraOf(size_t groups);
  // Of the tuples counted, those in more than `bound` documents.
  std::vector<Fingerprint> Above(uint64_t bound);
  // The least sample_log2, from that of the counts on, below which at most `most` tuples lie.
  int SampleOf(size_t most);

  const StopFingerprinter& fingerprinter() const { return fingerprinter_; }

  // Bytes of memory a row may take, with room to sort.
  static constexpr size_t kRowBytes = 48;

 private:
  struct Row {
    Fingerprint fingerprint;
    uint32_t group;
    uint32_t documents;
  };

  DocumentCounts(StopFingerprinter fingerprinter, size_t h, int sample_log2, size_t most_rows);
  static bool Before(const Row& a, const Row& b);
  void Settle();
  // `take(fingerprint, rows)` for each tuple, ascending, with its rows by group.
  template <class Take>
  void ForEachTuple(Take&& take);

  StopFingerprinter fingerprinter_;
  size_t h_;
  int sample_log2_;
  size_t most_rows_;
  std::vector<Row> rows_;
  size_t settled_ = 0;  // rows that are ascending and distinct; those behind are neither
};

}  // namespace verdigris::verify
