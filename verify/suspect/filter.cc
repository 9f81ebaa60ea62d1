// Entries are compared as numbers: a digest's first b bytes, the first byte the highest, order them as the file does. All
// ways to a filter (a log, a union, an intersection) end in Make(), which sorts, merges equal digests and numbers what is
// left; all ways to read one end in Parse().
//
// Tested by tests/verify/suspect/filter_test.cc (suspect.json `filters`) and tests/fuzz/fuzz_filter.cc.
#include "verify/suspect/filter.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "verify/big_endian.h"
#include "watermark/prf.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kMagic = "VDGFILT1";
constexpr size_t kFixedBytes = 68;  // before the label
constexpr size_t kRankBytes = 4;
constexpr size_t kMostLabelBytes = 64;
constexpr uint64_t kMostRows = uint64_t{1} << 31;  // of a builder's table

Unexpected Malformed(const std::string& what) { return Fail(ErrorKind::kMalformed, "filter: " + what); }

void AppendBytes(std::string& out, std::span<const uint8_t> bytes) { out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); }

Result<void> CheckFacts(const FilterFacts& facts) {
  const auto refuse = [](const std::string& name, const std::string& bounds, unsigned value) {
    return Fail(ErrorKind::kInvalidArgument, name + " must be in " + bounds + ", got " + std::to_string(value));
  };
  if (facts.window < 1 || facts.window > kMaxWindow) return refuse("window", "[1,8]", facts.window);
  if (facts.digest_bytes < kLeastDigestBytes || facts.digest_bytes > kMostDigestBytes) return refuse("digest bytes", "[4,8]", facts.digest_bytes);
  if (!facts.label.empty() && !IsAccountLabel(facts.label)) return Fail(ErrorKind::kInvalidArgument, "the label is no account label");
  return {};
}

// First b bytes of tagged("filter", salt || M).
uint64_t DigestOf(const FilterFacts& facts, const uint32_t* window) {
  uint8_t message[WindowMessageBytes(kMaxWindow)];
  WriteWindowMessage(window, facts.window, message);
  const Digest digest = TaggedHash("filter", {facts.salt, std::span(message).first(WindowMessageBytes(facts.window))});
  return ReadBe(reinterpret_cast<const char*>(digest.data()), facts.digest_bytes);
}

Result<void> CheckTogether(const FilterFacts& first, const FilterFacts& second) {
  if (first.scheme_id != second.scheme_id) {
    return Fail(ErrorKind::kMismatch, "filters of scheme_id " + Hex(first.scheme_id) + " and " + Hex(second.scheme_id));
  }
  if (first.window != second.window || first.digest_bytes != second.digest_bytes) {
    return Fail(ErrorKind::kMismatch, "filters of windows of " + std::to_string(first.window) + " and " + std::to_string(second.window) +
                                          " ids, digests of " + std::to_string(first.digest_bytes) + " and " + std::to_string(second.digest_bytes) + " bytes");
  }
  if (first.salt != second.salt) return Fail(ErrorKind::kMismatch, "filters of two salts: " + Hex(first.salt) + " and " + Hex(second.salt));
  return {};
}

}  // namespace

Filter::Filter(FilterFacts facts, uint64_t count, std::string bytes) : facts_(std::move(facts)), count_(count), bytes_(std::move(bytes)) {}

Filter::Entry Filter::EntryAt(uint64_t index) const {
  const size_t b = facts_.digest_bytes;
  const char* at = bytes_.data() + kFixedBytes + facts_.label.size() + index * (b + kRankBytes);
  return {ReadBe(at, b), ReadBe(at + b, kRankBytes)};
}

Result<Filter> Filter::Parse(std::string bytes) {
  if (!std::string_view(bytes).starts_with(kMagic)) return Malformed("not a filter file: it does not begin with " + std::string(kMagic));
  if (bytes.size() < kFixedBytes) return Malformed("cut short: " + std::to_string(bytes.size()) + " bytes");
  FilterFacts facts;
  facts.window = static_cast<uint8_t>(bytes[8]);
  facts.digest_bytes = static_cast<uint8_t>(bytes[9]);
  const uint64_t label_bytes = ReadBe(bytes.data() + 10, 2);
  std::memcpy(facts.scheme_id.data(), bytes.data() + 12, facts.scheme_id.size());
  std::memcpy(facts.salt.data(), bytes.data() + 44, facts.salt.size());
  const uint64_t count = ReadBe(bytes.data() + 60, 8);
  if (label_bytes > kMostLabelBytes) return Malformed("a label of " + std::to_string(label_bytes) + " bytes; at most 64 are allowed");
  facts.label = bytes.substr(kFixedBytes, label_bytes);
  if (const auto checked = CheckFacts(facts); !checked) return Malformed(checked.error().message);
  if (count > kMostFilterWindows) return Fail(ErrorKind::kLimit, "filter: " + std::to_string(count) + " windows; ranks number at most 2^32 - 1");
  const uint64_t expected = kFixedBytes + label_bytes + count * (facts.digest_bytes + kRankBytes) + Digest{}.size();
  if (bytes.size() != expected) {
    return Malformed(std::to_string(bytes.size()) + " bytes; one of " + std::to_string(count) + " windows has " + std::to_string(expected));
  }

  Filter filter(std::move(facts), count, std::move(bytes));
  std::vector<bool> seen(count);
  uint64_t previous = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const Entry entry = filter.EntryAt(i);
    if (i > 0 && entry.digest <= previous) return Malformed("entry " + std::to_string(i) + " is out of order");
    previous = entry.digest;
    if (entry.order >= count || seen[entry.order]) return Malformed("entry " + std::to_string(i) + ": its rank is too large, or that of another");
    seen[entry.order] = true;
  }
  const std::string_view all = filter.bytes_;
  const Digest digest = Sha256(AsBytes(all.substr(0, all.size() - Digest{}.size())));
  if (std::memcmp(digest.data(), all.data() + all.size() - digest.size(), digest.size()) != 0) return Malformed("its digest is not that of its bytes");
  return filter;
}

Result<Filter> Filter::Make(FilterFacts facts, std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.digest != b.digest ? a.digest < b.digest : a.order < b.order; });
  const auto same = [](const Entry& a, const Entry& b) { return a.digest == b.digest; };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  if (entries.size() > kMostFilterWindows) return Fail(ErrorKind::kLimit, "a filter of more than 2^32 - 1 windows");
  // Ranks without gaps: the place of each order among those that are left.
  std::vector<uint32_t> places(entries.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<uint32_t>(i);
  std::sort(places.begin(), places.end(), [&](uint32_t a, uint32_t b) { return entries[a].order < entries[b].order; });
  for (size_t rank = 0; rank < places.size(); ++rank) entries[places[rank]].order = rank;

  std::string bytes(kMagic);
  bytes.reserve(kFixedBytes + facts.label.size() + entries.size() * (facts.digest_bytes + kRankBytes) + Digest{}.size());
  AppendBe(bytes, facts.window, 1);
  AppendBe(bytes, facts.digest_bytes, 1);
  AppendBe(bytes, facts.label.size(), 2);
  AppendBytes(bytes, facts.scheme_id);
  AppendBytes(bytes, facts.salt);
  AppendBe(bytes, entries.size(), 8);
  bytes += facts.label;
  for (const Entry& entry : entries) {
    AppendBe(bytes, entry.digest, facts.digest_bytes);
    AppendBe(bytes, entry.order, kRankBytes);
  }
  AppendBytes(bytes, Sha256(AsBytes(bytes)));
  return Filter(std::move(facts), entries.size(), std::move(bytes));
}

// The first entry of at least this digest; size() where there is none.
uint64_t Filter::LowerBound(uint64_t digest) const {
  uint64_t low = 0, high = count_;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (EntryAt(middle).digest < digest) low = middle + 1;
    else high = middle;
  }
  return low;
}

bool Filter::Contains(uint64_t digest) const {
  const uint64_t at = LowerBound(digest);
  return at < count_ && EntryAt(at).digest == digest;
}

std::optional<uint32_t> Filter::RankOf(const uint32_t* window) const {
  const uint64_t digest = DigestOf(facts_, window);
  const uint64_t at = LowerBound(digest);
  if (at == count_) return std::nullopt;
  const Entry entry = EntryAt(at);
  if (entry.digest != digest) return std::nullopt;
  return static_cast<uint32_t>(entry.order);
}

double Filter::FalsePositiveRate() const { return std::ldexp(static_cast<double>(count_), -8 * facts_.digest_bytes); }

Digest Filter::digest() const { return Sha256(AsBytes(bytes_)); }

Result<Filter> Unite(const Filter& first, const Filter& second, std::string label) {
  FilterFacts facts = first.facts();
  facts.label = std::move(label);
  VERDIGRIS_RETURN_IF_ERROR(CheckFacts(facts));
  VERDIGRIS_RETURN_IF_ERROR(CheckTogether(first.facts(), second.facts()));
  std::vector<Filter::Entry> entries;
  entries.reserve(first.size() + second.size());
  for (uint64_t i = 0; i < first.size(); ++i) entries.push_back(first.EntryAt(i));
  for (uint64_t i = 0; i < second.size(); ++i) {
    const Filter::Entry entry = second.EntryAt(i);
    entries.push_back({entry.digest, first.size() + entry.order});
  }
  return Filter::Make(std::move(facts), std::move(entries));
}

Result<Filter> Intersect(const Filter& first, const Filter& second, std::string label) {
  FilterFacts facts = first.facts();
  facts.label = std::move(label);
  VERDIGRIS_RETURN_IF_ERROR(CheckFacts(facts));
  VERDIGRIS_RETURN_IF_ERROR(CheckTogether(first.facts(), second.facts()));
  std::vector<Filter::Entry> entries;
  for (uint64_t i = 0; i < first.size(); ++i) {
    const Filter::Entry entry = first.EntryAt(i);
    if (second.Contains(entry.digest)) entries.push_back(entry);
  }
  return Filter::Make(std::move(facts), std::move(entries));
}

FilterBuilder::FilterBuilder(FilterFacts facts, const SpecialIds& special) : facts_(std::move(facts)), special_(&special), seed_(RandomTableSeed()) {}

Result<FilterBuilder> FilterBuilder::Create(FilterFacts facts, const SpecialIds& special) {
  VERDIGRIS_RETURN_IF_ERROR(CheckFacts(facts));
  return FilterBuilder(std::move(facts), special);
}

// The slot that holds this window, or the free one where it would go. Precondition: the table has a free slot.
size_t FilterBuilder::FindSlot(const uint32_t* window) const {
  const size_t h = facts_.window, mask = slots_.size() - 1;
  size_t slot = static_cast<size_t>(HashIds(seed_, window, h)) & mask;
  while (slots_[slot] != 0 && !std::equal(window, window + h, windows_.data() + (slots_[slot] - 1) * h)) slot = (slot + 1) & mask;
  return slot;
}

void FilterBuilder::Grow() {
  slots_.assign(std::max<size_t>(64, 2 * slots_.size()), 0);
  for (size_t row = 0; row < row_is_served_.size(); ++row) slots_[FindSlot(windows_.data() + row * facts_.window)] = static_cast<uint32_t>(row + 1);
}

// Windows of h ids in a row: of an answer those before a position of it, of a prompt all. Whoever comes first decides
// what a window is.
Result<void> FilterBuilder::Enter(std::span<const uint32_t> ids, bool served) {
  const size_t h = facts_.window;
  size_t clean = 0;  // ids in a row, up to here, that are not special
  for (size_t end = 1; end <= ids.size(); ++end) {
    clean = special_->Contains(ids[end - 1]) ? 0 : clean + 1;
    if (clean < h || (served && end == ids.size())) continue;
    if (2 * (row_is_served_.size() + 1) > slots_.size()) Grow();
    const uint32_t* window = ids.data() + end - h;
    const size_t slot = FindSlot(window);
    if (slots_[slot] != 0) continue;
    if (row_is_served_.size() == kMostRows) return Fail(ErrorKind::kLimit, "more than 2^31 windows in one account's log: split the epoch");
    windows_.insert(windows_.end(), window, window + h);
    row_is_served_.push_back(served);
    slots_[slot] = static_cast<uint32_t>(row_is_served_.size());
    served_ += served;
  }
  return {};
}

Result<void> FilterBuilder::Add(std::span<const uint32_t> prompt, std::span<const uint32_t> output) {
  for (const uint32_t id : prompt) {
    if (id >= kIdLimit) return Fail(ErrorKind::kInvalidArgument, "prompt id " + std::to_string(id));
  }
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(output));
  VERDIGRIS_RETURN_IF_ERROR(Enter(prompt, /*served=*/false));
  VERDIGRIS_RETURN_IF_ERROR(Enter(output, /*served=*/true));
  ++answers_;
  tokens_ += output.size();
  return {};
}

Result<Filter> FilterBuilder::Finish() const {
  std::vector<Filter::Entry> entries;
  entries.reserve(served_);
  for (size_t row = 0; row < row_is_served_.size(); ++row) {
    if (row_is_served_[row]) entries.push_back({DigestOf(facts_, windows_.data() + row * facts_.window), row});
  }
  return Filter::Make(facts_, std::move(entries));
}

}  // namespace verdigris::verify
