// Files: secret ones opened safely, results written whole or not at all (keys-and-evidence.md E10). The only place that
// does either.
//
// Errors   name the path and the cause, never a byte of the content. kNotFound: no such file. kIo: the system's reason.
//          kLimit: more than `max_bytes`. kUnsafe: a secret file that others can read, replace or redirect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "watermark/result.h"
#include "watermark/secret_bytes.h"

namespace verdigris::verify {

// A public input: a regular file, a pipe, a device; "-" is standard input.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes);

// A secret file: regular, reached by no symbolic link, one name, owned by the effective user or root, closed to group
// and others. `insecure_permissions` waives owner, mode and number of names, never the other two; who sets it says so in
// the output and in the record.
Result<SecretBytes> ReadSecretFile(const std::string& path, size_t max_bytes, bool insecure_permissions = false);

// What is left to read from an open descriptor (--passphrase-fd); the descriptor stays open.
Result<SecretBytes> ReadSecretFromDescriptor(int descriptor, size_t max_bytes);

// Creates `path` with mode 0600. kInvalidArgument if anything of that name exists: secret files are never overwritten.
Result<void> WriteSecretFile(const std::string& path, std::span<const uint8_t> bytes);

// Replaces `path` by `bytes` in one step: readers see the old file or the new one, also after a power cut. The mode of an
// existing file is kept; a link to a file stays and that file is replaced. Devices and pipes are written to directly.
Result<void> WriteFileAtomic(const std::string& path, std::string_view bytes);

}  // namespace verdigris::verify
