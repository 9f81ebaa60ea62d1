// Making key files (keys-and-evidence.md E3, E10).
#pragma once

#include <optional>
#include <string>

#include "watermark/key_file.h"
#include "watermark/result.h"

namespace verdigris::tools {

// Writes `key` to a new file of mode 0600; protected where there is a passphrase (scrypt, LOGN 17).
// Errors   kInvalidArgument where `path` exists or is "-"; kInternal where it cannot be written.
Result<void> WriteKey(const KeyFile& key, const std::optional<SecretBytes>& passphrase, const std::string& path);

// An error of writing: what is unreadable elsewhere is internal here.
Unexpected AsWriteError(Error error);

}  // namespace verdigris::tools
