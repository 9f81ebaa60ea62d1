// Reading and writing files by descriptor (keys-and-evidence.md E10).
//
// Secrets: everything is asked of the open descriptor (fstat), not of the name, so nobody can swap the file between the
// check and the use. O_NONBLOCK keeps a FIFO from holding us in open(). Writing: into a new file in the same folder,
// fsync, rename, fsync of the folder; the order that ext4, xfs and btrfs document for replacing a file.
// Tested by tests/verify/file_test.cc.
#include "verify/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

namespace verdigris::verify {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 16;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { Close(); }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  // False where the system says only now that bytes were lost (NFS, quotas).
  bool Close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

std::string Reason(int error) { return std::error_code(error, std::generic_category()).message(); }

Unexpected FailSystem(const std::string& path, int error) {
  const bool absent = error == ENOENT || error == ENOTDIR;
  return Fail(absent ? ErrorKind::kNotFound : ErrorKind::kIo, path + ": " + Reason(error));
}

Unexpected FailLimit(const std::string& path, size_t max_bytes) {
  return Fail(ErrorKind::kLimit, path + ": larger than " + std::to_string(max_bytes) + " bytes");
}

// read() that waits where the descriptor is non-blocking and goes on after signals.
ssize_t ReadSome(int fd, void* to, size_t size) {
  for (;;) {
    const ssize_t got = ::read(fd, to, size);
    if (got >= 0 || (errno != EINTR && errno != EAGAIN)) return got;
    if (errno == EAGAIN) {
      pollfd waiting{fd, POLLIN, 0};
      if (::poll(&waiting, 1, -1) < 0 && errno != EINTR) return -1;
    }
  }
}

std::string NameOf(const std::string& path) { return path == "-" ? "standard input" : path; }

// No descriptor for "-", which stays the program's.
Result<Descriptor> OpenPublic(const std::string& path) {
  if (path == "-") return Descriptor(-1);
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FailSystem(path, errno);
  return fd;
}

Result<std::string> ReadAll(int fd, const std::string& name, size_t max_bytes) {
  std::string out;
  for (;;) {
    const size_t used = out.size();
    const size_t room = std::min(std::max(used, kChunkBytes), max_bytes - used + (max_bytes < SIZE_MAX ? 1 : 0));
    out.resize(used + room);
    const ssize_t got = ReadSome(fd, out.data() + used, room);
    if (got < 0) return FailSystem(name, errno);
    out.resize(used + static_cast<size_t>(got));
    if (got == 0) return out;
    if (out.size() > max_bytes) return FailLimit(name, max_bytes);
  }
}

// All that is left of `fd`. Grows as bytes arrive, never from a stated size; each buffer outgrown is wiped.
Result<SecretBytes> ReadSecret(int fd, const std::string& name, size_t max_bytes) {
  SecretBytes buffer(std::min<size_t>(max_bytes, 4096) + 1);
  size_t used = 0;
  for (;;) {
    if (used == buffer.size()) {
      if (used > max_bytes) return FailLimit(name, max_bytes);
      SecretBytes larger(std::min(max_bytes, 2 * used) + 1);
      std::copy_n(buffer.data(), used, larger.data());
      buffer = std::move(larger);
    }
    const ssize_t got = ReadSome(fd, buffer.data() + used, buffer.size() - used);
    if (got < 0) return FailSystem(name, errno);
    if (got == 0) return SecretBytes::Copy(buffer.span().first(used));
    used += static_cast<size_t>(got);
  }
}

Unexpected Unsafe(const std::string& path, const std::string& why) { return Fail(ErrorKind::kUnsafe, path + ": " + why); }

std::string ModeOf(const struct stat& info) {
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(info.st_mode & 07777));
  return mode;
}

Result<void> CheckOwner(const struct stat& info, const std::string& path) {
  if (info.st_uid == ::geteuid() || info.st_uid == 0) return {};
  return Unsafe(path, "belongs to user " + std::to_string(info.st_uid) + ", who can change it (chown " + std::to_string(::geteuid()) + " " + path + ")");
}

Result<void> CheckSecret(const struct stat& info, const std::string& path, bool insecure_permissions) {
  if (S_ISDIR(info.st_mode)) return Unsafe(path, "is a directory, not a secret file");
  if (!S_ISREG(info.st_mode)) return Unsafe(path, "is a pipe or device, not a regular file (copy the secret into a file of its own)");
  if (insecure_permissions) return {};
  VERDIGRIS_RETURN_IF_ERROR(CheckOwner(info, path));
  if (info.st_nlink != 1) {
    return Unsafe(path, "has " + std::to_string(info.st_nlink) + " names (hard links); remove the others, or copy it to a new file");
  }
  if ((info.st_mode & 077) != 0) return Unsafe(path, "mode " + ModeOf(info) + " lets others at it (chmod 600 " + path + ")");
  return {};
}

Result<Descriptor> OpenSecret(const std::string& path, bool insecure_permissions) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid() && errno == ELOOP) {
    return Fail(ErrorKind::kUnsafe, path + ": is a symbolic link; name the file it points to");
  }
  if (!fd.valid() && errno == ENXIO) return Fail(ErrorKind::kUnsafe, path + ": is a socket or device, not a regular file");
  if (!fd.valid()) return FailSystem(path, errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return FailSystem(path, errno);
  VERDIGRIS_RETURN_IF_ERROR(CheckSecret(info, path, insecure_permissions));
  return fd;
}

// 0, or the errno of the first failure.
int WriteAll(int fd, const void* from, size_t size) {
  const char* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t put = ::write(fd, at, std::min(size, size_t{1} << 30));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    if (put == 0) return EIO;
    at += put;
    size -= static_cast<size_t>(put);
  }
  return 0;
}

// Some file systems cannot sync a folder or a device and say EINVAL; there is nothing more to do on them.
int Sync(int fd) {
  for (;;) {
    if (::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP) return 0;
    if (errno != EINTR) return errno;
  }
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int SyncFolderOf(const std::string& path) {
  Descriptor folder(::open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder.valid() ? Sync(folder.get()) : errno;
}

// Fills the new file `fd`; the errno of the first failure, or 0 when the bytes are on the disk.
int Fill(Descriptor& fd, const void* bytes, size_t size) {
  if (const int error = WriteAll(fd.get(), bytes, size)) return error;
  if (const int error = Sync(fd.get())) return error;
  return fd.Close() ? 0 : errno;
}

// A new name beside `path`: random, since a guessable one in a shared folder could be taken beforehand.
std::string TemporaryName(const std::string& path) {
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) number = static_cast<uint64_t>(::getpid());
  char suffix[32];
  std::snprintf(suffix, sizeof suffix, ".%016llx.tmp", static_cast<unsigned long long>(number));
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  // The name is cut so that it stays within the 255 bytes of a file name.
  return folder + "." + path.substr(folder.size(), 200) + suffix;
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Descriptor opened, OpenPublic(path));
  return ReadAll(path == "-" ? STDIN_FILENO : opened.get(), NameOf(path), max_bytes);
}

Result<SecretBytes> ReadSecretFile(const std::string& path, size_t max_bytes, bool insecure_permissions) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Descriptor fd, OpenSecret(path, insecure_permissions));
  return ReadSecret(fd.get(), path, max_bytes);
}

Result<std::string> ReadConfidentialFile(const std::string& path, size_t max_bytes, bool insecure_permissions) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Descriptor fd, OpenSecret(path, insecure_permissions));
  return ReadAll(fd.get(), path, max_bytes);
}

Result<std::string> ReadTrustedFile(const std::string& path, size_t max_bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return FailSystem(path, errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return FailSystem(path, errno);
  if (!S_ISREG(info.st_mode)) return Unsafe(path, "is not a regular file");
  VERDIGRIS_RETURN_IF_ERROR(CheckOwner(info, path));
  if ((info.st_mode & 022) != 0) return Unsafe(path, "mode " + ModeOf(info) + " lets others write it (chmod go-w " + path + ")");
  return ReadAll(fd.get(), path, max_bytes);
}

Result<SecretBytes> ReadSecretFromDescriptor(int descriptor, size_t max_bytes) {
  return ReadSecret(descriptor, "descriptor " + std::to_string(descriptor), max_bytes);
}

Result<void> WriteSecretFile(const std::string& path, std::span<const uint8_t> bytes) {
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid() && errno == EEXIST) {
    return Fail(ErrorKind::kInvalidArgument, path + ": exists, and a secret file is never overwritten");
  }
  if (!fd.valid()) return FailSystem(path, errno);
  int error = Fill(fd, bytes.data(), bytes.size());
  if (error == 0) error = SyncFolderOf(path);
  if (error != 0) {
    ::unlink(path.c_str());
    return FailSystem(path, error);
  }
  return {};
}

struct AtomicFile::State {
  std::string path, temporary;  // `temporary` is empty where `path` itself is written to
  Descriptor fd;
  std::string buffer;
  int error = 0;  // errno of the first failure

  void Flush() {
    if (error == 0) error = WriteAll(fd.get(), buffer.data(), buffer.size());
    buffer.clear();
  }
  ~State() {
    if (!temporary.empty()) ::unlink(temporary.c_str());
  }
};

AtomicFile::AtomicFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
AtomicFile::AtomicFile(AtomicFile&&) noexcept = default;
AtomicFile& AtomicFile::operator=(AtomicFile&&) noexcept = default;
AtomicFile::~AtomicFile() = default;

Result<AtomicFile> AtomicFile::Create(const std::string& path) {
  struct stat info;
  const bool is_new = ::stat(path.c_str(), &info) != 0;
  if (is_new && errno != ENOENT) return FailSystem(path, errno);
  if (!is_new && S_ISDIR(info.st_mode)) return FailSystem(path, EISDIR);
  if (!is_new && !S_ISREG(info.st_mode)) {
    Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd.valid()) return FailSystem(path, errno);
    return AtomicFile(std::unique_ptr<State>(new State{path, "", std::move(fd), {}}));
  }
  std::string target = path;
  if (!is_new) {
    // A link may be /dev/stdout sent into a file: what it leads to is replaced, not the link.
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (real != nullptr) target = real.get();
  }
  for (int attempt = 0; attempt < 16; ++attempt) {
    const std::string temporary = TemporaryName(target);
    Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!fd.valid() && errno == EEXIST) continue;
    if (!fd.valid()) return FailSystem(target, errno);
    AtomicFile file(std::unique_ptr<State>(new State{target, temporary, std::move(fd), {}}));
    if (!is_new && ::fchmod(file.state_->fd.get(), info.st_mode & 0777) != 0) return FailSystem(target, errno);
    return file;
  }
  return Fail(ErrorKind::kIo, target + ": no free temporary name beside it");
}

void AtomicFile::Write(std::string_view bytes) {
  State& s = *state_;
  if (s.buffer.size() + bytes.size() < kChunkBytes) {
    s.buffer += bytes;
    return;
  }
  s.Flush();
  if (s.error == 0) s.error = WriteAll(s.fd.get(), bytes.data(), bytes.size());
}

Result<void> AtomicFile::fault() const {
  if (state_->error != 0) return FailSystem(state_->path, state_->error);
  return {};
}

Result<void> AtomicFile::Commit() {
  State& s = *state_;
  s.Flush();
  if (s.error == 0) s.error = Sync(s.fd.get());
  if (!s.fd.Close() && s.error == 0) s.error = errno;
  if (s.error == 0 && !s.temporary.empty()) {
    if (::rename(s.temporary.c_str(), s.path.c_str()) != 0) {
      s.error = errno;
    } else {
      s.temporary.clear();
      s.error = SyncFolderOf(s.path);
    }
  }
  return fault();
}

Result<void> WriteFileAtomic(const std::string& path, std::string_view bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  file.Write(bytes);
  return file.Commit();
}

Result<InputFile> InputFile::Open(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(Descriptor opened, OpenPublic(path));
  return InputFile(NameOf(path), path == "-" ? STDIN_FILENO : opened.Release());
}

InputFile::~InputFile() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

Result<size_t> InputFile::Read(void* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ReadSome(fd_, static_cast<char*>(to) + done, size - done);
    if (got < 0) return FailSystem(name_, errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

Result<size_t> InputFile::ReadAt(uint64_t offset, void* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd_, static_cast<char*>(to) + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailSystem(name_, errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

Result<void> InputFile::Seek(uint64_t offset) {
  if (::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0) return FailSystem(name_, errno);
  return {};
}

Result<std::optional<uint64_t>> InputFile::Size() {
  struct stat info;
  if (::fstat(fd_, &info) != 0) return FailSystem(name_, errno);
  if (!S_ISREG(info.st_mode)) return std::optional<uint64_t>();
  return std::optional<uint64_t>(static_cast<uint64_t>(info.st_size));
}

struct LineReader::State {
  Descriptor opened;
  std::string name;
  size_t max_line_bytes;
  std::string buffer;
  size_t begin = 0, end = 0;  // of what was read and not yet given
  uint64_t number = 0;
  bool ended = false;
};

LineReader::LineReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;
LineReader::~LineReader() = default;

Result<LineReader> LineReader::Open(const std::string& path, size_t max_line_bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(Descriptor opened, OpenPublic(path));
  return LineReader(std::make_unique<State>(State{std::move(opened), NameOf(path), max_line_bytes, {}}));
}

Result<bool> LineReader::Next(std::string_view& line) {
  State& s = *state_;
  size_t searched = s.begin;
  for (;;) {
    const size_t feed = std::string_view(s.buffer).substr(0, s.end).find('\n', searched);
    const size_t end = feed != std::string::npos ? feed : s.end;
    if (end - s.begin > s.max_line_bytes) {
      return Fail(ErrorKind::kLimit, s.name + ":" + std::to_string(s.number + 1) + ": a line of more than " + std::to_string(s.max_line_bytes) + " bytes");
    }
    if (feed != std::string::npos || (s.ended && s.begin < s.end)) {
      line = std::string_view(s.buffer).substr(s.begin, end - s.begin);
      s.begin = std::min(end + 1, s.end);
      ++s.number;
      return true;
    }
    if (s.ended) return false;
    s.buffer.erase(0, s.begin);
    s.end -= s.begin;
    s.begin = 0;
    searched = s.end;
    s.buffer.resize(s.end + std::max(s.end, kChunkBytes));
    const ssize_t got = ReadSome(s.opened.valid() ? s.opened.get() : STDIN_FILENO, s.buffer.data() + s.end, s.buffer.size() - s.end);
    if (got < 0) return FailSystem(s.name, errno);
    s.end += static_cast<size_t>(got);
    s.ended = got == 0;
  }
}

std::string LineReader::Place() const { return state_->name + ":" + std::to_string(state_->number); }

AppendFile::AppendFile(AppendFile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}
AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<AppendFile> AppendFile::Open(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!fd.valid()) return FailSystem(path, errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return FailSystem(path, errno);
  if (!S_ISREG(info.st_mode)) return Fail(ErrorKind::kIo, path + ": not a regular file");
  if (const int synced = SyncFolderOf(path)) return FailSystem(path, synced);
  return AppendFile(path, fd.Release(), static_cast<uint64_t>(info.st_size));
}

Result<void> AppendFile::Append(std::string_view bytes) {
  if (::lseek(fd_, static_cast<off_t>(size_), SEEK_SET) < 0) return FailSystem(path_, errno);
  if (const int error = WriteAll(fd_, bytes.data(), bytes.size())) return FailSystem(path_, error);
  size_ += bytes.size();
  return {};
}

Result<void> AppendFile::Sync() {
  if (const int error = verify::Sync(fd_)) return FailSystem(path_, error);
  return {};
}

Result<void> AppendFile::Truncate(uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return FailSystem(path_, errno);
  size_ = size;
  return Sync();
}

Result<void> AppendLine(const std::string& path, std::string_view line) {
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
  if (!fd.valid()) return FailSystem(path, errno);
  std::string bytes(line);
  bytes += '\n';
  if (const int error = WriteAll(fd.get(), bytes.data(), bytes.size())) return FailSystem(path, error);
  return {};
}

Result<bool> RenameNew(const std::string& from, const std::string& to) {
  int error = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
  if (error == EINVAL || error == ENOSYS) {  // a file system without it
    error = ::link(from.c_str(), to.c_str()) == 0 ? 0 : errno;
    if (error == 0) ::unlink(from.c_str());
    if (error == EPERM || error == ENOSYS || error == ENOTSUP) {  // nor hard links, as object stores: between the two calls it may be taken
      error = ::access(to.c_str(), F_OK) == 0 ? EEXIST : ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
    }
  }
  if (error == EEXIST) return false;
  if (error == 0) error = SyncFolderOf(to);
  if (error != 0) return FailSystem(to, error);
  return true;
}

std::string FileNameOf(std::string_view label) {
  std::string name;
  for (const char c : label) c == '/' ? name += "%2F" : name += c;
  return name;
}

Result<std::string> ReadFileRange(const std::string& path, uint64_t offset, uint64_t length) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FailSystem(path, errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return FailSystem(path, errno);
  const uint64_t size = static_cast<uint64_t>(info.st_size);
  if (offset > size || length > size - offset) return Fail(ErrorKind::kMalformed, path + ": ends before the bytes that are asked for");
  std::string out(length, '\0');
  for (size_t done = 0; done < length;) {
    const ssize_t got = ::pread(fd.get(), out.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return FailSystem(path, got < 0 ? errno : EIO);
    done += static_cast<size_t>(got);
  }
  return out;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<FileLock> FileLock::Take(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!fd.valid()) return FailSystem(path, errno);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Fail(ErrorKind::kUnsafe, path + ": another process works in this directory");
    if (errno != EINTR) return FailSystem(path, errno);
  }
  return FileLock(fd.Release());
}

}  // namespace verdigris::verify
