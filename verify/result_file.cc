// Tested by tests/verify/suspect/verdict_test.cc.
#include "verify/result_file.h"

#include <new>
#include <optional>

#include <openssl/evp.h>

#include "verify/file.h"

namespace verdigris::verify {

struct ResultFile::State {
  std::optional<AtomicFile> file;
  EVP_MD_CTX* hash = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(hash); }
};

ResultFile::ResultFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ResultFile::ResultFile(ResultFile&&) noexcept = default;
ResultFile::~ResultFile() = default;

Result<ResultFile> ResultFile::Create(const std::string& path) {
  auto state = std::make_unique<State>();
  if (state->hash == nullptr || EVP_DigestInit_ex(state->hash, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  if (!path.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(state->file, AtomicFile::Create(path));
  }
  return ResultFile(std::move(state));
}

Result<void> ResultFile::Write(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->hash, bytes.data(), bytes.size()) != 1) throw std::bad_alloc();
  if (!state_->file) return {};
  state_->file->Write(bytes);
  return state_->file->fault();
}

Result<Digest> ResultFile::Finish() {
  Digest digest{};
  if (EVP_DigestFinal_ex(state_->hash, digest.data(), nullptr) != 1) throw std::bad_alloc();
  if (state_->file) VERDIGRIS_RETURN_IF_ERROR(state_->file->Commit());
  return digest;
}

}  // namespace verdigris::verify
