// Tested by tests/verify/corpus/unit_file_test.cc.
#include "verify/corpus/bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <system_error>

#include <openssl/evp.h>

#include "verify/file.h"

namespace verdigris::verify {
namespace {

class OfFile : public ByteSource {
 public:
  OfFile(std::string path, uint64_t size) : path_(std::move(path)), size_(size) {}
  uint64_t size() const override { return size_; }
  Result<std::string> Read(uint64_t offset, uint64_t length) const override { return ReadFileRange(path_, offset, length); }

 private:
  std::string path_;
  uint64_t size_;
};

class OfMemory : public ByteSource {
 public:
  explicit OfMemory(std::string_view bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }
  Result<std::string> Read(uint64_t offset, uint64_t length) const override {
    if (offset > bytes_.size() || length > bytes_.size() - offset) return Fail(ErrorKind::kMalformed, "ends before byte " + std::to_string(offset + length));
    return std::string(bytes_.substr(static_cast<size_t>(offset), static_cast<size_t>(length)));
  }

 private:
  std::string_view bytes_;
};

class OfPart : public ByteSource {
 public:
  OfPart(std::shared_ptr<const ByteSource> whole, uint64_t offset, uint64_t length) : whole_(std::move(whole)), offset_(offset), length_(length) {}
  uint64_t size() const override { return length_; }
  Result<std::string> Read(uint64_t offset, uint64_t length) const override {
    if (offset > length_ || length > length_ - offset) return Fail(ErrorKind::kMalformed, "ends before byte " + std::to_string(offset + length));
    return whole_->Read(offset_ + offset, length);
  }

 private:
  std::shared_ptr<const ByteSource> whole_;
  uint64_t offset_, length_;
};

}  // namespace

Result<std::shared_ptr<const ByteSource>> FileSource(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    return Fail(errno == ENOENT || errno == ENOTDIR ? ErrorKind::kNotFound : ErrorKind::kIo, path + ": " + std::error_code(errno, std::generic_category()).message());
  }
  if (!S_ISREG(info.st_mode)) return Fail(ErrorKind::kIo, path + ": is no regular file");
  return std::shared_ptr<const ByteSource>(std::make_shared<OfFile>(path, static_cast<uint64_t>(info.st_size)));
}

std::shared_ptr<const ByteSource> MemorySource(std::string_view bytes) { return std::make_shared<OfMemory>(bytes); }

std::shared_ptr<const ByteSource> PartOf(std::shared_ptr<const ByteSource> whole, uint64_t offset, uint64_t length) {
  return std::make_shared<OfPart>(std::move(whole), offset, length);
}

namespace {

constexpr uint64_t kPiece = uint64_t{1} << 18;

Unexpected FailSpool(const std::string& folder, int error) {
  return Fail(ErrorKind::kIo, folder + ": a temporary file there: " + std::error_code(error, std::generic_category()).message());
}

}  // namespace

struct Spool::State : ByteSource {
  std::string folder;
  size_t memory_bytes;
  std::string memory;  // what is not yet in the file: bytes from in_file on
  int fd = -1;
  uint64_t in_file = 0;

  ~State() override {
    if (fd >= 0) ::close(fd);
  }

  Result<void> Write(uint64_t offset, std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return FailSpool(folder, put < 0 ? errno : EIO);
      bytes.remove_prefix(static_cast<size_t>(put));
      offset += static_cast<uint64_t>(put);
    }
    return {};
  }

  Result<void> Flush() {
    if (fd < 0) {
      std::string name = folder + "/.spool-XXXXXX";
      fd = ::mkostemp(name.data(), O_CLOEXEC);
      if (fd < 0) return FailSpool(folder, errno);
      ::unlink(name.c_str());
    }
    VERDIGRIS_RETURN_IF_ERROR(Write(in_file, memory));
    in_file += memory.size();
    memory.clear();
    return {};
  }

  uint64_t size() const override { return in_file + memory.size(); }

  Result<std::string> Read(uint64_t offset, uint64_t length) const override {
    if (offset > size() || length > size() - offset) return Fail(ErrorKind::kInternal, "a temporary file ends early");
    std::string out(static_cast<size_t>(length), '\0');
    const uint64_t of_file = offset < in_file ? std::min(length, in_file - offset) : 0;
    for (uint64_t done = 0; done < of_file;) {
      const ssize_t got = ::pread(fd, out.data() + done, static_cast<size_t>(of_file - done), static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return FailSpool(folder, got < 0 ? errno : EIO);
      done += static_cast<uint64_t>(got);
    }
    if (of_file < length) memory.copy(out.data() + of_file, static_cast<size_t>(length - of_file), static_cast<size_t>(offset + of_file - in_file));
    return out;
  }
};

Spool::Spool(std::string folder, size_t memory_bytes) : state_(std::make_shared<State>()) {
  state_->folder = std::move(folder);
  state_->memory_bytes = memory_bytes;
}
Spool::Spool(Spool&&) noexcept = default;
Spool& Spool::operator=(Spool&&) noexcept = default;
Spool::~Spool() = default;

Result<void> Spool::Append(std::string_view bytes) {
  state_->memory += bytes;
  return state_->memory.size() > state_->memory_bytes ? state_->Flush() : Result<void>();
}

Result<void> Spool::Patch(uint64_t offset, std::string_view bytes) {
  assert(offset + bytes.size() <= size());
  for (size_t i = 0; i < bytes.size(); ++i, ++offset) {
    if (offset >= state_->in_file) {
      state_->memory[static_cast<size_t>(offset - state_->in_file)] = bytes[i];
    } else {
      VERDIGRIS_RETURN_IF_ERROR(state_->Write(offset, bytes.substr(i, 1)));
    }
  }
  return {};
}

uint64_t Spool::size() const { return state_->size(); }
Result<Digest> Spool::Sha256Of() const { return Sha256OfRange(*state_, 0, size()); }
std::shared_ptr<const ByteSource> Spool::source() const { return state_; }

Result<void> Spool::CopyTo(const ByteSink& sink) const {
  for (uint64_t at = 0; at < size(); at += kPiece) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string piece, state_->Read(at, std::min(kPiece, size() - at)));
    VERDIGRIS_RETURN_IF_ERROR(sink(piece));
  }
  return {};
}

Result<bool> HoldSameBytes(const ByteSource& a, const ByteSource& b) {
  if (a.size() != b.size()) return false;
  for (uint64_t at = 0; at < a.size(); at += kPiece) {
    const uint64_t length = std::min(kPiece, a.size() - at);
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string of_a, a.Read(at, length));
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string of_b, b.Read(at, length));
    if (of_a != of_b) return false;
  }
  return true;
}

Result<Digest> Sha256OfRange(const ByteSource& source, uint64_t offset, uint64_t length) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (hash == nullptr || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  for (uint64_t done = 0; done < length;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string piece, source.Read(offset + done, std::min(kPiece, length - done)));
    if (EVP_DigestUpdate(hash.get(), piece.data(), piece.size()) != 1) throw std::bad_alloc();
    done += piece.size();
  }
  Digest digest{};
  if (EVP_DigestFinal_ex(hash.get(), digest.data(), nullptr) != 1) throw std::bad_alloc();
  return digest;
}

}  // namespace verdigris::verify
