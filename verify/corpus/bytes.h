// Bytes at random places of a file or of memory, read in pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

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

}  // namespace verdigris::verify
