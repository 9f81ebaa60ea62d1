// AES-256 through OpenSSL, set up so that a draw costs its blocks and little more: ciphers are fetched once a process,
// keyed contexts are kept in a pool and duplicated when several threads draw at once, a new window sets the counter
// without touching the key schedule, and many windows or single blocks go into one ECB call.
//
// CMAC is written out over ECB (SP 800-38B): a message has 8 to 36 bytes, and EVP_MAC would cost one call and several
// allocations for each. Counter mode is OpenSSL's.
//
// Tested by tests/watermark/prf_test.cc (native.json `nonces`, `selectors`, `words`; SP 800-38B and SP 800-38A samples).
#include "watermark/prf.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "watermark/pool.h"

namespace verdigris {
namespace {

using Block = std::array<uint8_t, kBlockBytes>;

// A cipher that is there never fails but for memory, so that is what a failure means.
void Require(bool ok) {
  if (!ok) throw std::bad_alloc();
}

struct ContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

// Fetched once and never freed: a fetch takes a lock and a search, and OpenSSL frees its own store at exit.
struct Ciphers {
  EVP_CIPHER* ecb = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  EVP_CIPHER* ctr = EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
};
const Ciphers& FetchedCiphers() {
  static const Ciphers ciphers;
  return ciphers;
}

Result<Context> NewContext(const EVP_CIPHER* cipher, const uint8_t* key) {
  static constexpr uint8_t kZeroIv[kBlockBytes] = {};
  if (cipher == nullptr) return Fail(ErrorKind::kInternal, "AES-256 is not available in this OpenSSL");
  Context context(EVP_CIPHER_CTX_new());
  Require(context && EVP_EncryptInit_ex2(context.get(), cipher, key, kZeroIv, nullptr) == 1 &&
          EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1);
  return context;
}

Context Duplicate(const Context& original) {
  Context copy(EVP_CIPHER_CTX_new());
  Require(copy && EVP_CIPHER_CTX_copy(copy.get(), original.get()) == 1);
  return copy;
}

void Encrypt(EVP_CIPHER_CTX* context, const uint8_t* in, size_t bytes, uint8_t* out) {
  int written = 0;
  Require(EVP_EncryptUpdate(context, out, &written, in, static_cast<int>(bytes)) == 1 &&
          written == static_cast<int>(bytes));
}

void PutBe32(uint32_t value, uint8_t* out) {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  std::memcpy(out, &value, sizeof value);
}

// M of N6, padded to whole blocks as CMAC wants it: 10* behind an incomplete last block.
template <size_t kBlocks>
void PadMessage(const uint32_t* window, size_t h, uint8_t* out) {
  const size_t length = 4 + 4 * h;
  std::memset(out, 0, kBlocks * kBlockBytes);
  PutBe32(0x56010000 | static_cast<uint32_t>(h), out);
  for (size_t i = 0; i < h; ++i) PutBe32(window[i], out + 4 + 4 * i);
  if (length < kBlocks * kBlockBytes) out[length] = 0x80;
}

void Xor(uint8_t* a, const uint8_t* b) {
  uint64_t x[2], y[2];
  std::memcpy(x, a, kBlockBytes);
  std::memcpy(y, b, kBlockBytes);
  x[0] ^= y[0];
  x[1] ^= y[1];
  std::memcpy(a, x, kBlockBytes);
}

// Multiplication by x in GF(2^128), for the subkeys.
Block Double(const Block& in) {
  Block out;
  for (size_t i = 0; i < kBlockBytes; ++i) {
    const unsigned next = i + 1 < kBlockBytes ? in[i + 1] >> 7 : 0;
    out[i] = static_cast<uint8_t>(in[i] << 1 | next);
  }
  if (in[0] & 0x80) out[15] ^= 0x87;
  return out;
}

constexpr size_t kBatch = 256;  // windows or blocks an ECB call, 4 KB: the cost of a call is then a small part of it

}  // namespace

struct WindowMac::State {
  Context context;  // the original: only duplicated, so threads may read it at once
  Block subkey_full{};     // K1, when the last block is complete
  Block subkey_padded{};   // K2
  Pool<Context> pool;

  ~State() {
    OPENSSL_cleanse(subkey_full.data(), kBlockBytes);
    OPENSSL_cleanse(subkey_padded.data(), kBlockBytes);
  }
  auto Acquire() const {
    return pool.Acquire([this] { return std::make_unique<Context>(Duplicate(context)); });
  }
};

WindowMac::WindowMac(std::unique_ptr<State> state) : state_(std::move(state)) {}
WindowMac::WindowMac(WindowMac&&) noexcept = default;
WindowMac& WindowMac::operator=(WindowMac&&) noexcept = default;
WindowMac::~WindowMac() = default;

Result<WindowMac> WindowMac::Create(const Key& key) {
  auto state = std::make_unique<State>();
  VERDIGRIS_ASSIGN_OR_RETURN(state->context, NewContext(FetchedCiphers().ecb, key.secret().data()));
  Block zero{}, l;
  Encrypt(Duplicate(state->context).get(), zero.data(), kBlockBytes, l.data());
  state->subkey_full = Double(l);
  state->subkey_padded = Double(state->subkey_full);
  OPENSSL_cleanse(l.data(), kBlockBytes);
  return WindowMac(std::move(state));
}

namespace {

// kBlocks blocks a message, so the chain has a fixed length.
template <size_t kBlocks>
void TagBatch(EVP_CIPHER_CTX* context, const uint8_t* subkey, const uint32_t* const* windows, size_t h, size_t count, uint8_t* tags) {
  uint8_t messages[kBatch][kBlocks * kBlockBytes];
  uint8_t chain[kBatch * kBlockBytes];
  for (size_t i = 0; i < count; ++i) {
    PadMessage<kBlocks>(windows[i], h, messages[i]);
    Xor(messages[i] + (kBlocks - 1) * kBlockBytes, subkey);
  }
  if constexpr (kBlocks == 1) {
    Encrypt(context, messages[0], count * kBlockBytes, tags);
  } else {
    std::memset(tags, 0, count * kBlockBytes);
    for (size_t b = 0; b < kBlocks; ++b) {
      for (size_t i = 0; i < count; ++i) {
        std::memcpy(chain + i * kBlockBytes, messages[i] + b * kBlockBytes, kBlockBytes);
        Xor(chain + i * kBlockBytes, tags + i * kBlockBytes);
      }
      Encrypt(context, chain, count * kBlockBytes, tags);
    }
  }
}

}  // namespace

void WindowMac::Tags(const uint32_t* const* windows, size_t h, size_t count, Tag* tags) const {
  assert(h >= 1 && h <= kMaxWindow);
  static_assert(sizeof(Tag) == kBlockBytes);
  const auto lease = state_->Acquire();
  const size_t length = 4 + 4 * h;
  const uint8_t* subkey = length % kBlockBytes == 0 ? state_->subkey_full.data() : state_->subkey_padded.data();
  const auto batch_of = length <= kBlockBytes ? TagBatch<1> : length <= 2 * kBlockBytes ? TagBatch<2> : TagBatch<3>;
  for (size_t start = 0; start < count; start += kBatch) {
    batch_of(lease->get(), subkey, windows + start, h, std::min(kBatch, count - start), tags[start].bytes.data());
  }
}

Tag WindowMac::TagOf(const uint32_t* window, size_t h) const {
  Tag tag;
  Tags(&window, h, 1, &tag);
  return tag;
}

struct Prf::State {
  struct Contexts {
    Context ecb;
    Context ctr;
  };
  Contexts originals;  // only duplicated
  Pool<Contexts> pool;

  auto Acquire() const {
    return pool.Acquire([this] {
      return std::make_unique<Contexts>(Contexts{Duplicate(originals.ecb), Duplicate(originals.ctr)});
    });
  }
};

Prf::Prf(WindowMac mac, std::unique_ptr<State> state) : mac_(std::move(mac)), state_(std::move(state)) {}
Prf::Prf(Prf&&) noexcept = default;
Prf& Prf::operator=(Prf&&) noexcept = default;
Prf::~Prf() = default;

Result<Prf> Prf::Create(const Key& layer_key) {
  const DrawKeys keys = DeriveDrawKeys(layer_key);
  VERDIGRIS_ASSIGN_OR_RETURN(WindowMac mac, WindowMac::Create(keys.context));
  auto state = std::make_unique<State>();
  VERDIGRIS_ASSIGN_OR_RETURN(state->originals.ecb, NewContext(FetchedCiphers().ecb, keys.draw.secret().data()));
  VERDIGRIS_ASSIGN_OR_RETURN(state->originals.ctr, NewContext(FetchedCiphers().ctr, keys.draw.secret().data()));
  return Prf(std::move(mac), std::move(state));
}

void Prf::Blocks(const BlockIndex* indices, size_t count, uint8_t* out) const {
  const auto lease = state_->Acquire();
  uint8_t inputs[kBatch * kBlockBytes];
  for (size_t start = 0; start < count; start += kBatch) {
    const size_t batch = std::min(kBatch, count - start);
    for (size_t i = 0; i < batch; ++i) {
      uint8_t* input = inputs + i * kBlockBytes;
      std::memcpy(input, indices[start + i].tag->bytes.data(), kBlockBytes);
      PutBe32(indices[start + i].block, input + Tag::kNonceBytes);
    }
    Encrypt(lease->ecb.get(), inputs, batch * kBlockBytes, out + start * kBlockBytes);
  }
}

void Prf::Keystream(const Tag& tag, uint32_t first, size_t count, uint8_t* out) const {
  static constexpr uint8_t kZeros[kChunkBlocks * kBlockBytes] = {};
  const auto lease = state_->Acquire();
  Block iv = tag.bytes;
  PutBe32(first, iv.data() + Tag::kNonceBytes);
  Require(EVP_EncryptInit_ex2(lease->ctr.get(), nullptr, nullptr, iv.data(), nullptr) == 1);
  for (size_t done = 0; done < count; done += kChunkBlocks) {
    const size_t blocks = std::min(kChunkBlocks, count - done);
    Encrypt(lease->ctr.get(), kZeros, blocks * kBlockBytes, out + done * kBlockBytes);
  }
}

}  // namespace verdigris
