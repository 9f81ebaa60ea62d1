// The pieces of a vocabulary, to be found at the start of a text: all that begin it, or the longest.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace verdigris::verify {

// Immutable. Nodes are numbered level by level, so the children of one lie side by side, by byte.
class PieceTrie {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNoNode = UINT32_MAX;
  static constexpr uint32_t kNoPiece = UINT32_MAX;

  // Text and id of each. Precondition: no text is empty or there twice.
  explicit PieceTrie(std::vector<std::pair<std::string_view, uint32_t>> pieces);

  // The node below for one byte more, or kNoNode.
  uint32_t Below(uint32_t node, uint8_t byte) const {
    if (node == kRoot) return below_root_[byte];
    for (uint32_t child = first_[node]; child < first_[node + 1]; ++child) {
      if (bytes_[child] >= byte) return bytes_[child] == byte ? child : kNoNode;
    }
    return kNoNode;
  }
  // The piece that ends at the node, or kNoPiece.
  uint32_t PieceAt(uint32_t node) const { return ids_[node]; }

  struct Match {
    uint32_t id = kNoPiece;
    size_t bytes = 0;
  };
  // The longest piece that begins the text.
  Match Longest(std::string_view text) const;

 private:
  std::array<uint32_t, 256> below_root_;
  std::vector<uint32_t> first_;  // first child; the last ends where the next node's begin
  std::vector<uint32_t> ids_;
  std::vector<uint8_t> bytes_;
};

}  // namespace verdigris::verify
