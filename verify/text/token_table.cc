// Tested by tests/verify/text/byte_bpe_test.cc.
#include "verify/text/token_table.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace verdigris::verify {
namespace {

__extension__ typedef unsigned __int128 Wide;

uint64_t Fold(uint64_t x, uint64_t y) {
  const Wide product = static_cast<Wide>(x) * y;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// 1, 4 or 8 bytes.
template <class Word>
uint64_t Load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

}  // namespace

SeededHash::SeededHash() {
  std::random_device random;
  const auto word = [&random] { return static_cast<uint64_t>(random()) << 32 | random(); };
  a_ = word();
  b_ = word() | 1;
}

uint64_t SeededHash::operator()(std::string_view bytes) const {
  uint64_t h = a_ ^ bytes.size();
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left > 8; at += 8, left -= 8) h = Fold(h ^ Load<uint64_t>(at), b_);
  if (bytes.size() >= 8) {
    h = Fold(h ^ Load<uint64_t>(at + left - 8), b_);  // may take bytes again that went in before
  } else if (left >= 4) {
    h = Fold(h ^ (Load<uint32_t>(at) | Load<uint32_t>(at + left - 4) << 32), b_);
  } else if (left > 0) {
    h = Fold(h ^ (Load<uint8_t>(at) | Load<uint8_t>(at + left / 2) << 8 | Load<uint8_t>(at + left - 1) << 16), b_);
  }
  return (*this)(h);
}

uint64_t SeededHash::operator()(uint64_t word) const { return Fold(word ^ a_, b_ ^ 0x9E3779B97F4A7C15); }

void TokenTable::Put(uint64_t hash, uint32_t id) {
  size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot].id != kNoToken) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = {static_cast<uint32_t>(hash >> 32), id};
}

Result<void> TokenTable::Add(uint32_t id, std::string_view bytes, bool reachable) {
  if (id >= kIdLimit) return Fail(ErrorKind::kLimit, "id " + std::to_string(id) + ", the limit is 2^24");
  if (bytes.empty()) return Fail(ErrorKind::kMalformed, "token " + std::to_string(id) + " is empty");
  if (bytes.size() > kMaxTokenBytes) return Fail(ErrorKind::kLimit, "token " + std::to_string(id) + " has " + std::to_string(bytes.size()) + " bytes, the limit is 65536");
  if (bytes_.size() + bytes.size() > kMaxTokenizerBytes) return Fail(ErrorKind::kLimit, "tokens of more than 256 MiB");
  if (!Of(id).empty()) return Fail(ErrorKind::kMalformed, "id " + std::to_string(id) + " has two tokens");
  if (reachable) {
    if (const uint32_t other = Find(bytes); other != kNoToken) {
      return Fail(ErrorKind::kMalformed, "ids " + std::to_string(other) + " and " + std::to_string(id) + " have the same token");
    }
  }
  if (id >= places_.size()) places_.resize(size_t{id} + 1);
  places_[id] = {static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(bytes.size())};
  bytes_ += bytes;
  if (!reachable) return {};
  longest_ = std::max(longest_, bytes.size());
  if (2 * ++reachable_ > slots_.size()) {
    const std::vector<Slot> old = std::move(slots_);
    slots_.assign(std::max<size_t>(1024, 2 * old.size()), Slot{});
    for (const Slot& slot : old) {
      if (slot.id != kNoToken) Put(hash_(Of(slot.id)), slot.id);
    }
  }
  Put(hash_(bytes), id);
  return {};
}

uint32_t TokenTable::Find(std::string_view bytes) const {
  if (bytes.empty() || bytes.size() > longest_) return kNoToken;
  const uint64_t hash = hash_(bytes);
  for (size_t slot = hash & (slots_.size() - 1); slots_[slot].id != kNoToken; slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot].tag == static_cast<uint32_t>(hash >> 32) && Of(slots_[slot].id) == bytes) return slots_[slot].id;
  }
  return kNoToken;
}

}  // namespace verdigris::verify
