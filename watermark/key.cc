// HKDF is written over HMAC (RFC 5869 is two lines of it), since EVP_KDF would fetch and allocate for every key of every
// request; HMAC and SHA-256 are OpenSSL's. Intermediate values are wiped.
//
// Tested by tests/watermark/key_test.cc (native.json `kdf`; RFC 5869 through the reference's vectors).
#include "watermark/key.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <new>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace verdigris {
namespace {

constexpr std::string_view kDomain = "verdigris/1";

struct DigestContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Digests of an available algorithm fail for lack of memory only.
void Require(bool ok) {
  if (!ok) throw std::bad_alloc();
}

void Hmac(std::span<const uint8_t> key, std::span<const uint8_t> message, uint8_t* out) {
  unsigned length = 0;
  Require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(), out, &length) != nullptr);
}

std::array<uint8_t, 4> Be32(uint32_t value) {
  return {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16), static_cast<uint8_t>(value >> 8),
          static_cast<uint8_t>(value)};
}

Key DeriveKey(const Key& parent, std::string_view label, std::span<const uint8_t> data) {
  SecretBytes out(kKeyBytes);
  Derive(parent, label, data, out.span());
  return Key(std::span<const uint8_t, kKeyBytes>(out.data(), kKeyBytes));
}

}  // namespace

std::string_view RoleName(KeyRole role) {
  switch (role) {
    case KeyRole::kMaster: return "master";
    case KeyRole::kScheme: return "scheme";
    case KeyRole::kEpoch: return "epoch";
    case KeyRole::kProvider: return "provider";
    case KeyRole::kSelector: return "selector";
    case KeyRole::kAccount: return "account";
  }
  return "";
}

bool IsAccountLabel(std::string_view label) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !label.empty() && label.size() <= 64 && alphanumeric(label[0]) && std::all_of(label.begin(), label.end(), [&](char c) {
    return alphanumeric(c) || std::string_view("._:@/+-").find(c) != std::string_view::npos;
  });
}

void Derive(const Key& parent, std::string_view label, std::span<const uint8_t> data, std::span<uint8_t> out) {
  constexpr size_t kHashBytes = 32;
  assert(!out.empty() && out.size() <= 2 * kHashBytes);
  SecretBytes extracted(kHashBytes);
  Hmac(AsBytes(kDomain), parent.secret(), extracted.data());
  // T(i-1) || info || i, in one buffer; info starts behind room for T.
  SecretBytes message(kHashBytes + kDomain.size() + 1 + label.size() + 1 + data.size() + 1);
  uint8_t* info = message.data() + kHashBytes;
  uint8_t* p = std::copy(kDomain.begin(), kDomain.end(), info);
  *p++ = '/';
  p = std::copy(label.begin(), label.end(), p);
  *p++ = 0;
  p = std::copy(data.begin(), data.end(), p);
  SecretBytes block(kHashBytes);
  for (size_t done = 0, i = 1; done < out.size(); done += kHashBytes, ++i) {
    *p = static_cast<uint8_t>(i);
    const uint8_t* start = i == 1 ? info : message.data();
    Hmac(extracted.span(), {start, static_cast<size_t>(p + 1 - start)}, block.data());
    std::memcpy(out.data() + done, block.data(), std::min(kHashBytes, out.size() - done));
    std::memcpy(message.data(), block.data(), kHashBytes);
  }
}

Key DeriveSchemeKey(const Key& master, const Digest& scheme_id) { return DeriveKey(master, "scheme", scheme_id); }

Key DeriveEpochKey(const Key& scheme_key, uint32_t epoch) { return DeriveKey(scheme_key, "epoch", Be32(epoch)); }

Key DeriveLayerKey(const Key& epoch_key, KeyRole role) {
  assert(role == KeyRole::kProvider || role == KeyRole::kSelector);
  return DeriveKey(epoch_key, RoleName(role), {});
}

Key DeriveAccountKey(const Key& epoch_key, std::string_view label) {
  assert(IsAccountLabel(label));
  return DeriveKey(epoch_key, "account", AsBytes(label));
}

DrawKeys DeriveDrawKeys(const Key& layer_key) {
  SecretBytes both(2 * kKeyBytes);
  Derive(layer_key, "draw", {}, both.span());
  return {Key(std::span<const uint8_t, kKeyBytes>(both.data(), kKeyBytes)),
          Key(std::span<const uint8_t, kKeyBytes>(both.data() + kKeyBytes, kKeyBytes))};
}

Key DeriveSelectKey(const Key& selector_key) { return DeriveKey(selector_key, "select", {}); }

Digest TaggedHash(std::string_view label, std::initializer_list<std::span<const uint8_t>> parts) {
  const std::unique_ptr<EVP_MD_CTX, DigestContextDeleter> context(EVP_MD_CTX_new());
  Digest digest;
  Require(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  const auto update = [&](std::span<const uint8_t> bytes) {
    Require(EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1);
  };
  static constexpr uint8_t kZero[1] = {0};
  update(AsBytes(kDomain));
  update(AsBytes("/"));
  update(AsBytes(label));
  update(kZero);
  for (const auto part : parts) update(part);
  Require(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
  return digest;
}

Digest Sha256(std::span<const uint8_t> bytes) {
  Digest digest;
  Require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return digest;
}

std::string KeyId(KeyRole role, const Key& key) {
  const uint8_t role_byte[1] = {static_cast<uint8_t>(role)};
  const Digest digest = TaggedHash("key-id", {role_byte, key.secret()});
  return Hex(std::span(digest).first(8));
}

std::string Hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const uint8_t b : bytes) {
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
  return out;
}

bool ParseHex(std::string_view text, std::span<uint8_t> out) {
  if (text.size() != 2 * out.size()) return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace verdigris
