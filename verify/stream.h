// An endless stream of tokens, judged as it comes, in constant memory (statistics.md 3.2, 6.5).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "watermark/context.h"
#include "watermark/prf.h"
#include "watermark/profile.h"

namespace verdigris::verify {

// Tells which tokens of a stream are scored: as ClassifyPositions and Evidence together, without keeping the stream.
//
// What was met is remembered by hashes. Where these fill the memory, a window (under kTuple, a tuple) whose hash lies in
// the upper half of those still admitted is never scored again, and forgotten. So each is scored once at most, and which
// are is decided by the text and a random number alone: side information, and the law holds for those that are left.
class TokenStream {
 public:
  static constexpr size_t kMostRemembered = size_t{1} << 20;

  // The profile must outlive the stream. `most_remembered`: a power of two.
  TokenStream(const Profile& profile, Rule rule, size_t most_remembered = kMostRemembered);

  // The next token; whether it is scored, and if so, its window is window(). Precondition: id passes CheckIds.
  bool Push(uint32_t id);
  const uint32_t* window() const { return recent_.data(); }  // h ids before the last token pushed

  // What became of the tokens so far.
  struct Counts {
    uint64_t tokens = 0, short_ = 0, special = 0, repeated = 0, scored = 0, left_out = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  bool Remember(uint64_t hash);  // false if it was there
  size_t SlotOf(uint64_t hash) const;

  const Profile& profile_;
  Rule rule_;
  size_t h_;
  uint64_t seed_;
  uint64_t admitted_ = ~uint64_t{0};  // hashes above it are left out
  std::vector<uint64_t> slots_;       // open addressing; 0: free
  size_t used_ = 0;
  std::array<uint32_t, kMaxWindow + 1> recent_{};  // window, then the last token
  Counts counts_;
};

}  // namespace verdigris::verify
