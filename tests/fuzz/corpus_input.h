// What the fuzz targets of corpus readers share: bytes as a file, and what must hold of every reader for any bytes.
//
// The whole file is read in one pass, and then segment by segment: the records must be the same, in the same segments, ascending,
// and the passes must agree on where the input ends and what breaks it.
#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <isa-l/igzip_lib.h>

#include "tests/fuzz/require.h"
#include "verify/corpus/reader.h"

namespace verdigris::verify {

using testing::Require;

// The path of a file in memory that holds `bytes` until the next call.
inline std::string FileOf(std::string_view bytes) {
  static const int fd = ::memfd_create("fuzz", 0);
  Require(fd >= 0 && ::ftruncate(fd, 0) == 0);
  Require(::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return "/proc/self/fd/" + std::to_string(fd);
}

// A member of gzip without compression, so that a fuzzer sees its bytes.
inline std::string GzipMember(std::string_view bytes) {
  std::string out(bytes.size() + bytes.size() / 32 + 512, '\0');
  isal_zstream stream;
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uint32_t>(bytes.size());
  stream.end_of_stream = 1;
  stream.next_out = reinterpret_cast<uint8_t*>(out.data());
  stream.avail_out = static_cast<uint32_t>(out.size());
  Require(isal_deflate_stateless(&stream) == COMP_OK);
  out.resize(stream.total_out);
  return out;
}

// A member for each part of `bytes` between four bytes of FF.
inline std::string GzipMembers(std::string_view bytes) {
  constexpr std::string_view kCut = "\xFF\xFF\xFF\xFF";
  std::string out;
  for (;;) {
    const size_t cut = bytes.find(kCut);
    out += GzipMember(bytes.substr(0, cut));
    if (cut == std::string_view::npos) return out;
    bytes.remove_prefix(cut + kCut.size());
  }
}

struct ReadRecord {
  uint64_t segment, offset;
  std::string content;
  bool operator==(const ReadRecord&) const = default;
};
struct ReadPass {
  std::vector<ReadRecord> records;
  std::optional<uint64_t> last;
  std::string_view broken;
};

inline ReadPass ReadSegments(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  ReadPass out;
  auto reader = OpenReader(input, options, first, end);
  Require(reader.has_value());
  Record record;
  for (;;) {
    const auto more = (*reader)->Next(record);
    Require(more.has_value());
    if (!*more) break;
    Require(record.segment >= first && record.segment < end);
    Require(record.text.size() <= options.max_record_bytes && record.ids.size() * 4 <= options.max_record_bytes);
    std::string content(record.text);
    content += record.failure;
    for (const uint32_t id : record.ids) {
      Require(id < 1u << 24);
      content += std::to_string(id) + " ";
    }
    content.append(record.name).append("|").append(record.group);
    // A row group may have no rows, and fail.
    const bool same_place = input.format == Format::kParquet && !out.records.empty() && out.records.back().segment < record.segment;
    Require(out.records.empty() || out.records.back().offset < record.offset + (same_place ? 1 : 0));
    out.records.push_back({record.segment, record.offset, std::move(content)});
  }
  out.last = (*reader)->last_segment();
  out.broken = (*reader)->broken();
  return out;
}

inline void CheckReader(const Input& input, const ReadOptions& options) {
  const ReadPass whole = ReadSegments(input, options, 0, UINT64_MAX);
  Require(whole.last.has_value());
  if (input.segments > 0) Require(input.segments == *whole.last + 1 || !whole.broken.empty());
  if (*whole.last > 16) return;
  std::vector<ReadRecord> joined;
  for (uint64_t segment = 0; segment <= *whole.last; ++segment) {
    ReadPass part = ReadSegments(input, options, segment, segment + 1);
    joined.insert(joined.end(), part.records.begin(), part.records.end());
    Require(part.last == (segment == *whole.last ? whole.last : std::nullopt));
    Require(part.broken == (segment == *whole.last ? whole.broken : ""));
  }
  Require(joined == whole.records);
}

// The first byte says how the rest is read: as it is or in members of gzip, in units of how many bytes, and how long records may be.
struct FuzzedInput {
  Input input;
  ReadOptions options;
  uint8_t choice = 0;
};
inline FuzzedInput FuzzInput(const uint8_t* data, size_t size, Format format, bool seekable) {
  FuzzedInput out;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  out.choice = data[0];
  const bool gzip = (out.choice & 1) != 0;
  out.options.unit_bytes = 1 + bytes.size() / (1 + (out.choice >> 1 & 7));
  out.options.max_record_bytes = (out.choice & 16) != 0 ? 40 : size_t{1} << 20;
  const std::string stored = gzip ? GzipMembers(bytes) : std::string(bytes);
  out.input.path = FileOf(stored);
  out.input.format = format;
  out.input.size = static_cast<int64_t>(stored.size());
  // What begins as gzip or zstd does is listed as such.
  const bool plain = !gzip && !bytes.starts_with("\x1F\x8B") && !bytes.starts_with("\x28\xB5\x2F\xFD") && !(bytes.size() > 3 && bytes.substr(1, 3) == "\x2A\x4D\x18");
  out.input.seekable = seekable && plain;
  return out;
}

}  // namespace verdigris::verify
