// Files for tests of readers: a folder of their own, bytes compressed, records collected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <zstd.h>

#include "doctest/doctest.h"
#include "tests/gzip.h"
#include "tests/temporary_folder.h"
#include "verify/corpus/reader.h"

namespace verdigris::verify {

using testing::Gzip;
using testing::TemporaryFolder;

inline std::string Zstd(std::string_view bytes, int window_log = 0) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_log > 0) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  }
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  // In two calls: with one, the window shrinks to the content.
  REQUIRE(!ZSTD_isError(ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue)));
  REQUIRE(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end) == 0);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

// What one file is, as listing says it.
struct Listed : InputSink {
  std::vector<Input> inputs;
  std::vector<InputFailure> failures;
  size_t enough = SIZE_MAX;

  bool OnInput(Input input) override {
    inputs.push_back(std::move(input));
    return inputs.size() < enough;
  }
  bool OnFailure(InputFailure failure) override {
    failures.push_back(std::move(failure));
    return true;
  }
};

inline Listed List(const std::vector<std::string>& paths, const ListOptions& options = {}) {
  Listed out;
  const auto listed = ListInputs(paths, "", options, out);
  REQUIRE_MESSAGE(listed.has_value(), (listed ? "" : listed.error().message));
  return out;
}

inline Input ListOne(const std::string& path, const ReadOptions& read, std::optional<Format> format = {}) {
  ListOptions options;
  options.read = read;
  options.format = format;
  Listed listed = List({path}, options);
  REQUIRE_MESSAGE(listed.inputs.size() == 1, path, " ", (listed.failures.empty() ? "" : listed.failures[0].text));
  return listed.inputs[0];
}

// A record that owns what it shows: "text", or the ids in decimal, or the code in angle brackets.
struct Seen {
  uint64_t segment, offset;
  std::string content, name, group;
  bool operator==(const Seen&) const = default;
};
struct Pass {
  std::vector<Seen> records;
  std::optional<uint64_t> last;
  std::string broken;
};

inline std::string ContentOf(const Record& record) {
  switch (record.kind) {
    case RecordKind::kText: return std::string(record.text);
    case RecordKind::kNotText: return "<not_text>";
    case RecordKind::kFailed: return "<" + std::string(record.failure) + ">";
    case RecordKind::kIds: break;
  }
  std::string out;
  for (const uint32_t id : record.ids) out += (out.empty() ? "" : " ") + std::to_string(id);
  return out;
}

inline Pass Read(const Input& input, const ReadOptions& options, uint64_t first = 0, uint64_t end = UINT64_MAX) {
  Pass out;
  auto reader = OpenReader(input, options, first, end);
  REQUIRE_MESSAGE(reader.has_value(), (reader ? "" : reader.error().message));
  Record record;
  for (;;) {
    const auto more = (*reader)->Next(record);
    REQUIRE_MESSAGE(more.has_value(), (more ? "" : more.error().message));
    if (!*more) break;
    CHECK(record.segment >= first);
    CHECK(record.segment < end);
    out.records.push_back({record.segment, record.offset, ContentOf(record), std::string(record.name), std::string(record.group)});
  }
  CHECK(!*(*reader)->Next(record));
  out.last = (*reader)->last_segment();
  out.broken = (*reader)->broken();
  return out;
}

inline std::vector<std::string> Contents(const Pass& pass) {
  std::vector<std::string> out;
  for (const Seen& seen : pass.records) out.push_back(seen.content);
  return out;
}

// Reads `bytes` under `name`, the whole as one pass.
inline Pass ReadBytes(const TemporaryFolder& folder, std::string_view name, std::string_view bytes, const ReadOptions& options = {},
                      std::optional<Format> format = {}) {
  return Read(ListOne(folder.Write(name, bytes), options, format), options);
}

using Strings = std::vector<std::string>;

}  // namespace verdigris::verify
