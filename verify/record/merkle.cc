// Tested by tests/verify/record/merkle_test.cc (the test tree of RFC 6962's reference code).
#include "verify/record/merkle.h"

#include <algorithm>

namespace verdigris::verify {
namespace {

Digest Node(const Digest& left, const Digest& right) {
  uint8_t bytes[1 + 32 + 32];
  bytes[0] = 1;
  std::copy(left.begin(), left.end(), bytes + 1);
  std::copy(right.begin(), right.end(), bytes + 33);
  return Sha256(bytes);
}

}  // namespace

Digest MerkleTree::LeafHash(std::span<const uint8_t> leaf) {
  std::vector<uint8_t> bytes(1 + leaf.size());
  std::copy(leaf.begin(), leaf.end(), bytes.begin() + 1);
  return Sha256(bytes);
}

void MerkleTree::AddHash(Digest hash) {
  for (uint64_t bits = leaves_; bits % 2 == 1; bits /= 2) {
    hash = Node(trees_.back(), hash);
    trees_.pop_back();
  }
  trees_.push_back(hash);
  ++leaves_;
}

Digest MerkleTree::Root() const {
  if (trees_.empty()) return Sha256({});
  Digest root = trees_.back();
  for (size_t i = trees_.size() - 1; i-- > 0;) root = Node(trees_[i], root);
  return root;
}

}  // namespace verdigris::verify
