// What verbs read: keys, profiles, tokenizers. Errors name the file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/cli.h"
#include "tools/tokenizer_files.h"
#include "verify/calibration_file.h"
#include "verify/overlap.h"
#include "verify/suspect/filter.h"
#include "watermark/key_file.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::tools {

// `error` with the file's name before it; what is a wrong argument is malformed when it stands in a file.
Unexpected InFile(const std::string& path, Error error);

// --passphrase-file, --passphrase-fd, --insecure-permissions.
struct SecretOptions {
  std::string passphrase_file;
  std::string passphrase_fd;
  bool insecure_permissions = false;
};
// `passphrase_help`: what the passphrase is for.
void AddSecretOptions(CLI::App& app, SecretOptions& options, const char* passphrase_help = "passphrase of protected keys");

// The passphrase without the line feed at its end, if it has one; none where no option names one.
Result<std::optional<SecretBytes>> ReadPassphrase(const SecretOptions& options);

Result<KeyFile> LoadKey(const std::string& path, const SecretOptions& options, const std::optional<SecretBytes>& passphrase);
// What to do about an error of the above; empty where there is nothing to add.
std::string KeyHint(const Error& error);

// Keys that mark or judge under a profile, all with one passphrase. Sets `hint` where an error has a next step.
// Errors   those of LoadKey; of Layers::Create for one key alone, so that a key that does not belong here is named by its
//          file. How they go together is for the caller to ask.
Result<std::vector<KeyFile>> LoadLayerKeys(const std::vector<std::string>& paths, const SecretOptions& options, const Profile& profile,
                                           const std::string& profile_path, std::string& hint);
std::vector<const KeyFile*> Pointers(const std::vector<KeyFile>& keys);

Result<Profile> LoadProfile(const std::string& path);

// What `verdigris calibrate` wrote.
Result<verify::Calibration> LoadCalibration(const std::string& path);

// What `verdigris calibrate --stop-list` wrote under a profile.
Result<verify::StopList> LoadStopList(const std::string& path, const Profile& profile);

// A filter, confidential like a key: read under the same checks, whole into memory.
Result<verify::Filter> LoadFilter(const std::string& path, bool insecure_permissions);

}  // namespace verdigris::tools
