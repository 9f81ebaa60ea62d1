// z of a document = sqrt(rho) Z_key + sqrt(1-rho) Z_doc: what documents share moves them together. Sums are over integers;
// only the picture for people uses the normal law.
//
// Tested by tests/verify/overlap_test.cc (numbers of statistics.md 9.2; built overlaps; the list against its definition).
#include "verify/overlap.h"

#include <algorithm>
#include <cmath>

#include "verify/normal.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kHeader = "verdigris-stop-list/1 ";
constexpr size_t kBatch = 256;

std::string HeaderOf(const Profile& profile) {
  return std::string(kHeader) + Hex(profile.tokenizer_sha256()) + " " + std::to_string(profile.window()) + "\n";
}

}  // namespace

double Overlap::rho() const {
  return documents < 2 || sizes == 0 ? 0 : static_cast<double>(pairs) / (static_cast<double>(documents - 1) * static_cast<double>(sizes));
}

Overlap OverlapUpTo(const Spectrum& spectrum, uint64_t documents, uint64_t bound) {
  Overlap overlap;
  overlap.documents = documents;
  for (const auto& [c, tuples] : spectrum) {
    if (c > bound) break;
    overlap.pairs += tuples * c * (c - 1);
    overlap.sizes += tuples * c;
  }
  return overlap;
}

Overlap OverlapOf(const Spectrum& spectrum, uint64_t documents) { return OverlapUpTo(spectrum, documents, ~uint64_t{0}); }

double RateOfKey(double rho, double alpha, double q) {
  return NormalAbove((NormalQuantileAbove(alpha) - q * std::sqrt(rho)) / std::sqrt(1 - rho));
}

std::optional<uint64_t> StopBound(const Spectrum& spectrum, uint64_t documents, double most) {
  // rho up to a bound is the mean of (c-1)/(D-1) with weights that grow with the bound, so it grows with it.
  Overlap overlap;
  overlap.documents = documents;
  for (const auto& [c, tuples] : spectrum) {
    overlap.pairs += tuples * c * (c - 1);
    overlap.sizes += tuples * c;
    if (overlap.rho() > most) return c - 1;
  }
  return std::nullopt;
}

Result<StopFingerprinter> StopFingerprinter::Create() {
  VERDIGRIS_ASSIGN_OR_RETURN(WindowMac mac, WindowMac::Create(Key(TaggedHash("stop-list", {}))));
  return StopFingerprinter(std::move(mac));
}

void StopFingerprinter::Of(const uint32_t* const* windows, const uint32_t* ids, size_t h, size_t count, Fingerprint* out) const {
  const size_t bytes = WindowMessageBytes(h) + 4;
  uint8_t messages[kBatch * (WindowMessageBytes(kMaxWindow) + 4)];
  Tag tags[kBatch];
  for (size_t start = 0; start < count; start += kBatch) {
    const size_t batch = std::min(kBatch, count - start);
    for (size_t i = 0; i < batch; ++i) {
      WriteWindowMessage(windows[start + i], h, messages + i * bytes);
      WriteBe32(ids[start + i], messages + (i + 1) * bytes - 4);
    }
    mac_.Macs(messages, bytes, batch, tags);
    for (size_t i = 0; i < batch; ++i) out[start + i] = tags[i].bytes;
  }
}

Result<StopList> StopList::Empty(const Profile& profile) {
  VERDIGRIS_ASSIGN_OR_RETURN(StopFingerprinter fingerprinter, StopFingerprinter::Create());
  return StopList(std::move(fingerprinter), profile.window());
}

Result<StopList> StopList::Of(std::vector<Fingerprint> fingerprints, const Profile& profile) {
  VERDIGRIS_ASSIGN_OR_RETURN(StopList list, Empty(profile));
  list.fingerprints_ = std::move(fingerprints);
  std::sort(list.fingerprints_.begin(), list.fingerprints_.end());
  list.bytes_ = HeaderOf(profile);
  for (const Fingerprint& f : list.fingerprints_) list.bytes_.append(reinterpret_cast<const char*>(f.data()), f.size());
  return list;
}

Result<StopList> StopList::Parse(std::string_view bytes, const Profile& profile) {
  const size_t end = bytes.substr(0, 200).find('\n');
  if (bytes.substr(0, kHeader.size()) != kHeader || end == std::string_view::npos) {
    return Fail(ErrorKind::kMalformed, "not a stop list: it does not begin with \"verdigris-stop-list/1 \"");
  }
  const std::string_view header = bytes.substr(kHeader.size(), end - kHeader.size());
  Digest tokenizer;
  if (header.size() != 66 || !ParseHex(header.substr(0, 64), tokenizer) || header[64] != ' ' || header[65] < '1' || header[65] > '8') {
    return Fail(ErrorKind::kMalformed, "stop list: its first line has no tokenizer and window");
  }
  if (tokenizer != profile.tokenizer_sha256()) {
    return Fail(ErrorKind::kMismatch, "the stop list is for tokenizer " + Hex(tokenizer) + ", the profile has " + Hex(profile.tokenizer_sha256()));
  }
  if (static_cast<size_t>(header[65] - '0') != profile.window()) {
    return Fail(ErrorKind::kMismatch, "the stop list is for window " + std::string(1, header[65]) + ", the profile has " + std::to_string(profile.window()));
  }
  const std::string_view rows = bytes.substr(end + 1);
  if (rows.size() % kBlockBytes != 0) {
    return Fail(ErrorKind::kMalformed, "stop list: " + std::to_string(rows.size()) + " bytes of fingerprints are no multiple of 16");
  }
  VERDIGRIS_ASSIGN_OR_RETURN(StopList list, Empty(profile));
  list.fingerprints_.resize(rows.size() / kBlockBytes);
  for (size_t i = 0; i < list.fingerprints_.size(); ++i) {
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(i * kBlockBytes), kBlockBytes, list.fingerprints_[i].begin());
    if (i > 0 && !(list.fingerprints_[i - 1] < list.fingerprints_[i])) {
      return Fail(ErrorKind::kMalformed, "stop list: fingerprint " + std::to_string(i) + " does not ascend");
    }
  }
  list.bytes_ = std::string(bytes);
  return list;
}

Digest StopList::digest() const { return Sha256(AsBytes(bytes_)); }

void StopList::Drop(std::span<const uint32_t> ids, std::vector<PositionState>& states) const {
  const uint32_t* windows[kBatch];
  uint32_t tokens[kBatch];
  size_t positions[kBatch];
  Fingerprint fingerprints[kBatch];
  for (size_t t = h_; t < ids.size();) {
    size_t count = 0;
    for (; t < ids.size() && count < kBatch; ++t) {
      if (states[t] != PositionState::kEligible) continue;
      windows[count] = &ids[t - h_];
      tokens[count] = ids[t];
      positions[count++] = t;
    }
    fingerprinter_.Of(windows, tokens, h_, count, fingerprints);
    for (size_t i = 0; i < count; ++i) {
      if (std::binary_search(fingerprints_.begin(), fingerprints_.end(), fingerprints[i])) states[positions[i]] = PositionState::kSpecial;
    }
  }
}

}  // namespace verdigris::verify
