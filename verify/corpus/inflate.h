// The bytes of an input, inflated where it is compressed, and a window over them (corpus.md C2, C15).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>

#include "verify/corpus/input.h"
#include "watermark/result.h"

namespace verdigris::verify {

// Which compression the bytes at the start of a file are of; four of them tell.
Compression CompressionOf(std::string_view head);

struct InflateLimits {
  uint64_t max_inflated = uint64_t{1} << 40;
  bool zstd_long = false;
};

// Blocks of the inflated bytes of one file, in order. Where blocks end, and where a fault is met, is a function of the file alone.
class InflatedStream {
 public:
  static constexpr size_t kBlockBytes = size_t{256} << 10;

  // Of a file that is not compressed the stream begins at byte `from`; of others `from` is 0.
  //
  // Errors   kNotFound, kIo; kNoMemory.
  static Result<InflatedStream> Open(const Input& input, const InflateLimits& limits, uint64_t from);
  InflatedStream(InflatedStream&&) noexcept;
  InflatedStream& operator=(InflatedStream&&) noexcept;
  ~InflatedStream();

  // Writes the next block, at most kBlockBytes, to `to`; 0 at the end and behind a fault. A block ends where a member of gzip does.
  Result<size_t> Read(char* to);
  // Whether the block that Read() gave last begins a member of gzip.
  bool begins_member() const;
  // After 0: "bomb", "window" or "corrupt" where a fault ended the bytes; else empty.
  std::string_view fault() const;
  // Bytes read of the file as it lies.
  uint64_t bytes_read() const;

 private:
  struct State;
  explicit InflatedStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A window that slides over the stream: it grows where more is asked for, and what is dropped makes room.
class ByteWindow {
 public:
  ByteWindow(InflatedStream stream, uint64_t from) : stream_(std::move(stream)), offset_(from) {}

  // What is there. A view is good until More().
  std::string_view view() const { return {buffer_.get() + begin_, end_ - begin_}; }
  // The place of view()'s first byte in the stream.
  uint64_t offset() const { return offset_; }
  // Appends a block; false where the stream has no more.
  Result<bool> More();
  // Whether view() has `size` bytes, reading as many as that takes.
  Result<bool> Has(size_t size);
  // Precondition: view() has that many.
  void Drop(size_t size);

  // Where members of gzip begin, in [offset(), offset() + view().size()), ascending.
  const std::deque<uint64_t>& members() const { return members_; }
  std::string_view fault() const { return stream_.fault(); }
  uint64_t bytes_read() const { return stream_.bytes_read(); }

 private:
  InflatedStream stream_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
  uint64_t offset_;
  std::deque<uint64_t> members_;
};

}  // namespace verdigris::verify
