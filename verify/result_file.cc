// Tested by tests/verify/suspect/verdict_test.cc.
#include "verify/result_file.h"

#include <filesystem>
#include <new>
#include <optional>
#include <system_error>

#include <openssl/evp.h>

#include "verify/file.h"

namespace verdigris::verify {

struct ResultFile::State {
  std::string path;
  std::optional<AppendFile> file;
  EVP_MD_CTX* hash = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(hash); }
};

ResultFile::ResultFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ResultFile::ResultFile(ResultFile&&) noexcept = default;
ResultFile::~ResultFile() = default;

Result<ResultFile> ResultFile::Create(const std::string& path) {
  auto state = std::make_unique<State>();
  if (state->hash == nullptr || EVP_DigestInit_ex(state->hash, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  state->path = path;
  if (!path.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Open(path + ".part"));
    VERDIGRIS_RETURN_IF_ERROR(file.Truncate(0));
    state->file.emplace(std::move(file));
  }
  return ResultFile(std::move(state));
}

Result<void> ResultFile::Write(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->hash, bytes.data(), bytes.size()) != 1) throw std::bad_alloc();
  return state_->file ? state_->file->Append(bytes) : Result<void>();
}

Result<Digest> ResultFile::Finish() {
  Digest digest{};
  if (EVP_DigestFinal_ex(state_->hash, digest.data(), nullptr) != 1) throw std::bad_alloc();
  if (!state_->file) return digest;
  VERDIGRIS_RETURN_IF_ERROR(state_->file->Sync());
  std::error_code error;
  std::filesystem::rename(state_->path + ".part", state_->path, error);
  if (error) return Fail(ErrorKind::kIo, state_->path + ": " + error.message());
  return digest;
}

}  // namespace verdigris::verify
