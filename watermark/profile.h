// Profile: everything that the marking and the detecting side must agree on (native-schemes.md N3, keys-and-evidence.md
// E4). A Profile that exists is valid.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "watermark/context.h"
#include "watermark/json.h"
#include "watermark/key.h"
#include "watermark/result.h"
#include "watermark/scheme.h"

namespace verdigris {

inline constexpr int kFullShare = 256;  // provider_share of a scheme without account layer

// How strongly marks are put; no part of the scheme, so it may change under one key.
struct SamplerSettings {
  enum class Specials { kPreserve, kPlain };
  uint32_t delta_milli = 2000;  // thousandths of a nat; schemes that change the distribution only
  Specials specials = Specials::kPreserve;
  bool argmax_at_zero_temperature = false;
};

// Immutable and cheap to copy.
class Profile {
 public:
  // Reads the bytes of a profile file. Errors: kLimit, kUnsupported (another version),
  // kMalformed for everything else; the message names the member.
  static Result<Profile> Parse(std::string_view bytes);

  // `scheme_object`: the members of N3. Errors: kInvalidArgument "name must be in [lo,hi], got x", the first fault in
  // the order of N3.
  static Result<Profile> Create(const Json& scheme_object, const SamplerSettings& sampler);

  const Scheme& scheme() const { return *data_->scheme; }
  size_t window() const { return data_->window; }            // h
  uint32_t vocab() const { return data_->special.vocab(); }  // V
  int provider_share() const { return data_->provider_share; }
  bool has_provider_layer() const { return provider_share() > 0; }
  bool has_account_layer() const { return provider_share() < kFullShare; }
  bool needs_selector() const { return has_provider_layer() && has_account_layer(); }
  const SpecialIds& special_ids() const { return data_->special; }
  const Digest& tokenizer_sha256() const { return data_->tokenizer_sha256; }
  const std::string& normaliser() const { return data_->normaliser; }
  // Values of scheme().params, in that order.
  std::span<const int64_t> params() const { return data_->params; }
  const SamplerSettings& sampler() const { return data_->sampler; }
  double delta_nats() const { return data_->sampler.delta_milli / 1000.0; }

  const Digest& scheme_id() const { return data_->scheme_id; }
  // SHA-256 of the file.
  const Digest& digest() const { return data_->digest; }
  // The file, one canonical line and LF.
  const std::string& bytes() const { return data_->bytes; }
  // The scheme object alone, canonical.
  const Json& scheme_object() const { return data_->scheme_object; }

 private:
  struct Data {
    const Scheme* scheme;
    size_t window;
    int provider_share;
    SpecialIds special;
    Digest tokenizer_sha256;
    std::string normaliser;
    std::vector<int64_t> params;
    SamplerSettings sampler;
    Digest scheme_id;
    Digest digest;
    std::string bytes;
    Json scheme_object;
  };
  explicit Profile(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

}  // namespace verdigris
