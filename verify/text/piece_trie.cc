// Tested by tests/verify/text/sentencepiece_fast_test.cc.
#include "verify/text/piece_trie.h"

#include <algorithm>

namespace verdigris::verify {

PieceTrie::PieceTrie(std::vector<std::pair<std::string_view, uint32_t>> pieces) {
  std::sort(pieces.begin(), pieces.end());
  // The pieces that go through a node are neighbours among the sorted ones.
  struct Range {
    uint32_t begin, end;
  };
  std::vector<Range> level = {{0, static_cast<uint32_t>(pieces.size())}}, below;
  ids_.push_back(kNoPiece);
  bytes_.push_back(0);
  for (size_t depth = 0; !level.empty(); ++depth) {
    for (const Range& range : level) {
      const uint32_t node = static_cast<uint32_t>(first_.size());
      first_.push_back(static_cast<uint32_t>(ids_.size()));
      uint32_t at = range.begin;
      if (at < range.end && pieces[at].first.size() == depth) ids_[node] = pieces[at++].second;
      while (at < range.end) {
        const uint32_t begin = at;
        const char byte = pieces[at].first[depth];
        while (at < range.end && pieces[at].first[depth] == byte) ++at;
        below.push_back({begin, at});
        ids_.push_back(kNoPiece);
        bytes_.push_back(static_cast<uint8_t>(byte));
      }
    }
    level.swap(below);
    below.clear();
  }
  first_.push_back(static_cast<uint32_t>(ids_.size()));
  below_root_.fill(kNoNode);
  for (uint32_t child = first_[kRoot]; child < first_[kRoot + 1]; ++child) below_root_[bytes_[child]] = child;
}

PieceTrie::Match PieceTrie::Longest(std::string_view text) const {
  Match longest;
  uint32_t node = kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = Below(node, static_cast<uint8_t>(text[i]));
    if (node == kNoNode) break;
    if (ids_[node] != kNoPiece) longest = {ids_[node], i + 1};
  }
  return longest;
}

}  // namespace verdigris::verify
