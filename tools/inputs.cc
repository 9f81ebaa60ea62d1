// A tokenizer is looked up by digest and never by name: a wrong one costs power without a word. Only files named *.model
// are opened, since a profile may lie in a folder of anything.
// Tested by tests/cli/key_*.sh, profile*.sh and tokenizer.sh.
#include "tools/inputs.h"

#include <algorithm>
#include <filesystem>

#include "tools/terminal/message.h"
#include "verify/file.h"
#include "verify/text/sentencepiece.h"
#include "verify/text/sentencepiece_model.h"  // kMaxModelBytes
#include "watermark/layers.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMaxPassphraseBytes = 1024;
constexpr size_t kMaxFilterBytes = size_t{4} << 30;  // 400 million windows

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Regular files named *.model in a folder and in its folders, in the order of their names.
std::vector<std::string> ModelFiles(const std::string& folder, bool deep) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->is_regular_file(ignored) && at->path().extension() == ".model" && at->file_size(ignored) <= verify::kMaxModelBytes) {
      files.push_back(at->path().string());
    } else if (deep && at->is_directory(ignored)) {
      const auto below = ModelFiles(at->path().string(), false);
      files.insert(files.end(), below.begin(), below.end());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

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
  for (const KeyFile& key : keys) pointers.push_back(&key);
  return pointers;
}

Result<Profile> LoadProfile(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(path, Json::kMaxBytes));
  auto profile = Profile::Parse(bytes);
  if (!profile) return InFile(path, profile.error());
  return profile;
}

std::string FilterFileName(const std::string& label) {
  std::string name;
  for (const char c : label) name += c == '/' ? std::string("%2F") : std::string(1, c);
  return name + ".filter";
}

Result<verify::Filter> LoadFilter(const std::string& path, bool insecure_permissions) {
  VERDIGRIS_ASSIGN_OR_RETURN(std::string bytes, verify::ReadConfidentialFile(path, kMaxFilterBytes, insecure_permissions));
  auto filter = verify::Filter::Parse(std::move(bytes));
  if (!filter) return InFile(path, filter.error());
  return filter;
}

Result<std::unique_ptr<verify::Tokenizer>> LoadTokenizer(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(path, verify::kMaxModelBytes));
  auto tokenizer = verify::LoadSentencePiece(bytes);
  if (!tokenizer) return InFile(path, tokenizer.error());
  return tokenizer;
}

Result<std::unique_ptr<verify::Tokenizer>> FindTokenizer(const Profile& profile, const std::string& profile_path,
                                                         const std::string& path, bool allow_mismatch) {
  const std::string wanted = Hex(profile.tokenizer_sha256());
  if (!path.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(path, verify::kMaxModelBytes));
    const Digest digest = Sha256(AsBytes(bytes));
    // Asked before the model is read: a file of another digest is one that nobody vouches for.
    if (digest != profile.tokenizer_sha256() && !allow_mismatch) {
      return Fail(ErrorKind::kMismatch, path + ": sha256 is " + Hex(digest) + ", tokenizer_sha256 of the profile is " + wanted);
    }
    auto tokenizer = verify::LoadSentencePiece(bytes);
    if (!tokenizer) return InFile(path, tokenizer.error());
    return tokenizer;
  }
  std::vector<std::string> candidates = ModelFiles(FolderOf(profile_path), /*deep=*/false);
  for (const std::string& folder : DataFolders()) {
    const auto more = ModelFiles(folder, /*deep=*/true);
    candidates.insert(candidates.end(), more.begin(), more.end());
  }
  for (const std::string& candidate : candidates) {
    auto bytes = verify::ReadFile(candidate, verify::kMaxModelBytes);
    if (!bytes || Sha256(AsBytes(*bytes)) != profile.tokenizer_sha256()) continue;
    auto tokenizer = verify::LoadSentencePiece(*bytes);
    if (!tokenizer) return InFile(candidate, tokenizer.error());
    return tokenizer;
  }
  return Fail(ErrorKind::kNotFound, "no tokenizer of sha256 " + wanted + " beside the profile, nor in the data folders");
}

std::vector<std::string> DataFolders() { return {VERDIGRIS_DATA_DIR, VERDIGRIS_DATASETS_DIR}; }

}  // namespace verdigris::tools
