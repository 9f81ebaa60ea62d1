// Inputs of a scan: what the paths of a command line stand for, and what each of them is (corpus.md C2).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/result.h"

namespace verdigris::verify {

enum class Format { kText, kLines, kJsonl, kCsv, kTsv, kParquet, kWarc, kNpy, kMegatron, kTokens };
enum class Compression { kNone, kGzip, kZstd };
enum class TokenType { kNone, kU8, kU16, kU32, kI8, kI16, kI32, kI64 };

// "text", "lines", "jsonl", "csv", "tsv", "parquet", "warc", "npy", "megatron", "tokens".
std::string_view FormatName(Format format);
// What --format takes: the names above, and "wet", which is "warc".
std::optional<Format> ParseFormat(std::string_view name);

struct Input {
  std::string uri;   // as given, relative to --base if set; bytes that are no UTF-8 as %XX
  std::string path;  // what is opened; "-" is standard input
  Format format = Format::kText;
  Compression compression = Compression::kNone;  // of standard input and pipes: found out by OpenReader
  int64_t size = -1;      // of the file as it lies; -1 for standard input and pipes
  int64_t mtime_ns = 0;   // with the inode, to see a file that changed while it was read
  uint64_t inode = 0;
  bool seekable = false;  // a segment can be read without what lies before it
  uint64_t segments = 0;  // 0: not known
  bool checked = false;   // megatron: all numbers of the index, which each segment would else check again
};

// What a path was not read for: "skipped", "io", "unknown_format", "unsupported", with the reason in words.
struct InputFailure {
  std::string uri;
  std::string_view code;
  std::string text;
};

// How records are taken from an input. What is not asked stays at its default.
struct ReadOptions {
  std::string text_field = "text";  // a name, or a JSON Pointer; of CSV without a header a column number from 0
  std::string ids_field;            // given: ids are read instead of text
  std::string id_field = "id";
  std::string group_field;          // of a WARC record `group` is its URL, whatever stands here; empty: elsewhere it is empty
  bool header = true;               // csv, tsv
  TokenType dtype = TokenType::kNone;  // tokens: kU16 or kU32
  int64_t eos = -1;                 // arrays are cut at this id, which is part of no document; -1: not at all
  uint64_t unit_bytes = uint64_t{64} << 20;
  uint64_t max_record_bytes = uint64_t{64} << 20;
  uint64_t max_inflated = uint64_t{1} << 40;
  bool zstd_long = false;
};

struct ListOptions {
  std::string base;               // URIs are relative to this folder; empty: as given
  std::optional<Format> format;   // none: by content, else by the name
  ReadOptions read;               // what segments depend on
};

// Hears of each input and each failure when it is found, so that work starts before the listing ends. False ends the listing.
class InputSink {
 public:
  virtual ~InputSink() = default;
  virtual bool OnInput(Input input) = 0;
  virtual bool OnFailure(InputFailure failure) = 0;
};

// The inputs behind `paths`, in their order, then those named in `files_from`, a file with a path a line ("-": standard input;
// empty: none). A path is a file, a folder (recursive, by the bytes of the names, without names starting with . or _), a pattern
// with * ? [...] and ** where no file has that name, or "-". Folders and patterns are walked while the sink works. A file is one
// input, however often it is reached.
//
// Errors   kInvalidArgument: options that do not go together, a path outside of `base`. kIo, kNotFound: `files_from` itself.
//          What is wrong with one path goes to the sink.
// Memory   16 bytes a file, and the names in the folders that are open; of a pattern all names that match.
Result<void> ListInputs(std::span<const std::string> paths, const std::string& files_from, const ListOptions& options, InputSink& sink);

}  // namespace verdigris::verify
