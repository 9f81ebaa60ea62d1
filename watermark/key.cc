// HKDF and HMAC are written over SHA-256 (RFC 5869 and RFC 2104 are a few lines each); SHA-256 is OpenSSL's. A search over
// accounts derives a million keys, and EVP_KDF or HMAC() would fetch and allocate for each: 16 us a key against 1 us here.
// The SHA-256 calls are the low-level ones, which OpenSSL 3 deprecates in favour of EVP, since only their state can be kept
// keyed and copied without an allocation. Intermediate values are wiped.
//
// Tested by tests/watermark/key_test.cc (native.json `kdf`; RFC 5869 through the reference's vectors).
#define OPENSSL_SUPPRESS_DEPRECATED  // SHA256_Init and the like
#include "watermark/key.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <new>

#include <openssl/evp.h>
#include <openssl/sha.h>

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

constexpr size_t kHashBytes = SHA256_DIGEST_LENGTH;

// HMAC-SHA256 with its key taken in: the states after the inner and the outer padded key.
struct HmacState {
  SHA256_CTX inner, outer;
};

struct KeyedHmac : HmacState {
  explicit KeyedHmac(const HmacState& state) : HmacState(state) {}
  explicit KeyedHmac(std::span<const uint8_t> key) {
    assert(key.size() <= SHA256_CBLOCK);
    uint8_t pad[SHA256_CBLOCK];
    const auto start = [&](uint8_t fill, SHA256_CTX& state) {
      std::memset(pad, fill, sizeof pad);
      for (size_t i = 0; i < key.size(); ++i) pad[i] = static_cast<uint8_t>(pad[i] ^ key[i]);
      SHA256_Init(&state);
      SHA256_Update(&state, pad, sizeof pad);
    };
    start(0x36, inner);
    start(0x5c, outer);
    OPENSSL_cleanse(pad, sizeof pad);
  }
  ~KeyedHmac() { OPENSSL_cleanse(this, sizeof *this); }
  KeyedHmac(const KeyedHmac&) = default;
  KeyedHmac& operator=(const KeyedHmac&) = default;

  void Mac(std::span<const uint8_t> message, uint8_t* out) const {
    SHA256_CTX state = inner;
    SHA256_Update(&state, message.data(), message.size());
    SHA256_Final(out, &state);
    state = outer;
    SHA256_Update(&state, out, kHashBytes);
    SHA256_Final(out, &state);
    OPENSSL_cleanse(&state, sizeof state);
  }
};

// The first half of HKDF; the salt is the same for every key.
KeyedHmac Extract(std::span<const uint8_t, kKeyBytes> parent) {
  static const KeyedHmac salted(AsBytes(kDomain));
  uint8_t extracted[kHashBytes];
  salted.Mac(parent, extracted);
  const KeyedHmac keyed(extracted);
  OPENSSL_cleanse(extracted, sizeof extracted);
  return keyed;
}

// The second half: T(i) = HMAC(extracted, T(i-1) || info || i), info = domain / label 0 data.
void Expand(const KeyedHmac& extracted, std::string_view label, std::span<const uint8_t> data, std::span<uint8_t> out) {
  assert(!out.empty() && out.size() <= 2 * kHashBytes);
  constexpr size_t kRoom = 192;  // labels of accounts have 64 bytes at most, and no data is longer
  const size_t size = kHashBytes + kDomain.size() + 1 + label.size() + 1 + data.size() + 1;
  uint8_t on_stack[kRoom];
  SecretBytes on_heap;
  if (size > kRoom) on_heap = SecretBytes(size);
  uint8_t* const message = size > kRoom ? on_heap.data() : on_stack;
  uint8_t* const info = message + kHashBytes;  // behind room for T
  uint8_t* p = std::copy(kDomain.begin(), kDomain.end(), info);
  *p++ = '/';
  p = std::copy(label.begin(), label.end(), p);
  *p++ = 0;
  p = std::copy(data.begin(), data.end(), p);
  uint8_t block[kHashBytes];
  for (size_t done = 0, i = 1; done < out.size(); done += kHashBytes, ++i) {
    *p = static_cast<uint8_t>(i);
    const uint8_t* start = i == 1 ? info : message;
    extracted.Mac({start, static_cast<size_t>(p + 1 - start)}, block);
    std::memcpy(out.data() + done, block, std::min(kHashBytes, out.size() - done));
    std::memcpy(message, block, kHashBytes);
  }
  OPENSSL_cleanse(block, sizeof block);
  OPENSSL_cleanse(on_stack, sizeof on_stack);
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
  Expand(Extract(parent.secret()), label, data, out);
}

Deriver::Deriver(const Key& parent) : state_(sizeof(HmacState)) {
  const KeyedHmac keyed = Extract(parent.secret());
  const HmacState& state = keyed;
  std::memcpy(state_.data(), &state, sizeof state);
}

void Deriver::Derive(std::string_view label, std::span<const uint8_t> data, std::span<uint8_t> out) const {
  HmacState state;
  std::memcpy(&state, state_.data(), sizeof state);
  const KeyedHmac keyed(state);
  OPENSSL_cleanse(&state, sizeof state);
  Expand(keyed, label, data, out);
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

void DeriveDrawKeys(std::span<const uint8_t, kKeyBytes> layer_key, std::span<uint8_t, 2 * kKeyBytes> out) {
  Expand(Extract(layer_key), "draw", {}, out);
}

Key DeriveSampleKey(const Key& layer_key) { return DeriveKey(layer_key, "sample", {}); }

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
