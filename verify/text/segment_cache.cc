// Tested by tests/verify/text/byte_bpe_test.cc and sentencepiece_fast_test.cc.
#include "verify/text/segment_cache.h"

#include <algorithm>

namespace verdigris::verify {

void SegmentCache::Keep(std::string_view segment, uint64_t hash, std::span<const uint32_t> words, std::span<const uint8_t> bytes) {
  const size_t size = 1 + words.size() + (segment.size() + bytes.size() + 3) / 4;
  if (words_.size() + size > word_limit_ || used_ >= slots_.size() / 4 * 3) Empty(4 * bytes_);
  size_t probe = 0;
  while (probe < kProbes && slots_[(hash + probe) & (slots_.size() - 1)].word != 0) ++probe;
  if (probe == kProbes) return;
  const size_t at = words_.size();
  words_.resize(at + size);
  words_[at] = static_cast<uint32_t>(words.size() | segment.size() << 16);
  std::copy(words.begin(), words.end(), words_.begin() + static_cast<std::ptrdiff_t>(at + 1));
  auto* rest = reinterpret_cast<uint8_t*>(words_.data() + at + 1 + words.size());
  std::copy(segment.begin(), segment.end(), rest);
  std::copy(bytes.begin(), bytes.end(), rest + segment.size());
  slots_[(hash + probe) & (slots_.size() - 1)] = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(at + 1)};
  ++used_;
}

// Forgets everything, and is larger from now on where it may be.
void SegmentCache::Empty(size_t bytes) {
  bytes_ = std::min(bytes, most_bytes_);
  size_t slots = 1;
  while (slots * 4 * sizeof(Slot) <= bytes_) slots *= 2;
  words_.clear();
  used_ = 0;
  if (slots < 128) return;  // too little for anything
  slots_.assign(slots, Slot{});
  word_limit_ = (bytes_ - slots * sizeof(Slot)) / sizeof(uint32_t);
  words_.reserve(word_limit_);
}

}  // namespace verdigris::verify
