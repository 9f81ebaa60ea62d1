// A hash that two windows share makes the second look repeated: some evidence less, once in 2^44 windows.
// Tested by tests/verify/stream_test.cc.
#include "verify/stream.h"

#include <algorithm>

namespace verdigris::verify {

TokenStream::TokenStream(const Profile& profile, Rule rule, size_t most_remembered)
    : profile_(profile), rule_(rule), h_(profile.window()), seed_(RandomTableSeed()), slots_(2 * most_remembered) {}

// The lower bits place a hash: the upper ones say whether it is admitted at all.
size_t TokenStream::SlotOf(uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = static_cast<size_t>(hash) & mask;
  while (slots_[slot] != 0 && slots_[slot] != hash) slot = (slot + 1) & mask;
  return slot;
}

bool TokenStream::Remember(uint64_t hash) {
  // Asked before anything is forgotten: what was scored must not come back as new.
  if (slots_[SlotOf(hash)] == hash) return false;
  if (2 * (used_ + 1) > slots_.size()) {
    admitted_ /= 2;
    std::vector<uint64_t> old(slots_.size());
    old.swap(slots_);
    used_ = 0;
    for (const uint64_t kept : old) {
      if (kept != 0 && kept <= admitted_) Remember(kept);
    }
  }
  slots_[SlotOf(hash)] = hash;
  ++used_;
  return true;
}

bool TokenStream::Push(uint32_t id) {
  if (counts_.tokens > 0) std::rotate(recent_.begin(), recent_.begin() + 1, recent_.begin() + static_cast<ptrdiff_t>(h_ + 1));
  recent_[h_] = id;
  if (counts_.tokens++ < h_) {
    ++counts_.short_;
    return false;
  }
  const SpecialIds& special = profile_.special_ids();
  const bool eligible = !special.Contains(id) && !special.ContainsAny(recent_.data(), h_);
  // Under kFirst every window is remembered, also where the token is special.
  bool seen = false, admitted = true;
  if (eligible || rule_ == Rule::kFirst) {
    const uint64_t hash = std::max<uint64_t>(1, HashIds(seed_, recent_.data(), rule_ == Rule::kFirst ? h_ : h_ + 1));
    admitted = hash <= admitted_;
    if (admitted) seen = !Remember(hash);
  }
  if (!eligible) {
    ++counts_.special;
    return false;
  }
  if (!admitted) {
    ++counts_.left_out;
    return false;
  }
  ++(seen ? counts_.repeated : counts_.scored);
  return !seen;
}

}  // namespace verdigris::verify
