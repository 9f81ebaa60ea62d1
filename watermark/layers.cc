// Tested by tests/watermark/layers_test.cc (native.json `selectors`) and marker_test.cc (`scored`).
#include "watermark/layers.h"

#include <algorithm>
#include <cassert>

namespace verdigris {

std::string_view LayerName(Layer layer) {
  switch (layer) {
    case Layer::kNone: return "none";
    case Layer::kProvider: return "provider";
    case Layer::kAccount: return "account";
  }
  return "";
}

Result<void> Layers::Add(const Profile& profile, const KeyFile& key) {
  const std::string role(RoleName(key.role));
  if (key.role == KeyRole::kMaster || key.role == KeyRole::kScheme || key.role == KeyRole::kEpoch) {
    return Fail(ErrorKind::kMismatch, std::string(key.role == KeyRole::kEpoch ? "an " : "a ") + role + " key cannot be used here: derive a provider, selector or account key from it");
  }
  if (key.scheme_id != profile.scheme_id()) {
    return Fail(ErrorKind::kMismatch, "the " + role + " key is of scheme_id " + Hex(key.scheme_id) + ", the profile has " + Hex(profile.scheme_id()));
  }
  if (has_epoch_ && key.epoch != epoch_) {
    return Fail(ErrorKind::kMismatch, "the " + role + " key is of epoch " + std::to_string(key.epoch) + ", another key of epoch " + std::to_string(epoch_));
  }
  has_epoch_ = true;
  epoch_ = key.epoch;
  const auto refuse_second = [&](const std::string& kid) -> Result<void> {
    if (kid.empty()) return {};
    return Fail(ErrorKind::kMismatch, "two " + role + " keys: " + kid + " and " + key.kid());
  };
  switch (key.role) {
    case KeyRole::kProvider: {
      VERDIGRIS_RETURN_IF_ERROR(refuse_second(provider_kid_));
      provider_kid_ = key.kid();
      if (!profile.has_provider_layer()) return {};
      VERDIGRIS_ASSIGN_OR_RETURN(Prf prf, Prf::Create(key.key));
      provider_ = std::make_shared<const Prf>(std::move(prf));
      return {};
    }
    case KeyRole::kAccount: {
      VERDIGRIS_RETURN_IF_ERROR(refuse_second(account_kid_));
      account_kid_ = key.kid();
      account_label_ = key.account;
      if (!profile.has_account_layer()) return {};
      VERDIGRIS_ASSIGN_OR_RETURN(Prf prf, Prf::Create(key.key));
      account_ = std::make_shared<const Prf>(std::move(prf));
      return {};
    }
    default: {
      VERDIGRIS_RETURN_IF_ERROR(refuse_second(selector_kid_));
      selector_kid_ = key.kid();
      if (!profile.needs_selector()) return {};
      VERDIGRIS_ASSIGN_OR_RETURN(WindowMac mac, WindowMac::Create(DeriveSelectKey(key.key)));
      selector_ = std::make_shared<const WindowMac>(std::move(mac));
      return {};
    }
  }
}

Result<Layers> Layers::Create(const Profile& profile, std::span<const KeyFile* const> keys) {
  Layers layers;
  for (const KeyFile* key : keys) VERDIGRIS_RETURN_IF_ERROR(layers.Add(profile, *key));
  return layers;
}

Result<Layers> Layers::WithAccount(const Profile& profile, const KeyFile& account) const {
  if (account.role != KeyRole::kAccount) {
    return Fail(ErrorKind::kMismatch, "an account key is needed, got a " + std::string(RoleName(account.role)) + " key");
  }
  Layers copy = *this;
  copy.account_.reset();
  copy.account_kid_.clear();
  VERDIGRIS_RETURN_IF_ERROR(copy.Add(profile, account));
  return copy;
}

void Layers::Assign(const Profile& profile, const uint32_t* const* windows, size_t count, Layer* out) const {
  if (!profile.needs_selector()) {
    std::fill_n(out, count, profile.has_provider_layer() ? Layer::kProvider : Layer::kAccount);
    return;
  }
  assert(selector_);
  constexpr size_t kBatch = 256;
  Tag tags[kBatch];
  for (size_t start = 0; start < count; start += kBatch) {
    const size_t batch = std::min(kBatch, count - start);
    selector_->Tags(windows + start, profile.window(), batch, tags);
    for (size_t i = 0; i < batch; ++i) {
      out[start + i] = tags[i].bytes[0] < profile.provider_share() ? Layer::kProvider : Layer::kAccount;
    }
  }
}

namespace {

// `take` (a scheme's `score` or `draws`) on tuples, in batches whose tags are computed together.
template <class Take, class Out>
void ForTuples(const Profile& profile, const Prf& prf, Take take, const uint32_t* const* windows, const uint32_t* ids,
               size_t count, Out* out) {
  constexpr size_t kBatch = 256;
  Tag tags[kBatch];
  for (size_t start = 0; start < count; start += kBatch) {
    const size_t batch = std::min(kBatch, count - start);
    prf.mac().Tags(windows + start, profile.window(), batch, tags);
    take(profile, prf, {tags, batch}, {ids + start, batch}, out + start);
  }
}

}  // namespace

void Layers::Score(const Profile& profile, Layer layer, const uint32_t* const* windows, const uint32_t* ids, size_t count,
                   uint64_t* scores) const {
  ForTuples(profile, prf(layer), profile.scheme().score, windows, ids, count, scores);
}

void Layers::DrawsOf(const Profile& profile, Layer layer, const uint32_t* const* windows, const uint32_t* ids, size_t count,
                     uint32_t* draws) const {
  assert(profile.scheme().draws != nullptr);
  ForTuples(profile, prf(layer), profile.scheme().draws, windows, ids, count, draws);
}

}  // namespace verdigris
