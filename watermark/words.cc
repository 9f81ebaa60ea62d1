// One block serves four consecutive ids, so a whole row is one stretch of the keystream, in pieces, and lists and tuples
// are single blocks, many to one ECB call.
//
// Tested by tests/watermark/words_test.cc (native.json `words`).
#include "watermark/words.h"

#include <bit>
#include <cassert>
#include <cstring>

namespace verdigris {
namespace {

constexpr uint32_t kIdsPerBlock = 4;
constexpr size_t kBatch = 256;

uint32_t LittleEndian(uint32_t word) {
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
  return word;
}

void WordsOfEach(const Prf& prf, DrawTags tags, std::span<const uint32_t> ids, uint32_t* words) {
  uint32_t indices[kBatch];
  uint8_t blocks[kBatch * kBlockBytes];
  for (size_t start = 0; start < ids.size(); start += kBatch) {
    const size_t batch = std::min(kBatch, ids.size() - start);
    for (size_t i = 0; i < batch; ++i) indices[i] = ids[start + i] / kIdsPerBlock;
    prf.Blocks<1>(tags.From(start), indices, batch, blocks);
    for (size_t i = 0; i < batch; ++i) {
      uint32_t word;
      std::memcpy(&word, blocks + i * kBlockBytes + sizeof word * (ids[start + i] % kIdsPerBlock), sizeof word);
      words[start + i] = LittleEndian(word);
    }
  }
}

}  // namespace

void WordsOfRow(const Prf& prf, const Tag& tag, size_t first, std::span<uint32_t> words) {
  assert(first % kIdsPerBlock == 0);
  const auto block = static_cast<uint32_t>(first / kIdsPerBlock);
  const size_t whole = words.size() / kIdsPerBlock;
  if (whole != 0) prf.Keystream(tag, block, whole, reinterpret_cast<uint8_t*>(words.data()));
  if (const size_t rest = words.size() % kIdsPerBlock; rest != 0) {
    uint8_t last[kBlockBytes];
    prf.Keystream(tag, static_cast<uint32_t>(block + whole), 1, last);
    std::memcpy(words.data() + whole * kIdsPerBlock, last, rest * sizeof(uint32_t));
  }
  if constexpr (std::endian::native == std::endian::big) {
    for (uint32_t& word : words) word = LittleEndian(word);
  }
}

void WordsOfIds(const Prf& prf, const Tag& tag, std::span<const uint32_t> ids, uint32_t* words) {
  WordsOfEach(prf, DrawTags(tag), ids, words);
}

void WordsOfTuples(const Prf& prf, std::span<const Tag> tags, std::span<const uint32_t> ids, uint32_t* words) {
  WordsOfEach(prf, DrawTags(tags), ids, words);
}

}  // namespace verdigris
