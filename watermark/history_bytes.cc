// Fixed-width and strict: the length follows from the head, so nothing is allocated before the bytes are known to be
// there.
//
// Tested by tests/c_api/c_api_test.c: every prefix and every changed byte of the head.
#include "watermark/history_bytes.h"

#include <cstring>
#include <string>
#include <vector>

namespace verdigris {
namespace {

constexpr std::string_view kMagic = "VDGH";
constexpr uint8_t kVersion = 1;
constexpr size_t kHeadBytes = 10;  // magic, version, h, n
constexpr size_t kMaxWindow = 8;

void PutBe32(uint32_t value, uint8_t* out) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}

uint32_t GetBe32(const char* in) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(in[i]);
  return value;
}

Unexpected TooLong() { return Fail(ErrorKind::kLimit, "a history has at most 2^31 ids"); }

Unexpected Malformed(const char* what) { return Fail(ErrorKind::kMalformed, std::string("history: ") + what); }

}  // namespace

Result<void> CheckHistoryLength(const History& history, size_t more) {
  if (more > kMostIds - history.length()) return TooLong();
  return {};
}

size_t HistoryBytes(const History& history) { return kHeadBytes + 4 * history.length(); }

void WriteHistory(const History& history, uint8_t* out) {
  std::memcpy(out, kMagic.data(), kMagic.size());
  out[4] = kVersion;
  out[5] = static_cast<uint8_t>(history.window());
  PutBe32(static_cast<uint32_t>(history.length()), out + 6);
  out += kHeadBytes;
  for (const uint32_t id : history.ids()) {
    PutBe32(id, out);
    out += 4;
  }
}

Result<History> ParseHistory(std::string_view bytes) {
  if (bytes.size() < kHeadBytes || !bytes.starts_with(kMagic)) return Malformed("it does not begin as one");
  if (static_cast<uint8_t>(bytes[4]) != kVersion) return Fail(ErrorKind::kUnsupported, "history: another version");
  const auto h = static_cast<uint8_t>(bytes[5]);
  if (h < 1 || h > kMaxWindow) return Malformed("h must be in [1,8]");
  const size_t n = GetBe32(bytes.data() + 6);
  if (n > kMostIds) return TooLong();
  if (bytes.size() - kHeadBytes != 4 * n) return Malformed("its length is not that of its ids");
  std::vector<uint32_t> ids(n);
  for (size_t i = 0; i < n; ++i) ids[i] = GetBe32(bytes.data() + kHeadBytes + 4 * i);
  if (!CheckIds(ids)) return Malformed("an id is 2^24 or more");
  History history(h);
  history.Push(ids);
  return history;
}

}  // namespace verdigris
