// Bytes at random places of a file or of memory, read in pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

using ByteSink = std::function<Result<void>(std::string_view)>;

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  // `length` bytes from `offset` on. kMalformed where there are fewer.
  virtual Result<std::string> Read(uint64_t offset, uint64_t length) const = 0;
};

// A file that is opened for each piece, so that any number of sources hold no descriptor.
Result<std::shared_ptr<const ByteSource>> FileSource(const std::string& path);
// `bytes` must outlast the source.
std::shared_ptr<const ByteSource> MemorySource(std::string_view bytes);
// `length` bytes of another source from `offset` on.
std::shared_ptr<const ByteSource> PartOf(std::shared_ptr<const ByteSource> whole, uint64_t offset, uint64_t length);

// Bytes that are written once and read again: in memory, and above `memory_bytes` in a file that has no name, so that nothing is
// left behind however the process ends.
class Spool {
 public:
  static constexpr size_t kMemoryBytes = size_t{1} << 20;

  // `folder`: where the file would be made; must exist by then.
  explicit Spool(std::string folder, size_t memory_bytes = kMemoryBytes);
  Spool(Spool&&) noexcept;
  Spool& operator=(Spool&&) noexcept;
  ~Spool();

  Result<void> Append(std::string_view bytes);
  // Writes over what was appended.
  Result<void> Patch(uint64_t offset, std::string_view bytes);
  uint64_t size() const;

  // Nothing is written from here on.
  Result<Digest> Sha256Of() const;
  Result<void> CopyTo(const ByteSink& sink) const;
  std::shared_ptr<const ByteSource> source() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Whether two sources hold the same bytes.
Result<bool> HoldSameBytes(const ByteSource& a, const ByteSource& b);

// SHA-256 of `length` bytes of a source from `offset` on.
Result<Digest> Sha256OfRange(const ByteSource& source, uint64_t offset, uint64_t length);

}  // namespace verdigris::verify
