// The tree of RFC 6962 (keys-and-evidence.md E5): leaf hash SHA-256(0x00 || leaf), node SHA-256(0x01 || left || right), the left
// tree of a node the largest power of two below its leaves.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "watermark/key.h"

namespace verdigris::verify {

// Leaves one after another, in memory of their logarithm.
class MerkleTree {
 public:
  void Add(std::span<const uint8_t> leaf) { AddHash(LeafHash(leaf)); }
  static Digest LeafHash(std::span<const uint8_t> leaf);
  void AddHash(Digest leaf_hash);
  uint64_t leaves() const { return leaves_; }
  // Of what was added so far; of none SHA-256 of nothing.
  Digest Root() const;

 private:
  uint64_t leaves_ = 0;
  std::vector<Digest> trees_;  // perfect trees, the largest first: one a bit of leaves_
};

}  // namespace verdigris::verify
