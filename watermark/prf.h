// The keyed draws of native-schemes.md N6 and N7, and the only use of AES: window -> tag (nonce, channel word) ->
// keystream blocks. What a block means (bit planes, words) is the scheme's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris {

inline constexpr size_t kBlockBytes = 16;  // one AES block
inline constexpr size_t kMaxWindow = 8;    // h, ids in a window

// Bytes of M, the message of a window of h ids (N6): WriteWindowMessage() writes them.
inline constexpr size_t WindowMessageBytes(size_t h) { return 4 + 4 * h; }
void WriteWindowMessage(const uint32_t* window, size_t h, uint8_t* out);
void WriteBe32(uint32_t value, uint8_t* out);

// CMAC of a window's message: 12 bytes of nonce, then the channel word.
struct Tag {
  std::array<uint8_t, kBlockBytes> bytes;

  static constexpr size_t kNonceBytes = 12;
  // Used by multichannel: the last four bytes, little-endian.
  uint32_t channel() const {
    return uint32_t{bytes[12]} | uint32_t{bytes[13]} << 8 | uint32_t{bytes[14]} << 16 | uint32_t{bytes[15]} << 24;
  }
};

// AES-CMAC (SP 800-38B) with a 256-bit key over the messages of windows. Immutable; any number of threads.
class WindowMac {
 public:
  // `key`: Kctx of a layer or Kselect. Errors: kInternal where the library has no AES-256.
  static Result<WindowMac> Create(const Key& key);
  WindowMac(WindowMac&&) noexcept;
  WindowMac& operator=(WindowMac&&) noexcept;
  ~WindowMac();

  // tags[i] = CMAC(key, M(windows[i])). Each window points at h ids, oldest first; 1 <= h <= 8.
  // Cost: one AES block a window for h <= 3, two for h <= 7, three for h = 8, in batches. May throw std::bad_alloc.
  void Tags(const uint32_t* const* windows, size_t h, size_t count, Tag* tags) const;
  Tag TagOf(const uint32_t* window, size_t h) const;
  // CMACs of `count` messages of `length` bytes each, one behind the other; length >= 1.
  void Macs(const uint8_t* messages, size_t length, size_t count, Tag* tags) const;

  // Takes another key in place. Precondition: no other thread uses this object meanwhile.
  void Rekey(std::span<const uint8_t, kKeyBytes> key);

 private:
  struct State;
  explicit WindowMac(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The windows of many draws, by tag: one of all, or one of each.
class DrawTags {
 public:
  explicit DrawTags(const Tag& one) : first_(&one), step_(0) {}
  explicit DrawTags(std::span<const Tag> each) : first_(each.data()), step_(1) {}
  const Tag& operator[](size_t i) const { return first_[step_ * i]; }
  DrawTags From(size_t i) const { return DrawTags(first_ + step_ * i, step_); }

 private:
  DrawTags(const Tag* first, size_t step) : first_(first), step_(step) {}
  const Tag* first_;
  size_t step_;
};

// The draws of one layer key: Kctx for tags, Kdraw for the keystream. Immutable; any number of threads.
class Prf {
 public:
  static Result<Prf> Create(const Key& layer_key);
  Prf(Prf&&) noexcept;
  Prf& operator=(Prf&&) noexcept;
  ~Prf();

  const WindowMac& mac() const { return mac_; }

  // out[kRun i + j] = AES(Kdraw, nonce of tags[i] || u32be(first[i] + j)), j < kRun: kRun blocks of 16 bytes for each i < count, in
  // one pass. kRun: 1 to 8. May throw std::bad_alloc.
  template <size_t kRun>
  void Blocks(DrawTags tags, const uint32_t* first, size_t count, uint8_t* out) const;

  // Blocks first, first+1, ... of the keystream of one window. Give pieces of kChunkBlocks or fewer, so that what is
  // read next is still in the first-level cache. May throw std::bad_alloc.
  void Keystream(const Tag& tag, uint32_t first, size_t count, uint8_t* out) const;

  static constexpr size_t kChunkBlocks = 512;  // 8 KB

  // Takes another layer key in place, for a search over many keys: 2 us, no allocation, against 7 us for a new object.
  // Precondition: no other thread uses this object meanwhile.
  void Rekey(std::span<const uint8_t, kKeyBytes> layer_key);

 private:
  struct State;
  Prf(WindowMac mac, std::unique_ptr<State> state);

  WindowMac mac_;
  std::unique_ptr<State> state_;
};

}  // namespace verdigris
