// Filters: which windows an account was served, without the text (suspect-models.md M5; docs/formats/filter.md). The
// provider makes them from its log; a test with one looks only where the account was served anything.
//
// A filter is confidential: at windows of one or two ids its windows can be enumerated.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/context.h"
#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

using FilterSalt = std::array<uint8_t, 16>;

inline constexpr uint8_t kLeastDigestBytes = 4, kMostDigestBytes = 8, kDefaultDigestBytes = 6;
// Ranks have 32 bits.
inline constexpr uint64_t kMostFilterWindows = UINT32_MAX;

struct FilterFacts {
  uint8_t window = 2;                           // h, 1..8
  uint8_t digest_bytes = kDefaultDigestBytes;   // b, 4..8
  Digest scheme_id{};
  FilterSalt salt{};                            // random, one an epoch
  std::string label;                            // of an account, or empty
};

// A filter file and its windows. Immutable; any number of threads.
class Filter {
 public:
  // Takes a file's bytes.
  // Errors   kMalformed, naming the part: magic, window, digest bytes, label, length, order, ranks, digest; kLimit:
  //          more windows than ranks can number.
  // Cost     one SHA-256 over the file, and a pass over the entries; memory is the file's, b + 4 bytes a window.
  static Result<Filter> Parse(std::string bytes);

  const FilterFacts& facts() const { return facts_; }
  uint64_t size() const { return count_; }  // windows

  // Place of a window in the log, from 0: the order in which the account was first served its windows. None: it was not.
  // `window`: h ids, oldest first. A window that was not served has a rank with chance FalsePositiveRate().
  // Cost     one SHA-256 and log2(size()) comparisons, about 1 us.
  std::optional<uint32_t> RankOf(const uint32_t* window) const;

  double FalsePositiveRate() const;  // size() 2^-8b

  const std::string& bytes() const { return bytes_; }
  Digest digest() const;  // SHA-256 of the file

 private:
  friend Result<Filter> Unite(const Filter& first, const Filter& second, std::string label);
  friend Result<Filter> Intersect(const Filter& first, const Filter& second, std::string label);
  friend class FilterBuilder;

  // A window's digest, its first byte the highest, and where it stands in the order; ties in digest keep the earlier.
  struct Entry {
    uint64_t digest;
    uint64_t order;
  };
  static Result<Filter> Make(FilterFacts facts, std::vector<Entry> entries);
  Filter(FilterFacts facts, uint64_t count, std::string bytes);
  Entry EntryAt(uint64_t index) const;
  uint64_t LowerBound(uint64_t digest) const;
  bool Contains(uint64_t digest) const;

  FilterFacts facts_;
  uint64_t count_;
  std::string bytes_;
};

// The windows of either; the second's new ones stand behind the first's, as if the logs were one behind the other. A log
// of both in order of time gives the same windows in their true order, and also leaves out what a prompt of one showed
// before the other was served it: where that can happen, build the filter anew.
// Errors   kMismatch: another salt, scheme, window or digest length; kInvalidArgument: a label that is none; kLimit.
Result<Filter> Unite(const Filter& first, const Filter& second, std::string label);
// The windows of both, in the order of the first. Errors: as Unite.
Result<Filter> Intersect(const Filter& first, const Filter& second, std::string label);

// Makes a filter from a complete log in order of time.
class FilterBuilder {
 public:
  // `special` must outlive the builder.
  // Errors   kInvalidArgument: facts out of range.
  static Result<FilterBuilder> Create(FilterFacts facts, const SpecialIds& special);

  // The next answer of the account. Its windows of positions that N5 items 1 to 3 allow are entered, oldest first, also
  // those before a special token; not those that a prompt, this one or an earlier, showed before.
  // Errors   kInvalidArgument: ids from 2^24 on; kLimit: more than 2^31 windows.
  // Cost     about 0.2 us a token at a million windows; 4h + 9 to 17 bytes of memory a distinct window, shown ones included.
  Result<void> Add(std::span<const uint32_t> prompt, std::span<const uint32_t> output);

  uint64_t answers() const { return answers_; }
  uint64_t served() const { return served_; }                    // distinct windows that are entered
  uint64_t tokens() const { return tokens_; }                    // of answers
  // Two windows of one digest become one entry, with the rank of the earlier. Cost: about 1 us a window.
  Result<Filter> Finish() const;

 private:
  FilterBuilder(FilterFacts facts, const SpecialIds& special);
  Result<void> Enter(std::span<const uint32_t> ids, bool served);
  void Grow();
  size_t FindSlot(const uint32_t* window) const;

  FilterFacts facts_;
  const SpecialIds* special_;
  uint64_t seed_;
  std::vector<uint32_t> windows_;    // h ids a row, in the order of first encounter
  std::vector<bool> row_is_served_;  // else a prompt showed it first
  std::vector<uint32_t> slots_;      // open addressing: 1 + row
  uint64_t answers_ = 0, served_ = 0, tokens_ = 0;
};

}  // namespace verdigris::verify
