// SecretBytes: bytes that are wiped when they go (keys, passphrases, files that hold them).
//
// They lie in OpenSSL's secure heap where the program has made one (locked pages, no core image), else on the ordinary
// heap; both are overwritten before they are given back. Making that heap is the tool's choice, never a library's.
// Move-only, so that no copy is made by accident; the size is fixed, since growing would leave copies behind.
// Tested by tests/watermark/secret_bytes_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>

namespace verdigris {

class SecretBytes {
 public:
  SecretBytes() = default;

  // `size` zero bytes; bad_alloc where there is no room (a secure heap is small).
  explicit SecretBytes(size_t size) : size_(size) {
    if (size == 0) return;
    data_ = static_cast<uint8_t*>(OPENSSL_secure_zalloc(size));
    if (data_ == nullptr) throw std::bad_alloc();
  }

  static SecretBytes Copy(std::span<const uint8_t> bytes) {
    SecretBytes out(bytes.size());
    if (!bytes.empty()) std::memcpy(out.data_, bytes.data(), bytes.size());
    return out;
  }

  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept { swap(other); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    SecretBytes taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~SecretBytes() { OPENSSL_secure_clear_free(data_, size_); }

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<uint8_t> span() { return {data_, size_}; }
  std::span<const uint8_t> span() const { return {data_, size_}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }

  // Overwrites the bytes and lets them go; afterwards empty.
  void wipe() { SecretBytes().swap(*this); }

  void swap(SecretBytes& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace verdigris
