// Tested by tests/cli/key_*.sh and profile*.sh.
#include "tools/inputs.h"

#include "tools/terminal/message.h"
#include "verify/file.h"
#include "watermark/layers.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMaxPassphraseBytes = 1024;
constexpr size_t kMaxCalibrationBytes = size_t{256} << 20, kMaxStopListBytes = size_t{256} << 20;
constexpr size_t kMaxFilterBytes = size_t{4} << 30;  // 400 million windows

}  // namespace

Unexpected InFile(const std::string& path, Error error) {
  if (error.kind == ErrorKind::kInvalidArgument) error.kind = ErrorKind::kMalformed;
  return Fail(error.kind, (path == "-" ? "standard input" : path) + ": " + error.message);
}

void AddSecretOptions(CLI::App& app, SecretOptions& options, const char* passphrase_help) {
  auto* file = app.add_option("--passphrase-file", options.passphrase_file, passphrase_help)->type_name("FILE");
  app.add_option("--passphrase-fd", options.passphrase_fd, "the same, from an open descriptor")->type_name("N")->excludes(file);
  app.add_flag("--insecure-permissions", options.insecure_permissions, "do not check owner and mode of secret files");
}

Result<std::optional<SecretBytes>> ReadPassphrase(const SecretOptions& options) {
  if (options.passphrase_file.empty() && options.passphrase_fd.empty()) return std::nullopt;
  SecretBytes bytes;
  std::string name = options.passphrase_file;
  if (!name.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(bytes, verify::ReadSecretFile(name, kMaxPassphraseBytes, options.insecure_permissions));
  } else {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t fd, ParseInteger("--passphrase-fd", options.passphrase_fd, 0, 1 << 20));
    name = "descriptor " + options.passphrase_fd;
    VERDIGRIS_ASSIGN_OR_RETURN(bytes, verify::ReadSecretFromDescriptor(static_cast<int>(fd), kMaxPassphraseBytes));
  }
  const size_t size = bytes.size() - (bytes.view().ends_with('\n') ? 1 : 0);
  if (size == 0) return Fail(ErrorKind::kMalformed, name + ": the passphrase is empty");
  return SecretBytes::Copy(bytes.span().first(size));
}

Result<KeyFile> LoadKey(const std::string& path, const SecretOptions& options, const std::optional<SecretBytes>& passphrase) {
  VERDIGRIS_ASSIGN_OR_RETURN(const SecretBytes bytes, verify::ReadSecretFile(path, kMaxKeyFileBytes, options.insecure_permissions));
  auto key = ParseKeyFile(bytes.view(), passphrase ? std::optional(passphrase->span()) : std::nullopt);
  if (!key) return InFile(path, key.error());
  return key;
}

std::string KeyHint(const Error& error) {
  const bool missing = error.kind == ErrorKind::kAuth && error.message.ends_with("a passphrase is needed");
  return missing ? "give --passphrase-file FILE or --passphrase-fd N" : "";
}

Result<std::vector<KeyFile>> LoadLayerKeys(const std::vector<std::string>& paths, const SecretOptions& options, const Profile& profile,
                                           const std::string& profile_path, std::string& hint) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<SecretBytes> passphrase, ReadPassphrase(options));
  std::vector<KeyFile> keys;
  for (const std::string& path : paths) {
    auto key = LoadKey(path, options, passphrase);
    if (!key) {
      hint = KeyHint(key.error());
      return Unexpected(key.error());
    }
    const KeyFile* pointer = &*key;
    if (auto alone = Layers::Create(profile, {&pointer, 1}); !alone) {
      if (key->role < KeyRole::kProvider) {
        hint = "verdigris derive --from " + path + " --profile " + profile_path + " --epoch N --role provider -o FILE";
      }
      return InFile(path, alone.error());
    }
    keys.push_back(std::move(*key));
  }
  if (options.insecure_permissions) PrintNote("--insecure-permissions: owner and mode of secret files were not checked");
  return keys;
}

std::vector<const KeyFile*> Pointers(const std::vector<KeyFile>& keys) {
  std::vector<const KeyFile*> pointers;
  pointers.reserve(keys.size());
  for (const KeyFile& key : keys) pointers.push_back(&key);
  return pointers;
}

Result<Profile> LoadProfile(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(path, Json::kMaxBytes));
  auto profile = Profile::Parse(bytes);
  if (!profile) return InFile(path, profile.error());
  return profile;
}

Result<verify::Calibration> LoadCalibration(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(path, kMaxCalibrationBytes));
  auto calibration = verify::ParseCalibration(bytes);
  if (!calibration) return InFile(path, calibration.error());
  return calibration;
}

Result<verify::StopList> LoadStopList(const std::string& path, const Profile& profile) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(path, kMaxStopListBytes));
  auto list = verify::StopList::Parse(bytes, profile);
  if (!list) return InFile(path, list.error());
  return list;
}

Result<verify::Filter> LoadFilter(const std::string& path, bool insecure_permissions) {
  VERDIGRIS_ASSIGN_OR_RETURN(std::string bytes, verify::ReadConfidentialFile(path, kMaxFilterBytes, insecure_permissions));
  auto filter = verify::Filter::Parse(std::move(bytes));
  if (!filter) return InFile(path, filter.error());
  return filter;
}

}  // namespace verdigris::tools
