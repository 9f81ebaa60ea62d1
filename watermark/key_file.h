// Bytes of a key file <-> key (keys-and-evidence.md E3). Reading the file itself safely is verify/file.h's, or the
// caller's: this is the pure part, which a serving process can use on bytes from a key service.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "watermark/key.h"

namespace verdigris {

inline constexpr size_t kMaxKeyFileBytes = 4096;

// A key and what it is for. Members that a role does not have are empty (scheme_id: master; epoch: master, scheme;
// account: all but account).
struct KeyFile {
  KeyRole role;
  Digest scheme_id{};
  uint32_t epoch = 0;
  std::string account;
  std::string created;  // YYYY-MM-DDThh:mm:ssZ
  Key key;

  std::string kid() const { return KeyId(role, key); }
};

bool RoleHasScheme(KeyRole role);
bool RoleHasEpoch(KeyRole role);

// `passphrase`: for protected files; ignored otherwise.
// Errors   kLimit above 4096 bytes or a work factor outside 2^10..2^20; kUnsupported for another version or role;
//          kMalformed for anything else that is not exactly E3; kAuth where a passphrase is missing or wrong, or the
//          mac or key id does not fit the key.
// Cost     one scrypt (128 * 8 * 2^LOGN bytes of memory) for protected files.
Result<KeyFile> ParseKeyFile(std::string_view bytes, std::optional<std::span<const uint8_t>> passphrase);

struct KeyProtection {
  std::span<const uint8_t> passphrase;
  int log_n = 17;
  std::array<uint8_t, 16> salt;   // fresh random bytes, the caller's
  std::array<uint8_t, 12> nonce;  // fresh random bytes, the caller's
};

// The file's bytes, secret unless protected. Errors: kInvalidArgument for a member out of form, kInternal or kNoMemory
// where scrypt cannot run.
Result<SecretBytes> WriteKeyFile(const KeyFile& file, const KeyProtection* protection);

// Whether `text` is a time of E2 that exists, 1970 to 9999.
bool IsUtcTime(std::string_view text);

}  // namespace verdigris
