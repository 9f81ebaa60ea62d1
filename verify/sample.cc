// New rows gather unsorted and are settled when they are as many as may be kept: sorted, united with the rows there are, cut.
// Once a cut has dropped a row nothing above the largest that stayed can come back, so it is not taken any more; what stays
// was taken every time it was met, which makes its count complete. The `keep` smallest of a union are among the `keep`
// smallest of each part that holds them, so merging loses nothing.
//
// Tested by tests/verify/sample_test.cc (against a map; 10,000 random families of parts).
#include "verify/sample.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <string>

namespace verdigris::verify {
namespace {

constexpr size_t kLeastPending = 4096;
constexpr size_t kBatch = 256;

bool Before(const Sample::Row& a, const Sample::Row& b) { return a.fingerprint < b.fingerprint; }

// Makes neighbours of equal fingerprint one; false where their scores differ.
bool Unite(std::vector<Sample::Row>& sorted) {
  bool agree = true;
  size_t kept = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (kept > 0 && sorted[kept - 1].fingerprint == sorted[i].fingerprint) {
      agree = agree && sorted[kept - 1].score == sorted[i].score;
      sorted[kept - 1].occurrences = AddOccurrences(sorted[kept - 1].occurrences, sorted[i].occurrences);
      sorted[kept - 1].place = std::min(sorted[kept - 1].place, sorted[i].place);
    } else {
      sorted[kept++] = sorted[i];
    }
  }
  sorted.resize(kept);
  return agree;
}

// `add(fingerprint, score)` for each tuple of `layer` that `takes(fingerprint)`.
template <class Takes, class Add>
void ForTuplesOf(const Profile& profile, const Layers& layers, Layer layer, const Fingerprinter& fingerprinter,
                 std::span<const uint32_t> ids, std::span<const PositionState> states, Takes&& takes, Add&& add) {
  const size_t h = profile.window();
  const uint32_t* windows[kBatch];
  uint32_t tokens[kBatch];
  Layer assigned[kBatch];
  Fingerprint fingerprints[kBatch];
  uint64_t scores[kBatch];
  const bool every_window = profile.needs_selector() && !layers.has_selector();
  if (every_window) std::fill_n(assigned, kBatch, layer);
  for (size_t t = h; t < ids.size();) {
    size_t count = 0;
    for (; t < ids.size() && count < kBatch; ++t) {
      if (states[t] != PositionState::kEligible) continue;
      windows[count] = &ids[t - h];
      tokens[count++] = ids[t];
    }
    if (!every_window) layers.Assign(profile, windows, count, assigned);
    fingerprinter.Of(windows, tokens, h, count, fingerprints);
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
      if (assigned[i] != layer || !takes(fingerprints[i])) continue;
      windows[kept] = windows[i];
      tokens[kept] = tokens[i];
      fingerprints[kept++] = fingerprints[i];
    }
    layers.Score(profile, layer, windows, tokens, kept, scores);
    for (size_t i = 0; i < kept; ++i) add(fingerprints[i], scores[i]);
  }
}

}  // namespace

bool IsSampled(const Fingerprint& fingerprint, int sample_log2) {
  uint64_t first;
  std::memcpy(&first, fingerprint.data(), sizeof first);
  if constexpr (std::endian::native == std::endian::little) first = __builtin_bswap64(first);
  return sample_log2 == 0 || first >> (64 - sample_log2) == 0;
}

Result<Fingerprinter> Fingerprinter::Create(const Key& layer_key) {
  VERDIGRIS_ASSIGN_OR_RETURN(WindowMac mac, WindowMac::Create(DeriveSampleKey(layer_key)));
  return Fingerprinter(std::move(mac));
}

void Fingerprinter::Of(const uint32_t* const* windows, const uint32_t* ids, size_t h, size_t count, Fingerprint* out) const {
  constexpr size_t kMostBytes = 2 + WindowMessageBytes(kMaxWindow) + 4;
  const size_t input = WindowMessageBytes(h) + 4, bytes = 2 + input;
  uint8_t messages[kBatch * kMostBytes];
  Tag tags[kBatch];
  for (size_t start = 0; start < count; start += kBatch) {
    const size_t batch = std::min(kBatch, count - start);
    for (size_t i = 0; i < batch; ++i) {
      uint8_t* message = messages + i * bytes;
      message[0] = 0;
      message[1] = static_cast<uint8_t>(input);
      WriteWindowMessage(windows[start + i], h, message + 2);
      WriteBe32(ids[start + i], message + bytes - 4);
    }
    mac_.Macs(messages, bytes, batch, tags);
    for (size_t i = 0; i < batch; ++i) out[start + i] = tags[i].bytes;
  }
}

Sample::Sample(size_t keep, int sample_log2) : keep_(keep), sample_log2_(sample_log2) {
  assert(sample_log2 >= 0 && sample_log2 <= 64);
}

bool Sample::Takes(const Fingerprint& fingerprint) const {
  return IsSampled(fingerprint, sample_log2_) && (!full_ || fingerprint <= rows_.back().fingerprint);
}

void Sample::Add(const Fingerprint& fingerprint, uint64_t score) {
  assert(Takes(fingerprint));
  if (pending_.size() >= std::max(kLeastPending, rows_.size())) Settle();
  pending_.push_back({fingerprint, score, 1, place_});
}

void Sample::Settle() {
  if (pending_.empty()) return;
  std::sort(pending_.begin(), pending_.end(), Before);
  [[maybe_unused]] bool agree = Unite(pending_);
  std::vector<Row> all(rows_.size() + pending_.size());
  std::merge(rows_.begin(), rows_.end(), pending_.begin(), pending_.end(), all.begin(), Before);
  agree = Unite(all) && agree;
  assert(agree);
  if (keep_ != 0 && all.size() > keep_) {
    all.resize(keep_);
    full_ = true;
  }
  rows_ = std::move(all);
  pending_.clear();
}

Result<void> Sample::Merge(Sample other) {
  if (keep_ != other.keep_ || sample_log2_ != other.sample_log2_) {
    return Fail(ErrorKind::kMismatch, "samples of keep " + std::to_string(keep_) + " and " + std::to_string(other.keep_) + ", sample_log2 " +
                                          std::to_string(sample_log2_) + " and " + std::to_string(other.sample_log2_));
  }
  Settle();
  other.Settle();
  std::vector<Row> all(rows_.size() + other.rows_.size());
  std::merge(rows_.begin(), rows_.end(), other.rows_.begin(), other.rows_.end(), all.begin(), Before);
  if (!Unite(all)) return Fail(ErrorKind::kMismatch, "one tuple has two scores: these samples are of different keys");
  full_ = full_ || other.full_;
  if (keep_ != 0 && all.size() > keep_) {
    all.resize(keep_);
    full_ = true;
  }
  rows_ = std::move(all);
  return {};
}

std::span<const Sample::Row> Sample::rows() {
  Settle();
  return rows_;
}

bool Sample::full() {
  Settle();
  return full_;
}

Statistic Sample::statistic() {
  Statistic sum = 0;
  for (const Row& row : rows()) sum += row.score;
  return sum;
}

double Sample::inflation() {
  double sum = 0, squares = 0;
  for (const Row& row : rows()) {
    const double c = row.occurrences;
    sum += c;
    squares += c * c;
  }
  return sum == 0 ? 0 : squares / sum;
}

void SampleTuples(const Profile& profile, const Layers& layers, Layer layer, const Fingerprinter& fingerprinter,
                  std::span<const uint32_t> ids, std::span<const PositionState> states, int sample_log2, std::vector<SampledTuple>& out) {
  ForTuplesOf(profile, layers, layer, fingerprinter, ids, states,
              [&](const Fingerprint& fingerprint) { return IsSampled(fingerprint, sample_log2); },
              [&](const Fingerprint& fingerprint, uint64_t score) { out.push_back({fingerprint, score}); });
}

void SampleText(const Profile& profile, const Layers& layers, Layer layer, const Fingerprinter& fingerprinter,
                std::span<const uint32_t> ids, std::span<const PositionState> states, Sample& sample) {
  ForTuplesOf(profile, layers, layer, fingerprinter, ids, states, [&](const Fingerprint& fingerprint) { return sample.Takes(fingerprint); },
              [&](const Fingerprint& fingerprint, uint64_t score) {
                if (sample.Takes(fingerprint)) sample.Add(fingerprint, score);
              });
}

}  // namespace verdigris::verify
