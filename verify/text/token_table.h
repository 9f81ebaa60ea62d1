// The tokens of a byte-level vocabulary: bytes by id, ids by bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/context.h"  // kIdLimit
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr size_t kMaxTokenBytes = 65536;
inline constexpr size_t kMaxTokenizerBytes = size_t{256} << 20;  // of a file, inflated
inline constexpr uint32_t kNoToken = UINT32_MAX;

// Hashing with 128 random bits: whoever writes a text or a vocabulary cannot make its words meet in one slot.
class SeededHash {
 public:
  SeededHash();
  uint64_t operator()(std::string_view bytes) const;
  uint64_t operator()(uint64_t word) const;

 private:
  uint64_t a_, b_;
};

class TokenTable {
 public:
  // `reachable`: Find gives it. Not so for tokens that are only decoded.
  // Errors   kLimit: an id of 2^24 or more, a token over 65,536 bytes. kMalformed: an empty token, an id that has one already, bytes
  //          that a reachable token has already.
  Result<void> Add(uint32_t id, std::string_view bytes, bool reachable = true);

  // The id of the reachable token of these bytes, or kNoToken.
  uint32_t Find(std::string_view bytes) const;
  // Empty where the id has no token.
  std::string_view Of(uint32_t id) const { return id < places_.size() ? std::string_view(bytes_).substr(places_[id].begin, places_[id].size) : std::string_view(); }
  // Precondition: the id has a token.
  uint32_t Size(uint32_t id) const { return places_[id].size; }
  // Largest id plus 1.
  uint32_t end() const { return static_cast<uint32_t>(places_.size()); }

 private:
  struct Place {
    uint32_t begin = 0, size = 0;
  };
  struct Slot {
    uint32_t tag = 0, id = kNoToken;
  };
  void Put(uint64_t hash, uint32_t id);

  SeededHash hash_;
  std::string bytes_;
  std::vector<Place> places_;
  std::vector<Slot> slots_;  // a power of two, at most half of them full
  size_t reachable_ = 0, longest_ = 0;
};

}  // namespace verdigris::verify
