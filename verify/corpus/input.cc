// Listing: from the paths of a command line to files, each with its format, in an order that is the same everywhere.
//
// Folders and patterns are walked as the sink takes inputs, so a scan of 10^5 files begins with the first. What must be remembered
// is which files were met: device and inode of each.
// Tested by tests/verify/corpus/input_test.cc.
#include "verify/corpus/input.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "verify/corpus/array_reader.h"
#include "verify/corpus/glob.h"
#include "verify/corpus/inflate.h"
#include "verify/corpus/parquet_reader.h"
#include "verify/corpus/stream_reader.h"
#include "verify/file.h"
#include "watermark/json.h"

namespace verdigris::verify {
namespace {

constexpr size_t kMaxPathBytes = size_t{64} << 10;

struct FormatRow {
  Format format;
  std::string_view name;
  std::string_view magic;                    // empty: known by the name, or asked for
  std::array<std::string_view, 2> suffixes;  // of the file's name
};
constexpr FormatRow kFormats[] = {
    {Format::kText, "text", "", {".txt", ".md"}},
    {Format::kLines, "lines", "", {}},
    {Format::kJsonl, "jsonl", "", {".jsonl", ".ndjson"}},
    {Format::kCsv, "csv", "", {".csv"}},
    {Format::kTsv, "tsv", "", {".tsv"}},
    {Format::kParquet, "parquet", "PAR1", {}},
    {Format::kWarc, "warc", "WARC/", {}},
    {Format::kNpy, "npy", kNpyMagic, {}},
    {Format::kMegatron, "megatron", kMegatronMagic, {}},
    {Format::kTokens, "tokens", "", {}},
};

std::string UriOf(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const size_t length = Utf8SequenceLength(path);
    if (length > 0) {
      out += path.substr(0, length);
    } else {
      constexpr char kDigits[] = "0123456789ABCDEF";
      const unsigned char byte = static_cast<unsigned char>(path[0]);
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
    path.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::string Reason(int error) { return std::error_code(error, std::generic_category()).message(); }

bool IsParquetOrIndex(Format format) { return format == Format::kParquet || format == Format::kMegatron; }

struct FileNumber {
  uint64_t device, inode;
  bool operator==(const FileNumber&) const = default;
};
struct HashFileNumber {
  size_t operator()(const FileNumber& file) const { return static_cast<size_t>((file.inode ^ file.device << 40) * 0x9E3779B97F4A7C15); }
};

class Lister {
 public:
  Lister(const ListOptions& options, InputSink& sink) : options_(options), sink_(sink) {}

  // False where the sink has enough.
  Result<bool> AddNamed(const std::string& path, bool expand) {
    if (expand && path == "-") return AddStandardInput();
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) {
      const int error = errno;
      if (expand && error == ENOENT && IsPattern(path)) return AddPattern(path);
      return Fails(path, error == ELOOP ? "skipped" : "io", Reason(error));
    }
    return AddFound(path, info, true);
  }

 private:
  Result<bool> AddStandardInput() {
    if (!options_.format) return Fails("-", "unknown_format", "standard input has no name that tells its format: add --format");
    if (IsParquetOrIndex(*options_.format)) return Fails("-", "unsupported", "this format is not read from standard input: give the file");
    if (std::exchange(had_standard_input_, true)) return true;
    Input input;
    input.uri = input.path = "-";
    input.format = *options_.format;
    return sink_.OnInput(std::move(input));
  }

  Result<bool> AddPattern(const std::string& pattern) {
    const GlobMatches matches = ExpandPattern(pattern);
    for (const auto& [folder, reason] : matches.failures) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, Fails(folder, "io", reason));
      if (!more) return false;
    }
    if (matches.paths.empty()) return Fails(pattern, "io", "no file matches");
    for (const std::string& path : matches.paths) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, AddNamed(path, false));
      if (!more) return false;
    }
    return true;
  }

  Result<bool> AddFolder(const std::string& folder) {
    FolderNames read = NamesIn(folder);
    if (!read.failure.empty()) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, Fails(folder, "io", read.failure));
      if (!more) return false;
    }
    for (const std::string& name : read.names) {
      if (IsHidden(name)) continue;
      const std::string path = Joined(folder, name);
      struct stat info;
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, ::lstat(path.c_str(), &info) != 0 ? Fails(path, "io", Reason(errno)) : AddFound(path, info, false));
      if (!more) return false;
    }
    return true;
  }

  Result<bool> AddFound(const std::string& path, const struct stat& info, bool named) {
    if (S_ISDIR(info.st_mode)) return AddFolder(path);
    if (S_ISLNK(info.st_mode)) return Fails(path, "skipped", "a symbolic link inside of a folder is not followed: name it to read it");
    if (S_ISFIFO(info.st_mode) && named) return AddPipe(path);
    if (!S_ISREG(info.st_mode)) return Fails(path, "skipped", "not a regular file");
    if (!met_.insert({static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino)}).second) return true;
    Input input;
    VERDIGRIS_ASSIGN_OR_RETURN(input.uri, Uri(path));
    input.path = path;
    input.size = info.st_size;
    input.mtime_ns = static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
    input.inode = info.st_ino;
    // Only a name in which bytes are written out can be that of two files.
    if (input.uri.find('%') != std::string::npos && !uris_.insert(input.uri).second) {
      return Fails(path, "skipped", "another file has the same name once bytes that are not UTF-8 are written out");
    }
    return AddFile(std::move(input));
  }

  Result<bool> AddPipe(const std::string& path) {
    if (!options_.format) return Fails(path, "unknown_format", "a pipe is not looked into before it is read: add --format");
    if (IsParquetOrIndex(*options_.format)) return Fails(path, "unsupported", "this format is not read from a pipe: give the file");
    Input input;
    VERDIGRIS_ASSIGN_OR_RETURN(input.uri, Uri(path));
    input.path = path;
    input.format = *options_.format;
    return sink_.OnInput(std::move(input));
  }

  Result<bool> AddFile(Input input) {
    const std::string index = input.path.ends_with(".bin") ? input.path.substr(0, input.path.size() - 4) + ".idx" : std::string();
    if (!index.empty()) {
      // The data of an index are read by way of it.
      const auto head = Head(index);
      if (head && head->starts_with(kMegatronMagic)) return true;
    }
    const auto head = Head(input.path);
    if (!head) return Fails(input.path, "io", head.error().message);
    input.compression = CompressionOf(*head);
    if (options_.format) {
      input.format = *options_.format;
    } else {
      const std::optional<Format> format = FormatOf(input, *head);
      if (!format) return Fails(input.path, "unknown_format", Unknown(input.path));
      input.format = *format;
    }
    const bool plain = input.compression == Compression::kNone;
    if (IsParquetOrIndex(input.format) && !plain) return Fails(input.path, "unsupported", "this format is not read from inside of gzip or zstd: inflate the file");
    switch (input.format) {
      case Format::kLines:
      case Format::kJsonl:
      case Format::kParquet:
      case Format::kNpy:
      case Format::kMegatron:
      case Format::kTokens: input.seekable = plain; break;
      default: break;
    }
    if (plain) {
      const auto segments = SegmentsOf(input);
      if (!segments) {
        // Options that suit no such file would fail for each.
        if (segments.error().kind == ErrorKind::kInvalidArgument) return Unexpected(segments.error());
        return Fails(input.path, segments.error().kind == ErrorKind::kUnsupported ? "unsupported" : "io", segments.error().message);
      }
      input.segments = *segments;
    }
    return sink_.OnInput(std::move(input));
  }

  Result<uint64_t> SegmentsOf(Input& input) const {
    switch (input.format) {
      case Format::kParquet: {
        VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<uint64_t> groups, CountRowGroups(input));
        return std::max<uint64_t>(groups.value_or(1), 1);
      }
      case Format::kNpy:
      case Format::kTokens:
      case Format::kMegatron: return CountArraySegments(input, options_.read);
      default: return input.size == 0 ? 1 : SegmentOfPlace(static_cast<uint64_t>(input.size) - 1, options_.read) + 1;
    }
  }

  static Result<std::string> Head(const std::string& path) {
    VERDIGRIS_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
    std::string head(16, '\0');
    VERDIGRIS_ASSIGN_OR_RETURN(const size_t got, file.Read(head.data(), head.size()));
    head.resize(got);
    return head;
  }

  // By content, else by the name.
  std::optional<Format> FormatOf(const Input& input, std::string_view head) {
    std::string_view content = head, name = input.path;
    if (input.compression != Compression::kNone) {
      content = {};
      if (auto stream = InflatedStream::Open(input, {}, 0)) {
        if (block_ == nullptr) block_ = std::make_unique<char[]>(InflatedStream::kBlockBytes);
        content = {block_.get(), stream->Read(block_.get()).value_or(0)};
      }
      const std::string_view suffix = input.compression == Compression::kGzip ? ".gz" : ".zst";
      if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
    }
    for (const FormatRow& row : kFormats) {
      if (!row.magic.empty() && content.starts_with(row.magic)) return row.format;
    }
    for (const FormatRow& row : kFormats) {
      for (const std::string_view suffix : row.suffixes) {
        if (!suffix.empty() && name.ends_with(suffix)) return row.format;
      }
    }
    return std::nullopt;
  }

  static std::string Unknown(std::string_view path) {
    if (path.ends_with(".npy")) return "no .npy head: for a bare memory map add --format tokens --dtype u16 (or u32)";
    return "neither content nor name tells the format: add --format";
  }

  Result<std::string> Uri(const std::string& path) const {
    if (options_.base.empty()) return UriOf(path);
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path base = (fs::absolute(options_.base, error) / "").lexically_normal();
    const std::string absolute = fs::absolute(path, error).lexically_normal().string();
    if (!absolute.starts_with(base.string())) {
      return Fail(ErrorKind::kInvalidArgument, UriOf(path) + ": not below --base " + UriOf(options_.base));
    }
    return UriOf(std::string_view(absolute).substr(base.string().size()));
  }

  Result<bool> Fails(const std::string& path, std::string_view code, std::string text) {
    return sink_.OnFailure({UriOf(path), code, std::move(text)});
  }

  const ListOptions& options_;
  InputSink& sink_;
  bool had_standard_input_ = false;
  std::unordered_set<FileNumber, HashFileNumber> met_;
  std::set<std::string> uris_;
  std::unique_ptr<char[]> block_;
};

}  // namespace

std::string_view FormatName(Format format) {
  return std::find_if(std::begin(kFormats), std::end(kFormats), [&](const FormatRow& row) { return row.format == format; })->name;
}

std::optional<Format> ParseFormat(std::string_view name) {
  if (name == "wet") return Format::kWarc;
  const auto row = std::find_if(std::begin(kFormats), std::end(kFormats), [&](const FormatRow& r) { return r.name == name; });
  return row == std::end(kFormats) ? std::nullopt : std::optional<Format>(row->format);
}

Result<void> ListInputs(std::span<const std::string> paths, const std::string& files_from, const ListOptions& options, InputSink& sink) {
  if (options.read.unit_bytes == 0) return Fail(ErrorKind::kInvalidArgument, "a unit must have at least one byte");
  if (files_from == "-" && std::find(paths.begin(), paths.end(), "-") != paths.end()) {
    return Fail(ErrorKind::kInvalidArgument, "standard input cannot be an input and the list of inputs");
  }
  Lister lister(options, sink);
  for (const std::string& path : paths) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lister.AddNamed(path, true));
    if (!more) return {};
  }
  if (files_from.empty()) return {};
  VERDIGRIS_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(files_from, kMaxPathBytes));
  for (std::string_view line;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
    if (!more) return {};
    if (line.empty()) continue;
    VERDIGRIS_ASSIGN_OR_RETURN(const bool goes_on, lister.AddNamed(std::string(line), false));
    if (!goes_on) return {};
  }
}

}  // namespace verdigris::verify
