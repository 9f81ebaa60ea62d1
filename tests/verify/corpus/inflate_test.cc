// Inflating: members, frames, limits and damage, and that memory does not follow them.
#include "verify/corpus/inflate.h"

#include <sys/resource.h>

#include "tests/verify/corpus/corpus_files.h"

namespace verdigris::verify {
namespace {

struct Inflated {
  std::string bytes;
  std::string fault;
  size_t members = 0;
};

Inflated InflateAll(const TemporaryFolder& folder, std::string_view compressed, const InflateLimits& limits = {}) {
  Input input;
  input.path = folder.Write("x", compressed);
  auto stream = InflatedStream::Open(input, limits, 0);
  REQUIRE(stream.has_value());
  Inflated out;
  std::vector<char> block(InflatedStream::kBlockBytes);
  for (;;) {
    const auto got = stream->Read(block.data());
    REQUIRE(got.has_value());
    if (*got == 0) break;
    out.members += stream->begins_member() ? 1 : 0;
    out.bytes.append(block.data(), *got);
  }
  out.fault = stream->fault();
  return out;
}

// Bytes with some structure, so that both compressors have work.
std::string Sample(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string out;
  while (out.size() < size) {
    out += "word" + std::to_string(random() % 5000);
    out += random() % 11 == 0 ? "\n" : " ";
  }
  out.resize(size);
  return out;
}

}  // namespace

TEST_CASE("all members of gzip and all frames of zstd, whatever their sizes") {
  const TemporaryFolder folder;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, InflatedStream::kBlockBytes - 1, InflatedStream::kBlockBytes,
                            InflatedStream::kBlockBytes + 1, 3 * InflatedStream::kBlockBytes, size_t{1} << 20}) {
    CAPTURE(size);
    const std::string a = Sample(size, 1), b = Sample(1000, 2);
    const Inflated gzip = InflateAll(folder, Gzip(a) + Gzip("") + Gzip(b) + Gzip(a));
    CHECK(gzip.bytes == a + b + a);
    CHECK(gzip.fault == "");
    CHECK(gzip.members == (size == 0 ? 1 : 3));
    const Inflated zstd = InflateAll(folder, Zstd(a) + std::string("\x53\x2A\x4D\x18\x03\0\0\0abc", 11) + Zstd(b) + Zstd(a));
    CHECK(zstd.bytes == a + b + a);
    CHECK(zstd.fault == "");
    const Inflated plain = InflateAll(folder, a);
    CHECK(plain.bytes == a);
    CHECK(plain.fault == "");
  }
  // 2,000 members, as archives have them.
  std::string many, wanted;
  for (uint32_t i = 0; i < 2000; ++i) {
    const std::string part = Sample(i % 700 + 1, i);
    many += Gzip(part);
    wanted += part;
  }
  const Inflated got = InflateAll(folder, many);
  CHECK(got.bytes == wanted);
  CHECK(got.members == 2000);
  CHECK(InflateAll(folder, Gzip("abc") + std::string(1000, '\0')).fault == "");
  CHECK(InflateAll(folder, std::string("\x51\x2A\x4D\x18\x01\0\0\0a", 9) + Zstd("abc")).bytes == "abc");  // pzstd begins so
}

TEST_CASE("a truncated or damaged stream gives what came before, and `corrupt`") {
  const TemporaryFolder folder;
  const std::string sample = Sample(900000, 7);
  for (const std::string& whole : {Gzip(sample), Zstd(sample)}) {
    for (const size_t kept : {size_t{5}, size_t{30}, whole.size() / 2, whole.size() - 5, whole.size() - 1}) {
      CAPTURE(kept);
      const Inflated got = InflateAll(folder, whole.substr(0, kept));
      CHECK(got.fault == "corrupt");
      CHECK(sample.starts_with(got.bytes));
      CHECK(InflateAll(folder, whole.substr(0, kept)).bytes == got.bytes);
    }
    std::string damaged = whole;
    damaged[damaged.size() - 6] ^= 1;  // in the checksum, or in the bytes just before it
    CHECK(InflateAll(folder, damaged).fault == "corrupt");
    damaged = whole;
    damaged[damaged.size() / 2] ^= 0x10;
    CHECK(InflateAll(folder, damaged).fault == "corrupt");
    CHECK(InflateAll(folder, whole + "rest").fault == "corrupt");
    const Inflated second = InflateAll(folder, whole + whole.substr(0, 40));
    CHECK(second.fault == "corrupt");
    CHECK(second.bytes.starts_with(sample));
  }
  CHECK(InflateAll(folder, Gzip("abc") + std::string(10, '\0') + Gzip("abc")).fault == "corrupt");
}

TEST_CASE("a bomb ends where the ratio passes 1,000 after 64 MiB, in constant memory") {
  const TemporaryFolder folder;
  const std::string mib64(size_t{64} << 20, '\0');
  rusage before{}, after{};
  for (const bool zstd : {false, true}) {
    const std::string piece = zstd ? Zstd(mib64) : Gzip(mib64);
    // Of zeros gzip stays just below or above 1,000; zstd is far above.
    std::string bomb;
    for (int i = 0; i < 20; ++i) bomb += piece;
    Input input;
    input.path = folder.Write("bomb", bomb);
    getrusage(RUSAGE_SELF, &before);
    auto stream = InflatedStream::Open(input, {}, 0);
    REQUIRE(stream.has_value());
    std::vector<char> block(InflatedStream::kBlockBytes);
    uint64_t total = 0;
    for (;;) {
      const auto got = stream->Read(block.data());
      REQUIRE(got.has_value());
      if (*got == 0) break;
      total += *got;
    }
    getrusage(RUSAGE_SELF, &after);
    CHECK(after.ru_maxrss - before.ru_maxrss < 20 << 10);  // KiB
    const bool above = mib64.size() / 1000 > piece.size();
    CHECK(stream->fault() == (above ? "bomb" : ""));
    if (above) CHECK(total <= mib64.size() + InflatedStream::kBlockBytes);
    if (zstd) CHECK(above);
  }
  const std::string text = Sample(600000, 3);
  for (const std::string& file : {Gzip(text), Zstd(text)}) {
    InflateLimits limits;
    limits.max_inflated = text.size();
    CHECK(InflateAll(folder, file, limits).fault == "");
    limits.max_inflated = text.size() - 1;
    const Inflated cut = InflateAll(folder, file, limits);
    CHECK(cut.fault == "bomb");
    CHECK(cut.bytes == text.substr(0, text.size() - 1));
  }
}

TEST_CASE("windows of zstd above 2^27 are read only when allowed") {
  const TemporaryFolder folder;
  const std::string text = Sample(200000, 4);
  CHECK(InflateAll(folder, Zstd(text, 27)).bytes == text);
  const std::string wide = Zstd(text, 28);
  CHECK(InflateAll(folder, wide).fault == "window");
  InflateLimits limits;
  limits.zstd_long = true;
  CHECK(InflateAll(folder, wide, limits).bytes == text);
}

TEST_CASE("what inflates is told by four bytes") {
  CHECK(CompressionOf("\x1F\x8B\x08") == Compression::kGzip);
  CHECK(CompressionOf("\x28\xB5\x2F\xFD") == Compression::kZstd);
  CHECK(CompressionOf("\x28\xB5\x2F") == Compression::kNone);
  CHECK(CompressionOf("\x1F") == Compression::kNone);
  CHECK(CompressionOf("") == Compression::kNone);
}

}  // namespace verdigris::verify
