// The history keeps the first position of each window in an open-addressing table of positions; windows themselves are
// read from the ids. Taking back ids undoes the insertions in reverse order, which linear probing allows without
// tombstones: what was inserted last never stands in front of an older entry of its run, also after the table grew,
// since it is then filled again in the order of positions.
//
// A text whose length is known needs less: a set of the ends of its stretches, of the right size from the start.
//
// Tested by tests/watermark/context_test.cc (native.json `eligibility`; the history against a quadratic reference).
#include "watermark/context.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <new>
#include <string>

#include <openssl/rand.h>

namespace verdigris {
namespace {

// A loop: a call of memcmp would cost more than all of a look-up for so few ids. Without a way out: where a frequent id is, a
// branch for each id would be wrong each time that the next one differs.
bool SameWindow(const uint32_t* a, const uint32_t* b, size_t h) {
  uint32_t differ = 0;
  for (size_t i = 0; i < h; ++i) differ |= a[i] ^ b[i];
  return differ == 0;
}

}  // namespace

uint64_t RandomTableSeed() {
  uint64_t seed = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&seed), sizeof seed) != 1) throw std::bad_alloc();
  return seed;
}

SpecialIds::SpecialIds(std::span<const IdRange> ranges, uint32_t vocab)
    : ranges_(ranges.begin(), ranges.end()), bits_((size_t{vocab} + 63) / 64), vocab_(vocab) {
  for (const IdRange& range : ranges_) {
    assert(range.first <= range.last && range.last < vocab);
    for (uint64_t id = range.first; id <= range.last; ++id) bits_[id >> 6] |= uint64_t{1} << (id & 63);
  }
}

bool SpecialIds::ContainsAnyOf(std::span<const uint32_t> ids) const {
  if (ranges_.size() > 4) return ContainsAny(ids.data(), ids.size());
  uint32_t any = 0;
  for (const uint32_t id : ids) any |= static_cast<uint32_t>(id >= vocab_);
  for (const auto [first, last] : ranges_) {
    for (const uint32_t id : ids) any |= static_cast<uint32_t>(id - first <= last - first);
  }
  return any != 0;
}

static_assert(std::has_single_bit(kIdLimit), "CheckIds asks the bits of all ids together");
Result<void> CheckIds(std::span<const uint32_t> ids) {
  uint32_t all = 0;  // their bits, which registers of many ids gather
  for (const uint32_t id : ids) all |= id;
  if (all < kIdLimit) return {};
  const auto bad = std::find_if(ids.begin(), ids.end(), [](uint32_t id) { return id >= kIdLimit; });
  if (bad == ids.end()) return {};
  return Fail(ErrorKind::kInvalidArgument, "output id " + std::to_string(*bad) + " at " + std::to_string(bad - ids.begin()));
}

void ClassifyPositions(std::span<const uint32_t> ids, size_t h, const SpecialIds& special, Rule rule,
                       std::vector<PositionState>& states) {
  PositionClassifier().Classify(ids, h, special, rule, states);
}

// An eighth of the table is taken at most, where that is small enough for the caches nearby: what a look-up costs is above all that it
// meets another stretch now and then, which no branch predictor foresees. Else a half.
template <class With>
void PositionClassifier::WithSet(size_t ids, With&& with) {
  const size_t slots = std::bit_ceil(std::max<size_t>(64, (ids <= 2048 ? 8 : 2) * ids));
  const auto run = [&](auto& set) {
    if (slots > set.slots.size()) set.slots.resize(slots);
    std::fill_n(set.slots.begin(), slots, 0);
    set.mask = slots - 1;
    with(set);
  };
  if (ids <= UINT16_MAX) {
    run(small_);
  } else {
    run(large_);
  }
}

template <size_t kWidth, class End>
bool PositionClassifier::Insert(Set<End>& set, const uint32_t* ids, size_t end, size_t width) const {
  const size_t n = kWidth == 0 ? width : kWidth;
  const uint32_t* stretch = ids + end - n;
  for (size_t slot = static_cast<size_t>(HashIds(seed_, stretch, n)) & set.mask;; slot = (slot + 1) & set.mask) {
    // A free slot is taken as one that holds this stretch, so that new and known ones go the same way.
    const End held = set.slots[slot];
    const End kept = held != 0 ? held : static_cast<End>(end);
    if (!SameWindow(ids + kept - n, stretch, n)) continue;
    set.slots[slot] = kept;
    return held == 0;
  }
}

void PositionClassifier::Classify(std::span<const uint32_t> ids, size_t h, const SpecialIds& special, Rule rule,
                                  std::vector<PositionState>& states) {
  states.resize(ids.size());
  std::fill_n(states.begin(), std::min(h, ids.size()), PositionState::kShort);
  if (ids.size() <= h) return;
  if (!special.ContainsAnyOf(ids)) {
    std::fill(states.begin() + static_cast<std::ptrdiff_t>(h), states.end(), PositionState::kEligible);
  } else {
    size_t clean = 0;  // ids since the last special one, before position t
    for (size_t i = 0; i < h; ++i) clean = special.Contains(ids[i]) ? 0 : clean + 1;
    for (size_t t = h; t < ids.size(); ++t) {
      const bool special_id = special.Contains(ids[t]);
      states[t] = clean < h || special_id ? PositionState::kSpecial : PositionState::kEligible;
      clean = special_id ? 0 : clean + 1;
    }
  }
  if (rule == Rule::kTuple) return;
  // The set takes in every window, also where the token or the window is special.
  const auto mark_repeated = [&]<size_t kWindow>() {
    WithSet(ids.size(), [&](auto& set) {
      for (size_t t = h; t < ids.size(); ++t) {
        const bool first = Insert<kWindow>(set, ids.data(), t, h);
        states[t] = first || states[t] != PositionState::kEligible ? states[t] : PositionState::kRepeated;
      }
    });
  };
  switch (h) {
    case 1: return mark_repeated.template operator()<1>();
    case 2: return mark_repeated.template operator()<2>();
    case 3: return mark_repeated.template operator()<3>();
    case 4: return mark_repeated.template operator()<4>();
    default: return mark_repeated.template operator()<0>();
  }
}

void PositionClassifier::FirstOfEachTuple(std::span<const uint32_t> ids, size_t h, Rule rule, std::span<const PositionState> states,
                                          std::vector<uint32_t>& positions) {
  positions.resize(ids.size());
  size_t count = 0;
  if (rule == Rule::kFirst) {
    // Where each window counts once, so does each tuple.
    for (size_t t = h; t < ids.size(); ++t) {
      positions[count] = static_cast<uint32_t>(t);
      count += states[t] == PositionState::kEligible;
    }
  } else {
    WithSet(ids.size(), [&](auto& set) {
      for (size_t t = h; t < ids.size(); ++t) {
        positions[count] = static_cast<uint32_t>(t);
        count += states[t] == PositionState::kEligible && Insert<0>(set, ids.data(), t + 1, h + 1);
      }
    });
  }
  positions.resize(count);
}

bool WindowIsRepeated(std::span<const uint32_t> output, size_t h) {
  assert(output.size() >= h);
  const size_t n = output.size();
  const uint32_t* window = output.data() + n - h;
  for (size_t position = h; position < n; ++position) {
    if (output[position - 1] == window[h - 1] && SameWindow(output.data() + position - h, window, h)) return true;
  }
  return false;
}

History::History(size_t h) : h_(h), seed_(RandomTableSeed()) { assert(h >= 1 && h <= 9); }

// The slot that holds this window, or the free one where it would go. Precondition: the table has a free slot.
size_t History::FindSlot(const uint32_t* window) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = static_cast<size_t>(HashIds(seed_, window, h_)) & mask;
  while (slots_[slot] != 0 && !SameWindow(WindowOf(slots_[slot] - 1), window, h_)) slot = (slot + 1) & mask;
  return slot;
}

void History::Insert(size_t position) {
  const size_t slot = FindSlot(WindowOf(position));
  if (slots_[slot] != 0) return;
  slots_[slot] = static_cast<uint32_t>(position + 1);
  ++used_;
}

void History::Grow() {
  std::vector<uint32_t> old(std::max<size_t>(64, 2 * slots_.size()));
  old.swap(slots_);
  used_ = 0;
  // Windows in the order of positions; a linear pass over the old table would break Truncate.
  for (size_t position = h_; position < ids_.size(); ++position) Insert(position);
}

void History::Push(std::span<const uint32_t> ids) {
  const size_t before = ids_.size();
  ids_.reserve(std::max(before + ids.size(), ids_.capacity() < before + ids.size() ? 2 * before : 0));
  try {
    for (const uint32_t id : ids) {
      // Position p's window is h ids before it, and p counts as used once its id is there.
      if (ids_.size() >= h_) {
        if (2 * (used_ + 1) > slots_.size()) Grow();
        Insert(ids_.size());
      }
      ids_.push_back(id);
    }
  } catch (...) {
    Truncate(before);
    throw;
  }
}

void History::Truncate(size_t n) {
  assert(n <= ids_.size());
  while (ids_.size() > n) {
    const size_t position = ids_.size() - 1;
    if (position >= h_) {
      const size_t slot = FindSlot(WindowOf(position));
      if (slots_[slot] == position + 1) {
        slots_[slot] = 0;
        --used_;
      }
    }
    ids_.pop_back();
  }
}

History::NextState History::Next() const {
  if (ids_.size() < h_) return NextState::kShort;
  if (slots_.empty()) return NextState::kNew;
  return slots_[FindSlot(WindowOf(ids_.size()))] != 0 ? NextState::kRepeated : NextState::kNew;
}

void History::Peek(std::span<const uint32_t> draft, uint32_t* windows, NextState* states) {
  const size_t before = ids_.size();
  for (size_t i = 0;; ++i) {
    states[i] = Next();
    if (states[i] == NextState::kShort) std::fill_n(windows + i * h_, h_, 0);
    else std::copy_n(WindowOf(ids_.size()), h_, windows + i * h_);
    if (i == draft.size()) break;
    try {
      Push(draft.subspan(i, 1));
    } catch (...) {
      Truncate(before);
      throw;
    }
  }
  Truncate(before);
}

}  // namespace verdigris
