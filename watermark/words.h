// The words layout of native-schemes.md N7: W(v) is the v-th 32-bit word, little-endian, of a window's keystream. What
// gumbel, tournament and multichannel make of a word is theirs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "watermark/prf.h"

namespace verdigris {

// words[i] = W(first + i); `first` a multiple of 4.
void WordsOfRow(const Prf& prf, const Tag& tag, size_t first, std::span<uint32_t> words);

// words[i] = W(ids[i]), one AES block each.
void WordsOfIds(const Prf& prf, const Tag& tag, std::span<const uint32_t> ids, uint32_t* words);

// words[i] = W(ids[i]) under the window of tags[i].
void WordsOfTuples(const Prf& prf, std::span<const Tag> tags, std::span<const uint32_t> ids, uint32_t* words);

inline constexpr size_t kWordsAtOnce = 4 * Prf::kChunkBlocks;  // 8 KB

// Words of a row's entries in pieces that stay in the first-level cache: visit(start, words of entries start, ...).
// `ids` null: index is id.
template <class Visit>
void ForEachWords(const Prf& prf, const Tag& tag, const uint32_t* ids, size_t count, Visit&& visit) {
  uint32_t words[kWordsAtOnce];
  for (size_t start = 0; start < count; start += kWordsAtOnce) {
    const size_t size = std::min(kWordsAtOnce, count - start);
    if (ids == nullptr) {
      WordsOfRow(prf, tag, start, {words, size});
    } else {
      WordsOfIds(prf, tag, {ids + start, size}, words);
    }
    visit(start, std::span<const uint32_t>(words, size));
  }
}

// visit(i, W(ids[i]) under the window of tags[i]), in order.
template <class Visit>
void ForEachTupleWord(const Prf& prf, std::span<const Tag> tags, std::span<const uint32_t> ids, Visit&& visit) {
  constexpr size_t kBatch = 256;
  uint32_t words[kBatch];
  for (size_t start = 0; start < ids.size(); start += kBatch) {
    const size_t size = std::min(kBatch, ids.size() - start);
    WordsOfTuples(prf, tags.subspan(start, size), ids.subspan(start, size), words);
    for (size_t i = 0; i < size; ++i) visit(start + i, words[i]);
  }
}

}  // namespace verdigris
