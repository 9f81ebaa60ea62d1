// What was found out about segments of text met before: texts say the same words again and again. For one thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "verify/text/token_table.h"  // SeededHash

namespace verdigris::verify {

inline constexpr size_t kDefaultCacheBytes = size_t{16} << 20;

// From the bytes of a segment, all of them, to a few words and bytes. Starts small, grows, and forgets everything when it is full. No
// result may depend on what it holds. The hash has a seed of its own, so that nobody can prepare segments that meet in one place.
class SegmentCache {
 public:
  static constexpr size_t kMaxSegmentBytes = 256;
  static constexpr size_t kMaxWords = kMaxSegmentBytes + 2;
  static constexpr size_t kMaxBytes = kMaxSegmentBytes;

  struct Entry {
    const uint32_t* words = nullptr;  // null: not known
    size_t word_count = 0;
    const uint8_t* bytes = nullptr;
  };

  // `most_bytes`: of memory; 0, or too little for anything, turns it off.
  explicit SegmentCache(size_t most_bytes) : most_bytes_(most_bytes) { Resize(kFirstBytes); }

  bool Takes(std::string_view segment) const { return segment.size() <= kMaxSegmentBytes && !slots_.empty(); }
  uint64_t HashOf(std::string_view segment) const { return hash_(segment); }

  // What Find will read comes nearer: its slot, and, once that is there, its entry. For many segments before the first is looked up.
  void FetchSlot(uint64_t hash) const { __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]); }
  void FetchEntry(uint64_t hash) const {
    const Slot slot = slots_[hash & (slots_.size() - 1)];
    if (slot.word != 0) __builtin_prefetch(words_.data() + slot.word - 1);
  }

  // Precondition of both: Takes(segment). The entry is valid until the next Keep.
  Entry Find(std::string_view segment, uint64_t hash) const {
    for (size_t probe = 0; probe < kProbes; ++probe) {
      const Slot slot = slots_[(hash + probe) & (slots_.size() - 1)];
      if (slot.word == 0) return {};
      if (slot.tag != static_cast<uint32_t>(hash >> 32)) continue;
      const uint32_t* head = words_.data() + slot.word - 1;
      const size_t word_count = WordsOf(head[0]), key_bytes = SegmentBytesOf(head[0]);
      const auto* key = reinterpret_cast<const uint8_t*>(head + 1 + word_count);
      if (key_bytes == segment.size() && std::memcmp(key, segment.data(), key_bytes) == 0) return {head + 1, word_count, key + key_bytes};
    }
    return {};
  }
  // Precondition: Find has not found it; at most kMaxWords and kMaxBytes.
  void Keep(std::string_view segment, uint64_t hash, std::span<const uint32_t> words, std::span<const uint8_t> bytes);

 private:
  static constexpr size_t kProbes = 8;
  static constexpr size_t kFirstBytes = size_t{256} << 10;  // a short text needs no more
  struct Slot {
    uint32_t tag = 0;
    uint32_t word = 0;  // place of the entry plus 1
  };
  // From the first word of an entry: numbers of its words, of the bytes of its segment (10 bits each), of its bytes.
  static size_t WordsOf(uint32_t head) { return head & 0x3FF; }
  static size_t SegmentBytesOf(uint32_t head) { return head >> 10 & 0x3FF; }
  void Resize(size_t bytes);
  void Put(uint64_t hash, size_t word);

  size_t most_bytes_, bytes_ = 0;
  SeededHash hash_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> words_;  // of an entry: sizes, the words, the segment, the bytes; padded to a word
  size_t word_limit_ = 0, used_ = 0;
};

}  // namespace verdigris::verify
