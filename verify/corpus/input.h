// Inputs of a scan: what the paths of a command line stand for, and what each of them is (corpus.md C2).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/result.h"

namespace verdigris::verify {

enum class Format { kText, kLines, kJsonl, kCsv, kTsv, kParquet, kWarc, kNpy, kMegatron, kTokens };
enum class Compression { kNone, kGzip, kZstd };
enum class TokenType { kNone, kU8, kU16, kU32, kI8, kI16, kI32, kI64 };

std::string_view FormatName(Format format);

struct Input {
  std::string uri;   // as given, relative to --base if set; bytes that are no UTF-8 as %XX
  std::string path;  // what is opened; "-" is standard input
  Format format = Format::kText;
  Compression compression = Compression::kNone;
  int64_t size = -1;      // of the file as it lies; -1 for standard input
  int64_t mtime_ns = 0;   // with the inode, to see a file that changed while it was read
  uint64_t inode = 0;
  bool seekable = false;  // a segment can be read without what lies before it
  uint64_t segments = 0;  // 0: not known
};

// What a path was not read for: "skipped", "io", "unknown_format", ... with the reason in words.
struct InputFailure {
  std::string uri;
  std::string_view code;
  std::string text;
};

}  // namespace verdigris::verify
