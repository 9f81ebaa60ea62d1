// Byte pair encoding's loop: of the neighbours that may be merged, those of the lowest rank are, the leftmost among equals, until
// none is left.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace verdigris::verify {

inline constexpr uint32_t kNoRank = UINT32_MAX;  // these two are not merged

// For few symbols: looks for the lowest rank anew each time.
//
// ids     of `count` symbols; edited in place
// places  symbol i is [places[i], places[i+1]); count + 1 of them; edited in place
// rank    (left id, right id, begin, end) to the rank of the two, which are [begin, end) together
// merged  (rank, begin, end) to the id
// Returns the new count, at most `count`. Cost: n^2 for n symbols. Precondition: 1 <= count <= kFewSymbols.
inline constexpr size_t kFewSymbols = 64;
template <class Rank, class Merged>
size_t MergeFew(uint32_t* ids, uint32_t* places, size_t count, Rank rank, Merged merged) {
  uint32_t ranks[kFewSymbols];
  const auto rank_anew = [&](size_t i) { ranks[i] = rank(ids[i], ids[i + 1], places[i], places[i + 2]); };
  for (size_t i = 0; i + 1 < count; ++i) rank_anew(i);
  while (count > 1) {
    const size_t best = static_cast<size_t>(std::min_element(ranks, ranks + count - 1) - ranks);
    if (ranks[best] == kNoRank) break;
    ids[best] = merged(ranks[best], places[best], places[best + 2]);
    std::copy(ids + best + 2, ids + count, ids + best + 1);
    std::copy(places + best + 2, places + count + 1, places + best + 1);
    std::copy(ranks + best + 1, ranks + count - 1, ranks + best);
    --count;
    if (best > 0) rank_anew(best - 1);
    if (best + 1 < count) rank_anew(best);
  }
  return count;
}

// Buffers of MergeMany.
struct MergeHeap {
  std::vector<uint32_t> ranks;  // of the pair whose left symbol begins here
  std::vector<uint64_t> heap;   // rank, then place, so that the leftmost of equals comes first
};

// For any number of symbols, n log n. `Symbols` numbers the `count` first ones, has those they became, and gives
//   Next(at), Before(at)     where the symbol after the one at `at` begins (count: there is none), and the one before (at > 0)
//   Rank(at, next)           of the neighbours that begin at `at` and at `next`
//   Merge(at, next, rank)    makes one of these two
template <class Symbols>
void MergeMany(Symbols&& symbols, uint32_t count, MergeHeap& buffers) {
  auto& ranks = buffers.ranks;
  auto& heap = buffers.heap;
  ranks.resize(count);
  heap.clear();
  heap.reserve(count + count / 4);  // room for the live pairs and a fourth as many that are stale; then those go
  const auto later = [](uint64_t a, uint64_t b) { return a > b; };
  const auto entry = [&](uint32_t at) { return static_cast<uint64_t>(ranks[at]) << 32 | at; };
  for (uint32_t i = 0; i < count; ++i) {
    ranks[i] = i + 1 < count ? symbols.Rank(i, i + 1) : kNoRank;
    if (ranks[i] != kNoRank) heap.push_back(entry(i));
  }
  std::make_heap(heap.begin(), heap.end(), later);
  const auto rank_anew = [&](uint32_t at) {
    const uint32_t next = symbols.Next(at);
    ranks[at] = next < count ? symbols.Rank(at, next) : kNoRank;
    if (ranks[at] == kNoRank) return;
    if (heap.size() == heap.capacity()) {
      std::erase_if(heap, [&](uint64_t old) { return entry(static_cast<uint32_t>(old)) != old; });
      heap.push_back(entry(at));
      std::make_heap(heap.begin(), heap.end(), later);
      return;
    }
    heap.push_back(entry(at));
    std::push_heap(heap.begin(), heap.end(), later);
  };
  while (!heap.empty()) {
    const uint64_t top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), later);
    heap.pop_back();
    const auto at = static_cast<uint32_t>(top);
    if (entry(at) != top) continue;  // a symbol of it was merged since
    const uint32_t next = symbols.Next(at);
    ranks[next] = kNoRank;
    symbols.Merge(at, next, static_cast<uint32_t>(top >> 32));
    rank_anew(at);
    if (at > 0) rank_anew(symbols.Before(at));
  }
}

}  // namespace verdigris::verify
