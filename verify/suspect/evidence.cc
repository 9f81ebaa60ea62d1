// Windows and rows sit in columns behind two open-addressing tables; rows of a window form a chain. A window's first
// encounter is the smallest place at which it was met, so units may come in any order: an earlier place clears what a
// later one had left.
//
// Memory: a row takes at most 4 (window) + 4 (id) + 4 (chain) + 8 (2 + m) (sums) + 1 + 4 (1 + m) (first encounter) + 16
// (table) bytes for m references, at most 89, and a window at most 41 + 4 h. Where the budget is reached, windows are
// kept by a hash that sees neither key nor probability, so the rows that remain have the same law.
//
// Tested by tests/verify/suspect/evidence_test.cc.
#include "verify/suspect/evidence.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>

#include "watermark/prf.h"

namespace verdigris::verify {
namespace {

constexpr FirstPlace kNever{std::numeric_limits<uint64_t>::max(), std::numeric_limits<uint32_t>::max()};

// Room for one more element; at most `most`, so that a full table takes what its budget says and not twice that.
template <class... Columns>
void MakeRoom(size_t most, Columns&... columns) {
  const auto grow = [&](auto& column) {
    if (column.size() == column.capacity()) column.reserve(std::max(column.size() + 1, std::min(std::max<size_t>(1024, 2 * column.size()), most)));
  };
  (grow(columns), ...);
}

uint64_t At(std::span<const ListEntry> list, uint32_t id) {
  const auto found = std::lower_bound(list.begin(), list.end(), id, [](const ListEntry& e, uint32_t v) { return e.id < v; });
  return found != list.end() && found->id == id ? found->probability : 0;
}

}  // namespace

uint64_t FixedProbability(double ln_p) {
  assert(!std::isnan(ln_p));
  return static_cast<uint64_t>(std::floor(std::exp(std::min(ln_p, 0.0)) * 0x1p32 + 0.5));
}

std::vector<ListEntry> KeepTopK(std::span<const std::pair<uint32_t, double>> ids_and_ln_p, size_t k, std::optional<uint32_t> sampled) {
  std::vector<std::pair<uint32_t, double>> ranked(ids_and_ln_p.begin(), ids_and_ln_p.end());
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.second > b.second || (a.second == b.second && a.first < b.first); });
  std::vector<ListEntry> kept;
  for (size_t i = 0; i < ranked.size(); ++i) {
    if (i < k || ranked[i].first == sampled) kept.push_back({ranked[i].first, FixedProbability(ranked[i].second)});
  }
  return kept;
}

void Lists::Add(std::span<const ListEntry> list) {
  const auto start = static_cast<std::ptrdiff_t>(entries_.size());
  entries_.insert(entries_.end(), list.begin(), list.end());
  std::sort(entries_.begin() + start, entries_.end(), [](const ListEntry& a, const ListEntry& b) { return a.id < b.id; });
  auto kept = entries_.begin() + start;
  for (auto entry = kept; entry != entries_.end(); ++entry) {
    if (kept != entries_.begin() + start && (kept - 1)->id == entry->id) {
      (kept - 1)->probability = std::min(kProbabilityOne, (kept - 1)->probability + entry->probability);
    } else {
      *kept++ = *entry;
    }
  }
  entries_.erase(kept, entries_.end());
  ends_.push_back(entries_.size());
}

SuspectEvidence::SuspectEvidence(const Options& options, SpecialIds special)
    : options_(options), special_(std::move(special)), seed_(RandomTableSeed()) {
  assert(options.window >= 1 && options.window <= kMaxWindow && options.references <= kMaxReferences);
}

double SuspectEvidence::share() const { return std::ldexp(1.0, -halvings_); }

bool SuspectEvidence::Sampled(const uint32_t* ids) const {
  if (halvings_ == 0) return true;
  if (halvings_ > 63) return false;
  uint8_t message[WindowMessageBytes(kMaxWindow)];
  WriteWindowMessage(ids, options_.window, message);
  const Digest hash = TaggedHash("suspect-sample", {options_.sample_seed, {message, WindowMessageBytes(options_.window)}});
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) number = number << 8 | hash[i];
  return number >> (64 - halvings_) == 0;
}

size_t SuspectEvidence::WindowSlot(const uint32_t* ids) const {
  const size_t h = options_.window, mask = window_slots_.size() - 1;
  size_t slot = static_cast<size_t>(HashIds(seed_, ids, h)) & mask;
  while (window_slots_[slot] != 0 && std::memcmp(window(window_slots_[slot] - 1), ids, h * sizeof *ids) != 0) slot = (slot + 1) & mask;
  return slot;
}

size_t SuspectEvidence::RowSlot(uint32_t window, uint32_t id) const {
  const uint32_t key[] = {window, id};
  const size_t mask = row_slots_.size() - 1;
  size_t slot = static_cast<size_t>(HashIds(seed_, key, 2)) & mask;
  while (row_slots_[slot] != 0 && (row_window_[row_slots_[slot] - 1] != window || row_id_[row_slots_[slot] - 1] != id)) slot = (slot + 1) & mask;
  return slot;
}

void SuspectEvidence::GrowWindowSlots() {
  const size_t size = std::max<size_t>(64, 2 * window_slots_.size());
  window_slots_ = {};
  window_slots_.assign(size, 0);
  for (size_t i = 0; i < windows(); ++i) window_slots_[WindowSlot(window(i))] = static_cast<uint32_t>(i + 1);
}

void SuspectEvidence::GrowRowSlots() {
  const size_t size = std::max<size_t>(64, 2 * row_slots_.size());
  row_slots_ = {};
  row_slots_.assign(size, 0);
  for (size_t r = 0; r < rows(); ++r) row_slots_[RowSlot(row_window_[r], row_id_[r])] = static_cast<uint32_t>(r + 1);
}

uint32_t SuspectEvidence::WindowAt(const uint32_t* ids) {
  if (2 * (windows() + 1) > window_slots_.size()) GrowWindowSlots();
  const size_t slot = WindowSlot(ids);
  if (window_slots_[slot] != 0) return window_slots_[slot] - 1;
  if (!Sampled(ids)) return kNone;
  const size_t h = options_.window, most = options_.memory_bytes / kRowBytes + 1024;
  if (window_ids_.size() + h > window_ids_.capacity()) window_ids_.reserve(std::max<size_t>(1024 * h, std::min(2 * window_ids_.size(), most * h)));
  MakeRoom(most, window_n_, window_unit_, window_position_, window_last_row_, window_in_prompt_);
  window_ids_.insert(window_ids_.end(), ids, ids + h);
  window_n_.push_back(0);
  window_unit_.push_back(kNever.unit);
  window_position_.push_back(kNever.position);
  window_last_row_.push_back(kNone);
  window_in_prompt_.push_back(0);
  ++bare_windows_;
  window_slots_[slot] = static_cast<uint32_t>(windows());
  return window_slots_[slot] - 1;
}

uint32_t SuspectEvidence::RowAt(uint32_t window, uint32_t id) {
  if (2 * (rows() + 1) > row_slots_.size()) GrowRowSlots();
  const size_t slot = RowSlot(window, id);
  if (row_slots_[slot] != 0) return row_slots_[slot] - 1;
  MakeRoom(options_.memory_bytes / kRowBytes + 1024, row_window_, row_id_, row_previous_, count_, suspect_, first_bits_);
  if (window_last_row_[window] == kNone) --bare_windows_;
  row_window_.push_back(window);
  row_id_.push_back(id);
  row_previous_.push_back(window_last_row_[window]);
  window_last_row_[window] = static_cast<uint32_t>(rows() - 1);
  count_.push_back(0);
  suspect_.push_back(0);
  first_bits_.push_back(0);
  for (size_t k = 0; k < options_.references; ++k) {
    MakeRoom(options_.memory_bytes / kRowBytes + 1024, references_[k]);
    references_[k].push_back(0);
  }
  for (size_t j = 0; j <= options_.references; ++j) {
    MakeRoom(options_.memory_bytes / kRowBytes + 1024, first_[j]);
    first_[j].push_back(0);
  }
  row_slots_[slot] = static_cast<uint32_t>(rows());
  return row_slots_[slot] - 1;
}

bool SuspectEvidence::Meet(uint32_t window, FirstPlace place) {
  if (!(place < first(window))) return false;
  window_unit_[window] = place.unit;
  window_position_[window] = place.position;
  for (uint32_t r = window_last_row_[window]; r != kNone; r = row_previous_[r]) SetFirst(r, false, {});
  return true;
}

void SuspectEvidence::SetFirst(size_t r, bool hit, const Probabilities& probabilities) {
  first_bits_[r] = hit ? 1 : 0;
  for (size_t j = 0; j <= options_.references; ++j) {
    if (probabilities[j] == kProbabilityOne) first_bits_[r] = static_cast<uint8_t>(first_bits_[r] | 2u << j);
    first_[j][r] = static_cast<uint32_t>(probabilities[j]);
  }
}

void SuspectEvidence::AddRow(uint32_t window, uint32_t id, bool hit, const Probabilities& probabilities, bool first) {
  const uint32_t r = RowAt(window, id);
  count_[r] += hit ? 1 : 0;
  suspect_[r] += probabilities[0];
  for (size_t k = 0; k < options_.references; ++k) references_[k][r] += probabilities[k + 1];
  if (first) SetFirst(r, hit, probabilities);
}

void SuspectEvidence::AddPosition(const uint32_t* window_ids, FirstPlace place, const SuspectRecord& record, size_t t) {
  const bool reading = options_.showing == Showing::kReading;
  const std::span<const ListEntry> list = record.suspect != nullptr ? (*record.suspect)[t] : std::span<const ListEntry>();
  uint32_t hit = record.output[t];
  if (reading && !list.empty()) {
    hit = std::min_element(list.begin(), list.end(), [](const ListEntry& a, const ListEntry& b) {
            return a.probability > b.probability || (a.probability == b.probability && a.id < b.id);
          })->id;
  }
  if (!reading && special_.Contains(hit)) return;
  const uint32_t window = WindowAt(window_ids);
  if (window == kNone) return;
  if (!reading && std::binary_search(prompt_windows_.begin(), prompt_windows_.end(), window)) return;
  const bool first = Meet(window, place);
  if (reading && list.empty()) return;  // shown, and so used up, but nothing is known of the prediction
  ++window_n_[window];

  position_.clear();
  for (const ListEntry& entry : list) position_.push_back({entry.id, {entry.probability}});
  if (list.empty() || At(list, hit) == 0) position_.push_back({hit, {}});
  if (record.suspect == nullptr) {
    for (size_t k = 0; k < options_.references; ++k) {
      for (const ListEntry& entry : (*record.references[k])[t]) position_.push_back({entry.id, {}});
    }
  }
  const auto before = [](const auto& a, const auto& b) { return a.first < b.first || (a.first == b.first && a.second[0] > b.second[0]); };
  if (!std::is_sorted(position_.begin(), position_.end(), before)) std::sort(position_.begin(), position_.end(), before);
  position_.erase(std::unique(position_.begin(), position_.end(), [](const auto& a, const auto& b) { return a.first == b.first; }), position_.end());
  // Rows of a window lie anywhere, and waiting for memory would be most of the work: all are asked for before one is used.
  // (In a function of its own g++ 12 takes this for something without effect, and drops it.)
  if (!row_slots_.empty()) {
    const auto slot_of = [&](uint32_t id) {
      const uint32_t key[] = {window, id};
      return &row_slots_[static_cast<size_t>(HashIds(seed_, key, 2)) & (row_slots_.size() - 1)];
    };
    for (const auto& [id, probabilities] : position_) __builtin_prefetch(slot_of(id));
    for (const auto& [id, probabilities] : position_) {
      const uint32_t* slot = slot_of(id);
      if (*slot == 0) continue;
      const size_t r = *slot - 1;
      __builtin_prefetch(&row_window_[r]);
      __builtin_prefetch(&row_id_[r]);
      __builtin_prefetch(&count_[r], 1);
      __builtin_prefetch(&suspect_[r], 1);
      for (size_t k = 0; k < options_.references; ++k) __builtin_prefetch(&references_[k][r], 1);
    }
  }
  for (auto& [id, probabilities] : position_) {
    if (special_.Contains(id)) continue;
    for (size_t k = 0; k < options_.references; ++k) probabilities[k + 1] = At((*record.references[k])[t], id);
    AddRow(window, id, id == hit, probabilities, first);
  }
}

Result<void> SuspectEvidence::AddUnit(uint64_t ordinal, std::span<const SuspectRecord> records) {
  uint64_t positions = 0;
  for (const SuspectRecord& record : records) {
    VERDIGRIS_RETURN_IF_ERROR(CheckIds(record.prompt));
    VERDIGRIS_RETURN_IF_ERROR(CheckIds(record.output));
    assert(record.suspect == nullptr || record.suspect->size() == record.output.size());
    positions += record.output.size();
    const auto check = [&](const Lists& lists) -> Result<void> {
      for (size_t t = 0; t < lists.size(); ++t) {
        for (const ListEntry& entry : lists[t]) {
          if (entry.id >= kIdLimit || entry.probability > kProbabilityOne) {
            return Fail(ErrorKind::kInvalidArgument, "list at position " + std::to_string(t) + ": id " + std::to_string(entry.id) +
                                                         " with probability " + std::to_string(entry.probability) + " of 2^32");
          }
        }
      }
      return {};
    };
    if (record.suspect != nullptr) VERDIGRIS_RETURN_IF_ERROR(check(*record.suspect));
    for (size_t k = 0; k < options_.references; ++k) {
      assert(record.references[k] != nullptr && record.references[k]->size() == record.output.size());
      VERDIGRIS_RETURN_IF_ERROR(check(*record.references[k]));
    }
  }
  if (positions >= std::numeric_limits<uint32_t>::max()) return Fail(ErrorKind::kInvalidArgument, "a unit has 2^32 positions or more: divide it");

  const size_t h = options_.window;
  uint32_t position = 0;
  std::vector<uint32_t> across;
  for (const SuspectRecord& record : records) {
    prompt_windows_.clear();
    // Reading: windows that begin in the prompt are shown with it, also where they end in the output.
    across.assign(record.prompt.begin(), record.prompt.end());
    if (options_.showing == Showing::kReading) across.insert(across.end(), record.output.begin(), record.output.end());
    for (size_t i = 0; i < record.prompt.size() && i + h <= across.size(); ++i) {
      const uint32_t window = WindowAt(across.data() + i);
      if (window == kNone) continue;
      if (i + h <= record.prompt.size()) window_in_prompt_[window] = 1;
      prompt_windows_.push_back(window);
      if (options_.showing == Showing::kReading) Meet(window, {ordinal, position});
    }
    std::sort(prompt_windows_.begin(), prompt_windows_.end());
    for (size_t t = 0; t < record.output.size(); ++t) {
      ++position;
      if (t < h || special_.ContainsAny(record.output.data() + t - h, h)) continue;
      AddPosition(record.output.data() + t - h, {ordinal, position}, record, t);
    }
    KeepWithinMemory();
  }
  return {};
}

void SuspectEvidence::Merge(const SuspectEvidence& other) {
  assert(options_.window == other.options_.window && options_.references == other.options_.references);
  while (halvings_ < other.halvings_) Halve();
  std::vector<uint32_t> mine(other.windows());
  std::vector<uint8_t> earlier(other.windows());
  for (size_t i = 0; i < other.windows(); ++i) {
    mine[i] = WindowAt(other.window(i));
    if (mine[i] == kNone) continue;
    window_n_[mine[i]] += other.window_n_[i];
    window_in_prompt_[mine[i]] |= other.window_in_prompt_[i];
    earlier[i] = Meet(mine[i], other.first(i)) ? 1 : 0;
  }
  for (size_t r = 0; r < other.rows(); ++r) {
    const uint32_t window = mine[other.row_window_[r]];
    if (window == kNone) continue;
    const uint32_t to = RowAt(window, other.row_id_[r]);
    count_[to] += other.count_[r];
    suspect_[to] += other.suspect_[r];
    for (size_t k = 0; k < options_.references; ++k) references_[k][to] += other.references_[k][r];
    if (earlier[other.row_window_[r]] == 0) continue;
    Probabilities first{};
    for (size_t j = 0; j <= options_.references; ++j) first[j] = other.First(r, j);
    SetFirst(to, other.first_count(r) != 0, first);
  }
  KeepWithinMemory();
}

void SuspectEvidence::KeepWithinMemory() {
  // A window without rows, such as one of a prompt, counts as a row.
  while (halvings_ < 64 && (rows() + bare_windows_) * kRowBytes > options_.memory_bytes) Halve();
}

void SuspectEvidence::Halve() {
  ++halvings_;
  std::vector<uint32_t> moved(windows(), kNone);
  const size_t h = options_.window;
  size_t kept = 0;
  for (size_t i = 0; i < moved.size(); ++i) {
    if (!Sampled(window(i))) continue;
    moved[i] = static_cast<uint32_t>(kept);
    std::copy_n(window_ids_.begin() + static_cast<std::ptrdiff_t>(i * h), h, window_ids_.begin() + static_cast<std::ptrdiff_t>(kept * h));
    window_n_[kept] = window_n_[i];
    window_unit_[kept] = window_unit_[i];
    window_position_[kept] = window_position_[i];
    window_in_prompt_[kept] = window_in_prompt_[i];
    window_last_row_[kept] = kNone;
    ++kept;
  }
  window_ids_.resize(kept * h);
  window_n_.resize(kept);
  window_unit_.resize(kept);
  window_position_.resize(kept);
  window_in_prompt_.resize(kept);
  window_last_row_.resize(kept);
  bare_windows_ = kept;

  size_t to = 0;
  for (size_t r = 0; r < rows(); ++r) {
    const uint32_t window = moved[row_window_[r]];
    if (window == kNone) continue;
    row_window_[to] = window;
    row_id_[to] = row_id_[r];
    row_previous_[to] = window_last_row_[window];
    if (window_last_row_[window] == kNone) --bare_windows_;
    window_last_row_[window] = static_cast<uint32_t>(to);
    count_[to] = count_[r];
    suspect_[to] = suspect_[r];
    first_bits_[to] = first_bits_[r];
    for (size_t k = 0; k < options_.references; ++k) references_[k][to] = references_[k][r];
    for (size_t j = 0; j <= options_.references; ++j) first_[j][to] = first_[j][r];
    ++to;
  }
  row_window_.resize(to);
  row_id_.resize(to);
  row_previous_.resize(to);
  count_.resize(to);
  suspect_.resize(to);
  first_bits_.resize(to);
  for (size_t k = 0; k < options_.references; ++k) references_[k].resize(to);
  for (size_t j = 0; j <= options_.references; ++j) first_[j].resize(to);

  std::fill(window_slots_.begin(), window_slots_.end(), 0);
  std::fill(row_slots_.begin(), row_slots_.end(), 0);
  for (size_t i = 0; i < windows(); ++i) window_slots_[WindowSlot(window(i))] = static_cast<uint32_t>(i + 1);
  for (size_t r = 0; r < rows(); ++r) row_slots_[RowSlot(row_window_[r], row_id_[r])] = static_cast<uint32_t>(r + 1);
}

namespace {

// Rows grouped by window, windows in the order given, each group ascending by id.
std::vector<uint32_t> GroupRows(const SuspectEvidence& evidence, const std::vector<uint32_t>& windows) {
  std::vector<size_t> starts(evidence.windows() + 1, 0);
  std::vector<uint32_t> place(evidence.windows());
  for (size_t i = 0; i < windows.size(); ++i) place[windows[i]] = static_cast<uint32_t>(i);
  for (size_t r = 0; r < evidence.rows(); ++r) ++starts[place[evidence.window_of(r)] + 1];
  for (size_t i = 0; i < windows.size(); ++i) starts[i + 1] += starts[i];
  std::vector<uint32_t> rows(evidence.rows());
  std::vector<size_t> next(starts.begin(), starts.end() - 1);
  for (size_t r = 0; r < evidence.rows(); ++r) rows[next[place[evidence.window_of(r)]]++] = static_cast<uint32_t>(r);
  for (size_t i = 0; i < windows.size(); ++i) {
    std::sort(rows.begin() + static_cast<std::ptrdiff_t>(starts[i]), rows.begin() + static_cast<std::ptrdiff_t>(starts[i + 1]),
              [&](uint32_t a, uint32_t b) { return evidence.id(a) < evidence.id(b); });
  }
  return rows;
}

std::vector<uint32_t> AllWindows(const SuspectEvidence& evidence) {
  std::vector<uint32_t> windows(evidence.windows());
  std::iota(windows.begin(), windows.end(), uint32_t{0});
  return windows;
}

}  // namespace

std::vector<uint32_t> SuspectEvidence::Sorted() const {
  std::vector<uint32_t> order = AllWindows(*this);
  const size_t h = options_.window;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::lexicographical_compare(window(a), window(a) + h, window(b), window(b) + h);
  });
  return GroupRows(*this, order);
}

std::vector<uint32_t> SuspectEvidence::InOrder() const {
  std::vector<uint32_t> order = AllWindows(*this);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return first(a) < first(b); });
  return GroupRows(*this, order);
}

}  // namespace verdigris::verify
