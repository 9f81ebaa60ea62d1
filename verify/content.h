// One digest for the documents that a run read, whatever files and formats they came in (corpus.md C6, `content`).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "watermark/key.h"

namespace verdigris::verify {

// SHA-256 over u64be(length) || bytes of each document, in order.
class ContentDigest {
 public:
  ContentDigest();
  ContentDigest(ContentDigest&&) noexcept;
  ContentDigest& operator=(ContentDigest&&) noexcept;
  ~ContentDigest();

  void Add(std::span<const uint8_t> document);
  // A document given as ids: u32le each.
  void AddIds(std::span<const uint32_t> ids);
  // A record that could not be read: length 2^64 - 1 and no bytes.
  void AddFailed();
  // Of what was added so far; more may follow.
  Digest Value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The bytes that stand for a document of ids: u32le each.
std::vector<uint8_t> BytesOfIds(std::span<const uint32_t> ids);

}  // namespace verdigris::verify
