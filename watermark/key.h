// Keys and their derivation tree (native-schemes.md N4):
//
//   master > scheme > epoch > provider | selector | account
//
// Each step is one-way: whoever holds a key can derive what lies below it and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "watermark/result.h"
#include "watermark/secret_bytes.h"

namespace verdigris {

inline constexpr size_t kKeyBytes = 32;
using Digest = std::array<uint8_t, 32>;  // SHA-256

enum class KeyRole : uint8_t { kMaster = 1, kScheme = 2, kEpoch = 3, kProvider = 4, kSelector = 5, kAccount = 6 };

std::string_view RoleName(KeyRole role);

// 32 secret bytes, wiped when they go. Move-only; a copy is made on purpose, with Clone.
class Key {
 public:
  explicit Key(std::span<const uint8_t, kKeyBytes> bytes) : bytes_(SecretBytes::Copy(bytes)) {}

  Key Clone() const { return Key(secret()); }
  // The bytes. The only way to them: search for `secret()` to find every place that reads key material.
  std::span<const uint8_t, kKeyBytes> secret() const { return std::span<const uint8_t, kKeyBytes>(bytes_.data(), kKeyBytes); }

 private:
  SecretBytes bytes_;
};

// 1 to 64 characters of A-Z a-z 0-9 . _ : @ / + -, the first a letter or digit.
bool IsAccountLabel(std::string_view label);

// HKDF-SHA256 (RFC 5869) with the project's domain strings (N2). `out`: 1 to 64 bytes.
void Derive(const Key& parent, std::string_view label, std::span<const uint8_t> data, std::span<uint8_t> out);

Key DeriveSchemeKey(const Key& master, const Digest& scheme_id);
Key DeriveEpochKey(const Key& scheme_key, uint32_t epoch);
// Provider or selector key of an epoch.
Key DeriveLayerKey(const Key& epoch_key, KeyRole role);
// Precondition: IsAccountLabel(label).
Key DeriveAccountKey(const Key& epoch_key, std::string_view label);

// As Derive, many times under one parent: the parent's share of the work is done once. Immutable; any number of threads.
class Deriver {
 public:
  explicit Deriver(const Key& parent);
  void Derive(std::string_view label, std::span<const uint8_t> data, std::span<uint8_t> out) const;

 private:
  SecretBytes state_;  // HMAC keyed by the extracted key, before its first message byte
};

struct DrawKeys {
  Key context;  // Kctx: tags of windows
  Key draw;     // Kdraw: keystream
};
// `layer_key`: provider or account.
DrawKeys DeriveDrawKeys(const Key& layer_key);
// Kctx || Kdraw, into memory of the caller's, who wipes it: for those who go through keys by the million.
void DeriveDrawKeys(std::span<const uint8_t, kKeyBytes> layer_key, std::span<uint8_t, 2 * kKeyBytes> out);
// Kfp, which names tuples in samples (corpus.md C7).
Key DeriveSampleKey(const Key& layer_key);
// Kselect, which assigns windows to layers.
Key DeriveSelectKey(const Key& selector_key);

// SHA-256("verdigris/1/" || label || 0x00 || parts...).
Digest TaggedHash(std::string_view label, std::initializer_list<std::span<const uint8_t>> parts);
Digest Sha256(std::span<const uint8_t> bytes);

// Public name of a key: 16 hex characters (E3). It says nothing of the key.
std::string KeyId(KeyRole role, const Key& key);

std::string Hex(std::span<const uint8_t> bytes);  // lower case
// Lower-case hex of exactly out.size() bytes, else false.
bool ParseHex(std::string_view text, std::span<uint8_t> out);
inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace verdigris
