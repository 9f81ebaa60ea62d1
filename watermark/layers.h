// Which key colours a window (native-schemes.md N9): the selector assigns each window to the provider's or the account's
// layer, and a layer scores under its own key. Marking and judging share this file.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "watermark/key_file.h"
#include "watermark/prf.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris {

enum class Layer : int32_t { kNone = 0, kProvider = 1, kAccount = 2 };

std::string_view LayerName(Layer layer);  // "provider", "account", "none"

// Immutable; any number of threads; cheap to copy.
class Layers {
 public:
  // Keys of a profile: at most one provider, one selector and one account key, all of the profile's scheme and of one
  // epoch. Keys that the profile does not use (share 256 or 0) are checked and left out.
  // Errors   kMismatch, naming both values; also for a master, scheme or epoch key, which must be derived first.
  static Result<Layers> Create(const Profile& profile, std::span<const KeyFile* const> keys);

  // The same provider and selector key, another account.
  Result<Layers> WithAccount(const Profile& profile, const KeyFile& account) const;

  bool Has(Layer layer) const { return Draws(layer) != nullptr; }
  bool has_selector() const { return selector_ != nullptr; }
  uint32_t epoch() const { return epoch_; }
  const std::string& kid(Layer layer) const { return layer == Layer::kProvider ? provider_kid_ : account_kid_; }
  const std::string& selector_kid() const { return selector_kid_; }
  const std::string& account_label() const { return account_label_; }

  // Layers of windows. Precondition: the profile's share is 0 or 256, or the selector is there.
  void Assign(const Profile& profile, const uint32_t* const* windows, size_t count, Layer* out) const;

  // Precondition for the rest: Has(layer).
  const Prf& prf(Layer layer) const { return *Draws(layer); }
  // Scores of tuples (windows[i], ids[i]) under the layer's key; the caller has settled that they are eligible.
  void Score(const Profile& profile, Layer layer, const uint32_t* const* windows, const uint32_t* ids, size_t count,
             uint64_t* scores) const;
  // The same for what a statistic with a proxy takes. Precondition: the scheme has `draws`.
  void DrawsOf(const Profile& profile, Layer layer, const uint32_t* const* windows, const uint32_t* ids, size_t count,
               uint32_t* draws) const;

 private:
  const Prf* Draws(Layer layer) const {
    return layer == Layer::kProvider ? provider_.get() : layer == Layer::kAccount ? account_.get() : nullptr;
  }
  Result<void> Add(const Profile& profile, const KeyFile& key);

  bool has_epoch_ = false;
  uint32_t epoch_ = 0;
  std::shared_ptr<const Prf> provider_, account_;
  std::shared_ptr<const WindowMac> selector_;
  std::string provider_kid_, account_kid_, selector_kid_, account_label_;
};

}  // namespace verdigris
