// Tested by tests/verify/text/byte_bpe_test.cc and sentencepiece_fast_test.cc.
#include "verify/text/segment_cache.h"

#include <algorithm>

namespace verdigris::verify {

namespace {

// Of an entry, in words.
size_t EntryWords(size_t words, size_t segment_bytes, size_t bytes) { return 1 + words + (segment_bytes + bytes + 3) / 4; }

}  // namespace

void SegmentCache::Keep(std::string_view segment, uint64_t hash, std::span<const uint32_t> words, std::span<const uint8_t> bytes) {
  const size_t size = EntryWords(words.size(), segment.size(), bytes.size());
  if (words_.size() + size > word_limit_ || used_ >= slots_.size() / 4 * 3) {
    if (bytes_ == most_bytes_) words_.clear();
    Resize(4 * bytes_);
  }
  const size_t at = words_.size();
  words_.resize(at + size);
  words_[at] = static_cast<uint32_t>(words.size() | segment.size() << 10 | bytes.size() << 20);
  std::copy(words.begin(), words.end(), words_.begin() + static_cast<std::ptrdiff_t>(at + 1));
  auto* rest = reinterpret_cast<uint8_t*>(words_.data() + at + 1 + words.size());
  std::copy(segment.begin(), segment.end(), rest);
  std::copy(bytes.begin(), bytes.end(), rest + segment.size());
  Put(hash, at);
}

// An entry that finds no place in 8 probes is lost.
void SegmentCache::Put(uint64_t hash, size_t word) {
  for (size_t probe = 0; probe < kProbes; ++probe) {
    Slot& slot = slots_[(hash + probe) & (slots_.size() - 1)];
    if (slot.word != 0) continue;
    slot = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(word + 1)};
    ++used_;
    return;
  }
}

// Takes so much memory, or as much as it may, and finds a place for the entries that are there.
void SegmentCache::Resize(size_t bytes) {
  bytes_ = std::min(bytes, most_bytes_);
  size_t slots = 1;
  while (slots * 4 * sizeof(Slot) <= bytes_) slots *= 2;
  used_ = 0;
  if (slots < 128) return;  // too little for anything
  slots_.assign(slots, Slot{});
  word_limit_ = (bytes_ - slots * sizeof(Slot)) / sizeof(uint32_t);
  words_.reserve(word_limit_);
  for (size_t at = 0; at < words_.size();) {
    const size_t words = WordsOf(words_[at]), segment_bytes = SegmentBytesOf(words_[at]), end_bytes = words_[at] >> 20;
    const std::string_view segment(reinterpret_cast<const char*>(words_.data() + at + 1 + words), segment_bytes);
    Put(HashOf(segment), at);
    at += EntryWords(words, segment_bytes, end_bytes);
  }
}

}  // namespace verdigris::verify
