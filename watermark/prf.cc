// AES-256 through OpenSSL, set up so that a draw costs its blocks and little more: ciphers are fetched once a process,
// keyed contexts are kept in a pool, one for each thread that draws at once, a new window sets the counter without touching
// the key schedule, and many windows or single blocks go into one ECB call, which works in place. Another key goes into
// contexts that are there: a search over keys allocates nothing.
//
// CMAC is written out over ECB (SP 800-38B): a message has 8 to 42 bytes, and EVP_MAC would cost one call and several
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

uint32_t BigEndian(uint32_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}

// Two words as they lie in memory, one behind the other. Blocks are put together in registers and stored in halves: a load
// of a whole block right behind four stores of its words would wait for them.
uint64_t Join(uint32_t first, uint32_t second) {
  return std::endian::native == std::endian::little ? uint64_t{second} << 32 | first : uint64_t{first} << 32 | second;
}

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

Context NewContext(const EVP_CIPHER* cipher, const uint8_t* key) {
  static constexpr uint8_t kZeroIv[kBlockBytes] = {};
  Context context(EVP_CIPHER_CTX_new());
  Require(context && EVP_EncryptInit_ex2(context.get(), cipher, key, kZeroIv, nullptr) == 1 &&
          EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1);
  return context;
}

void SetKey(EVP_CIPHER_CTX* context, const uint8_t* key) {
  Require(EVP_EncryptInit_ex2(context, nullptr, key, nullptr, nullptr) == 1);
}

// Contexts of one cipher under one key.
class Keyed {
 public:
  static Result<std::unique_ptr<Keyed>> Create(const EVP_CIPHER* cipher, std::span<const uint8_t, kKeyBytes> key) {
    if (cipher == nullptr) return Fail(ErrorKind::kInternal, "AES-256 is not available in this OpenSSL");
    return std::unique_ptr<Keyed>(new Keyed(cipher, key));
  }

  auto Acquire() const {
    return pool_.Acquire([this] { return std::make_unique<Context>(NewContext(cipher_, key_.data())); });
  }

  // Precondition: no lease is out, and no other thread uses this object.
  void Rekey(std::span<const uint8_t, kKeyBytes> key) {
    std::copy(key.begin(), key.end(), key_.data());
    pool_.ForEachIdle([this](Context& context) { SetKey(context.get(), key_.data()); });
  }

 private:
  Keyed(const EVP_CIPHER* cipher, std::span<const uint8_t, kKeyBytes> key) : cipher_(cipher), key_(SecretBytes::Copy(key)) {}

  const EVP_CIPHER* cipher_;
  SecretBytes key_;
  Pool<Context> pool_;
};

void Encrypt(EVP_CIPHER_CTX* context, const uint8_t* in, size_t bytes, uint8_t* out) {
  int written = 0;
  Require(EVP_EncryptUpdate(context, out, &written, in, static_cast<int>(bytes)) == 1 &&
          written == static_cast<int>(bytes));
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

struct Subkeys {
  Block full;    // K1, when the last block is complete
  Block padded;  // K2
};

Subkeys SubkeysOf(EVP_CIPHER_CTX* context) {
  Block l{};
  Encrypt(context, l.data(), kBlockBytes, l.data());
  Subkeys subkeys;
  subkeys.full = Double(l);
  subkeys.padded = Double(subkeys.full);
  OPENSSL_cleanse(l.data(), kBlockBytes);
  return subkeys;
}

}  // namespace

void WriteBe32(uint32_t value, uint8_t* out) {
  value = BigEndian(value);
  std::memcpy(out, &value, sizeof value);
}

void WriteWindowMessage(const uint32_t* window, size_t h, uint8_t* out) {
  WriteBe32(0x56010000 | static_cast<uint32_t>(h), out);
  for (size_t i = 0; i < h; ++i) WriteBe32(window[i], out + 4 + 4 * i);
}

struct WindowMac::State {
  std::unique_ptr<Keyed> ecb;
  Subkeys subkeys{};

  ~State() { OPENSSL_cleanse(&subkeys, sizeof subkeys); }
  const Block& SubkeyFor(size_t length) const { return length % kBlockBytes == 0 ? subkeys.full : subkeys.padded; }
};

WindowMac::WindowMac(std::unique_ptr<State> state) : state_(std::move(state)) {}
WindowMac::WindowMac(WindowMac&&) noexcept = default;
WindowMac& WindowMac::operator=(WindowMac&&) noexcept = default;
WindowMac::~WindowMac() = default;

Result<WindowMac> WindowMac::Create(const Key& key) {
  auto state = std::make_unique<State>();
  VERDIGRIS_ASSIGN_OR_RETURN(state->ecb, Keyed::Create(FetchedCiphers().ecb, key.secret()));
  state->subkeys = SubkeysOf(state->ecb->Acquire()->get());
  return WindowMac(std::move(state));
}

void WindowMac::Rekey(std::span<const uint8_t, kKeyBytes> key) {
  state_->ecb->Rekey(key);
  state_->subkeys = SubkeysOf(state_->ecb->Acquire()->get());
}

namespace {

// CMAC of M (N6) for up to kBatch windows of constant width.
template <size_t kIds>
void TagBatch(EVP_CIPHER_CTX* context, const Block& subkey, const uint32_t* const* windows, size_t count, uint8_t* tags) {
  constexpr size_t kBlocks = (WindowMessageBytes(kIds) + kBlockBytes - 1) / kBlockBytes;
  constexpr size_t kHalves = 2 * kBlocks;
  uint64_t subkey_halves[2];
  std::memcpy(subkey_halves, subkey.data(), kBlockBytes);
  uint64_t rest[kBatch][kHalves - 2 + (kBlocks == 1)];  // all but the first block of each message
  for (size_t i = 0; i < count; ++i) {
    // The message's words: the header, the ids, 10* behind an incomplete last block.
    const auto word = [id = windows[i]](size_t w) -> uint32_t {
      if (w == 0) return BigEndian(0x56010000 | static_cast<uint32_t>(kIds));
      return w <= kIds ? BigEndian(id[w - 1]) : w == kIds + 1 ? BigEndian(0x80000000) : 0;
    };
    uint64_t first[2];
    for (size_t half = 0; half < kHalves; ++half) {
      uint64_t value = Join(word(2 * half), word(2 * half + 1));
      if (half >= kHalves - 2) value ^= subkey_halves[half - (kHalves - 2)];
      if (half < 2) {
        first[half] = value;
      } else {
        rest[i][half - 2] = value;
      }
    }
    std::memcpy(tags + i * kBlockBytes, first, kBlockBytes);
  }
  Encrypt(context, tags, count * kBlockBytes, tags);
  for (size_t b = 1; b < kBlocks; ++b) {
    for (size_t i = 0; i < count; ++i) Xor(tags + i * kBlockBytes, reinterpret_cast<const uint8_t*>(&rest[i][2 * (b - 1)]));
    Encrypt(context, tags, count * kBlockBytes, tags);
  }
}

}  // namespace

void WindowMac::Tags(const uint32_t* const* windows, size_t h, size_t count, Tag* tags) const {
  assert(h >= 1 && h <= kMaxWindow);
  static_assert(sizeof(Tag) == kBlockBytes);
  using Function = void (*)(EVP_CIPHER_CTX*, const Block&, const uint32_t* const*, size_t, uint8_t*);
  static constexpr Function kOfWidth[kMaxWindow] = {TagBatch<1>, TagBatch<2>, TagBatch<3>, TagBatch<4>,
                                                    TagBatch<5>, TagBatch<6>, TagBatch<7>, TagBatch<8>};
  const auto lease = state_->ecb->Acquire();
  const Block& subkey = state_->SubkeyFor(WindowMessageBytes(h));
  for (size_t start = 0; start < count; start += kBatch) {
    kOfWidth[h - 1](lease->get(), subkey, windows + start, std::min(kBatch, count - start), tags[start].bytes.data());
  }
}

namespace {

// A block as it lies in memory, in two registers.
struct Halves {
  uint64_t first, second;

  static Halves Load(const uint8_t* from) {
    Halves halves;
    std::memcpy(&halves, from, kBlockBytes);
    return halves;
  }
  void Store(uint8_t* to) const {
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + sizeof first, &second, sizeof second);
  }
  friend Halves operator^(Halves a, Halves b) { return {a.first ^ b.first, a.second ^ b.second}; }
};

// The last `bytes` of a message, 1 to 16, and 10* behind fewer than 16.
Halves LastBlock(const uint8_t* message, size_t length, size_t bytes) {
  if (length < kBlockBytes || std::endian::native != std::endian::little) {
    Block block{};
    std::memcpy(block.data(), message + length - bytes, bytes);
    if (bytes < kBlockBytes) block[bytes] = 0x80;
    return Halves::Load(block.data());
  }
  // Read as a whole and shifted: a copy of a few bytes, of a number known when it runs, would cost more than their encryption.
  const Halves end = Halves::Load(message + length - kBlockBytes);
  if (bytes == kBlockBytes) return end;
  const size_t gone = 8 * (kBlockBytes - bytes), kept = 8 * bytes % 64;  // bits
  const uint64_t mark = uint64_t{0x80} << kept;
  if (gone > 64) return {end.second >> (gone - 64) | mark, 0};
  if (gone == 64) return {end.second, mark};
  return {end.first >> gone | end.second << (64 - gone), end.second >> gone | mark};
}

}  // namespace

void WindowMac::Macs(const uint8_t* messages, size_t length, size_t count, Tag* tags) const {
  assert(length >= 1);
  const size_t last = (length - 1) / kBlockBytes * kBlockBytes;
  const Halves subkey = Halves::Load(state_->SubkeyFor(length).data());
  const auto lease = state_->ecb->Acquire();
  for (size_t start = 0; start < count; start += kBatch) {
    const size_t batch = std::min(kBatch, count - start);
    uint8_t* const out = tags[start].bytes.data();
    for (size_t offset = 0; offset <= last; offset += kBlockBytes) {
      for (size_t i = 0; i < batch; ++i) {
        const uint8_t* const message = messages + (start + i) * length;
        Halves block = offset == last ? LastBlock(message, length, length - last) ^ subkey : Halves::Load(message + offset);
        if (offset != 0) block = block ^ Halves::Load(out + i * kBlockBytes);
        block.Store(out + i * kBlockBytes);
      }
      Encrypt(lease->get(), out, batch * kBlockBytes, out);
    }
  }
}

Tag WindowMac::TagOf(const uint32_t* window, size_t h) const {
  Tag tag;
  Tags(&window, h, 1, &tag);
  return tag;
}

struct Prf::State {
  std::unique_ptr<Keyed> ecb, ctr;
};

Prf::Prf(WindowMac mac, std::unique_ptr<State> state) : mac_(std::move(mac)), state_(std::move(state)) {}
Prf::Prf(Prf&&) noexcept = default;
Prf& Prf::operator=(Prf&&) noexcept = default;
Prf::~Prf() = default;

Result<Prf> Prf::Create(const Key& layer_key) {
  const DrawKeys keys = DeriveDrawKeys(layer_key);
  VERDIGRIS_ASSIGN_OR_RETURN(WindowMac mac, WindowMac::Create(keys.context));
  auto state = std::make_unique<State>();
  VERDIGRIS_ASSIGN_OR_RETURN(state->ecb, Keyed::Create(FetchedCiphers().ecb, keys.draw.secret()));
  VERDIGRIS_ASSIGN_OR_RETURN(state->ctr, Keyed::Create(FetchedCiphers().ctr, keys.draw.secret()));
  return Prf(std::move(mac), std::move(state));
}

void Prf::Rekey(std::span<const uint8_t, kKeyBytes> layer_key) {
  uint8_t keys[2 * kKeyBytes];
  DeriveDrawKeys(layer_key, keys);
  const std::span<const uint8_t, 2 * kKeyBytes> both(keys);
  mac_.Rekey(both.first<kKeyBytes>());
  state_->ecb->Rekey(both.last<kKeyBytes>());
  state_->ctr->Rekey(both.last<kKeyBytes>());
  OPENSSL_cleanse(keys, sizeof keys);
}

template <size_t kRun>
void Prf::Blocks(DrawTags tags, const uint32_t* first, size_t count, uint8_t* out) const {
  constexpr size_t kRuns = kBatch / kRun;
  const auto lease = state_->ecb->Acquire();
  for (size_t start = 0; start < count; start += kRuns) {
    const size_t batch = std::min(kRuns, count - start);
    uint8_t* const blocks = out + start * kRun * kBlockBytes;
    for (size_t i = 0; i < batch; ++i) {
      const uint8_t* const tag = tags[start + i].bytes.data();
      const uint32_t block = first[start + i];
      uint64_t halves[2];
      uint32_t third;
      std::memcpy(&halves[0], tag, sizeof halves[0]);
      std::memcpy(&third, tag + 8, sizeof third);
      for (size_t j = 0; j < kRun; ++j) {
        halves[1] = Join(third, BigEndian(block + static_cast<uint32_t>(j)));
        std::memcpy(blocks + (i * kRun + j) * kBlockBytes, halves, kBlockBytes);
      }
    }
    Encrypt(lease->get(), blocks, batch * kRun * kBlockBytes, blocks);
  }
}
template void Prf::Blocks<1>(DrawTags, const uint32_t*, size_t, uint8_t*) const;
template void Prf::Blocks<2>(DrawTags, const uint32_t*, size_t, uint8_t*) const;
template void Prf::Blocks<3>(DrawTags, const uint32_t*, size_t, uint8_t*) const;
template void Prf::Blocks<4>(DrawTags, const uint32_t*, size_t, uint8_t*) const;
template void Prf::Blocks<5>(DrawTags, const uint32_t*, size_t, uint8_t*) const;
template void Prf::Blocks<6>(DrawTags, const uint32_t*, size_t, uint8_t*) const;
template void Prf::Blocks<7>(DrawTags, const uint32_t*, size_t, uint8_t*) const;
template void Prf::Blocks<8>(DrawTags, const uint32_t*, size_t, uint8_t*) const;

void Prf::Keystream(const Tag& tag, uint32_t first, size_t count, uint8_t* out) const {
  static constexpr uint8_t kZeros[kChunkBlocks * kBlockBytes] = {};
  const auto lease = state_->ctr->Acquire();
  Block iv = tag.bytes;
  WriteBe32(first, iv.data() + Tag::kNonceBytes);
  Require(EVP_EncryptInit_ex2(lease->get(), nullptr, nullptr, iv.data(), nullptr) == 1);
  for (size_t done = 0; done < count; done += kChunkBlocks) {
    const size_t blocks = std::min(kChunkBlocks, count - done);
    Encrypt(lease->get(), kZeros, blocks * kBlockBytes, out + done * kBlockBytes);
  }
}

}  // namespace verdigris
