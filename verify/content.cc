// Tested by tests/verify/calibrate_test.cc (`content` against SHA-256 of the bytes written out).
#include "verify/content.h"

#include <new>

#include <openssl/evp.h>

namespace verdigris::verify {
namespace {

void Require(bool ok) {
  if (!ok) throw std::bad_alloc();  // digests fail for lack of memory only
}

}  // namespace

struct ContentDigest::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
  void Update(std::span<const uint8_t> bytes) { Require(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1); }
  void UpdateLength(uint64_t length) {
    uint8_t bytes[8];
    for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(length >> (56 - 8 * i));
    Update(bytes);
  }
};

ContentDigest::ContentDigest() : state_(std::make_unique<State>()) {
  Require(state_->context != nullptr && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
ContentDigest::ContentDigest(ContentDigest&&) noexcept = default;
ContentDigest& ContentDigest::operator=(ContentDigest&&) noexcept = default;
ContentDigest::~ContentDigest() = default;

void ContentDigest::Add(std::span<const uint8_t> document) {
  state_->UpdateLength(document.size());
  state_->Update(document);
}

void ContentDigest::AddIds(std::span<const uint32_t> ids) { Add(BytesOfIds(ids)); }

void ContentDigest::AddFailed() { state_->UpdateLength(~uint64_t{0}); }

Digest ContentDigest::Value() const {
  State copy;
  Digest digest;
  Require(copy.context != nullptr && EVP_MD_CTX_copy_ex(copy.context, state_->context) == 1 &&
          EVP_DigestFinal_ex(copy.context, digest.data(), nullptr) == 1);
  return digest;
}

std::vector<uint8_t> BytesOfIds(std::span<const uint32_t> ids) {
  std::vector<uint8_t> bytes;
  bytes.reserve(4 * ids.size());
  for (const uint32_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(id >> shift));
  }
  return bytes;
}

}  // namespace verdigris::verify
