// The tree of RFC 6962 against the test tree of its reference code (github.com/google/certificate-transparency,
// cpp/merkletree/merkle_tree_test.cc), and against the recursion of the RFC's section 2.1 written out.
#include "verify/record/merkle.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace verdigris;
using namespace verdigris::verify;

namespace {

Digest ByRecursion(const std::vector<std::string>& leaves, size_t begin, size_t end) {
  if (begin == end) return Sha256({});
  if (end - begin == 1) return Sha256(AsBytes(std::string(1, '\0') + leaves[begin]));
  size_t left = 1;
  while (2 * left < end - begin) left *= 2;
  const Digest a = ByRecursion(leaves, begin, begin + left), b = ByRecursion(leaves, begin + left, end);
  std::string bytes(1, '\1');
  bytes.append(a.begin(), a.end());
  bytes.append(b.begin(), b.end());
  return Sha256(AsBytes(bytes));
}

}  // namespace

TEST_CASE("the roots of 0 to 8 leaves are those of the reference tree") {
  const std::string leaves[] = {"",
                                std::string(1, '\0'),
                                "\x10",
                                "\x20\x21",
                                "\x30\x31",
                                "\x40\x41\x42\x43",
                                "\x50\x51\x52\x53\x54\x55\x56\x57",
                                "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
  const char* const roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                               "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  MerkleTree tree;
  CHECK(Hex(tree.Root()) == roots[0]);
  for (size_t i = 0; i < 8; ++i) {
    tree.Add(AsBytes(leaves[i]));
    CHECK(Hex(tree.Root()) == roots[i + 1]);
  }
}

TEST_CASE("trees of up to 70 leaves are those of the recursion") {
  std::vector<std::string> leaves;
  MerkleTree tree;
  for (int i = 0; i <= 70; ++i) {
    CHECK(tree.Root() == ByRecursion(leaves, 0, leaves.size()));
    leaves.push_back(std::to_string(i));
    tree.Add(AsBytes(leaves.back()));
  }
  CHECK(tree.leaves() == 71);
}
