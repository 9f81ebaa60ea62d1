// A sample of tuples for streams without end: which tuples are kept depends on a keyed hash of each and on nothing else, so
// memory is flat, the law of what is kept is exact, and samples of parts merge into the sample of the whole (statistics.md
// 3.2; corpus.md C7).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "watermark/context.h"
#include "watermark/layers.h"
#include "watermark/prf.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::verify {

using Fingerprint = std::array<uint8_t, kBlockBytes>;

// Below 2^(128 - sample_log2): the first sample_log2 bits are zero.
inline constexpr int kMostSampleLog2 = 64;
bool IsSampled(const Fingerprint& fingerprint, int sample_log2);

// F of C7: CMAC(Kfp, u16be(length of e) || e), e = M || u32be(id). Independent of the draws, so a choice by F is side
// information. Immutable; any number of threads.
class Fingerprinter {
 public:
  static Result<Fingerprinter> Create(const Key& layer_key);
  // Of tuples (windows[i], ids[i]), windows of h ids.
  void Of(const uint32_t* const* windows, const uint32_t* ids, size_t h, size_t count, Fingerprint* out) const;

 private:
  explicit Fingerprinter(WindowMac mac) : mac_(std::move(mac)) {}
  WindowMac mac_;
};

// Counts of occurrences stay at 2^32 - 1.
inline uint32_t AddOccurrences(uint32_t a, uint32_t b) { return a > ~uint32_t{0} - b ? ~uint32_t{0} : a + b; }

// The `keep` smallest distinct fingerprints below 2^(128 - sample_log2), each with its score and its number of occurrences.
class Sample {
 public:
  struct Row {
    Fingerprint fingerprint;
    uint64_t score;
    uint32_t occurrences;
    uint64_t place = 0;    // the least of those it was added at
    bool operator==(const Row&) const = default;
  };

  // keep 0: no limit. sample_log2: 0 to 64.
  Sample(size_t keep, int sample_log2);

  // Whether a tuple of this fingerprint could be kept: ask before scoring it.
  bool Takes(const Fingerprint& fingerprint) const;
  // Precondition: Takes(fingerprint); equal fingerprints come with equal scores.
  void Add(const Fingerprint& fingerprint, uint64_t score);
  // Where what is added from here on is met; 0 before.
  void SetPlace(uint64_t place) { place_ = place; }

  // The sample of both streams; in any order and grouping the same. Parts must be disjoint, or occurrences count twice.
  // Errors   kMismatch: another keep or sample_log2, or a fingerprint with two scores; this sample is then as it was.
  Result<void> Merge(Sample other);

  // Ascending by fingerprint. n of the test is their number, its statistic the sum of their scores.
  std::span<const Row> rows();
  // A row was dropped for `keep`.
  bool full();
  Statistic statistic();
  // sum c^2 / sum c over occurrences: how much naive counting would inflate the variance. 0 where empty.
  double inflation();
  size_t memory_bytes() const { return (rows_.capacity() + pending_.capacity()) * sizeof(Row); }

 private:
  void Settle();

  size_t keep_;
  int sample_log2_;
  bool full_ = false;
  uint64_t place_ = 0;
  std::vector<Row> rows_;     // ascending, distinct, at most keep_
  std::vector<Row> pending_;  // not yet among them
};

struct SampledTuple {
  Fingerprint fingerprint;
  uint64_t score;
};

// Appends the tuples of the eligible positions of one text that belong to `layer` (all of them where the selector is needed
// and not there) and whose fingerprint is below 2^(128 - sample_log2), in the order of the positions: what
// Sample::Add wants of them. Precondition: Has(layer).
void SampleTuples(const Profile& profile, const Layers& layers, Layer layer, const Fingerprinter& fingerprinter,
                  std::span<const uint32_t> ids, std::span<const PositionState> states, int sample_log2, std::vector<SampledTuple>& out);

// The same into a sample.
void SampleText(const Profile& profile, const Layers& layers, Layer layer, const Fingerprinter& fingerprinter,
                std::span<const uint32_t> ids, std::span<const PositionState> states, Sample& sample);

}  // namespace verdigris::verify
