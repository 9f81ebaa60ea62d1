// Tested by tests/cli/keygen.sh and derive.sh.
#include "tools/write_key.h"

#include <openssl/rand.h>

#include "verify/file.h"

namespace verdigris::tools {

Unexpected AsWriteError(Error error) {
  if (error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kIo) error.kind = ErrorKind::kInternal;
  return Unexpected(std::move(error));
}

Result<void> WriteKey(const KeyFile& key, const std::optional<SecretBytes>& passphrase, const std::string& path) {
  if (path == "-") return Fail(ErrorKind::kInvalidArgument, "a key is written to a file of its own, never to standard output");
  std::optional<KeyProtection> protection;
  if (passphrase) {
    protection.emplace();
    protection->passphrase = passphrase->span();
    if (RAND_bytes(protection->salt.data(), static_cast<int>(protection->salt.size())) != 1 ||
        RAND_bytes(protection->nonce.data(), static_cast<int>(protection->nonce.size())) != 1) {
      return Fail(ErrorKind::kInternal, "no random numbers");
    }
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const SecretBytes bytes, WriteKeyFile(key, protection ? &*protection : nullptr));
  if (auto written = verify::WriteSecretFile(path, bytes.span()); !written) return AsWriteError(written.error());
  return {};
}

}  // namespace verdigris::tools
