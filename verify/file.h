// Files: secret ones opened safely, results written whole or not at all (keys-and-evidence.md E10), logs that only grow. The
// only place that does any of it.
//
// Errors   name the path and the cause, never a byte of the content. kNotFound: no such file. kIo: the system's reason.
//          kLimit: more than `max_bytes`. kUnsafe: a secret file that others can read, replace or redirect; a trusted one that others can
//          write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "watermark/result.h"
#include "watermark/secret_bytes.h"

namespace verdigris::verify {

// A public input: a regular file, a pipe, a device; "-" is standard input.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes);

// A secret file: regular, reached by no symbolic link, one name, owned by the effective user or root, closed to group
// and others. `insecure_permissions` waives owner, mode and number of names, never the other two; who sets it says so in
// the output and in the record.
Result<SecretBytes> ReadSecretFile(const std::string& path, size_t max_bytes, bool insecure_permissions = false);

// A file that is confidential but no key, such as a filter: the checks of ReadSecretFile, ordinary memory of any size.
Result<std::string> ReadConfidentialFile(const std::string& path, size_t max_bytes, bool insecure_permissions = false);

// A file that is public and decides what this process does, such as a configuration: regular, owned by the effective user or
// root, written by nobody else. Links to it are followed.
Result<std::string> ReadTrustedFile(const std::string& path, size_t max_bytes);

// What is left to read from an open descriptor (--passphrase-fd); the descriptor stays open.
Result<SecretBytes> ReadSecretFromDescriptor(int descriptor, size_t max_bytes);

// Creates `path` with mode 0600. kInvalidArgument if anything of that name exists: secret files are never overwritten.
Result<void> WriteSecretFile(const std::string& path, std::span<const uint8_t> bytes);

// Replaces `path` by `bytes` in one step: readers see the old file or the new one, also after a power cut. The mode of an
// existing file is kept; a link to a file stays and that file is replaced. Devices and pipes are written to directly.
Result<void> WriteFileAtomic(const std::string& path, std::string_view bytes);

// The same for what is longer than memory: written piece by piece, in place once it is whole.
class AtomicFile {
 public:
  static Result<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  // Without Commit() nothing was written, but to a device or pipe.
  ~AtomicFile();

  // The first failure is kept for fault() and Commit().
  void Write(std::string_view bytes);
  // For long work, which need not go on after it.
  Result<void> fault() const;
  Result<void> Commit();

 private:
  struct State;
  explicit AtomicFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A public input read in pieces; "-" is standard input, which stays open.
class InputFile {
 public:
  static Result<InputFile> Open(const std::string& path);
  InputFile(InputFile&& other) noexcept : name_(std::move(other.name_)), fd_(std::exchange(other.fd_, -1)) {}
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  // Fills `to`; fewer bytes only where the input ends.
  Result<size_t> Read(void* to, size_t size);
  // As Read(), from `offset` on, of an input that can be sought; where Read() goes on does not change.
  Result<size_t> ReadAt(uint64_t offset, void* to, size_t size);
  // Read() goes on at `offset`, of an input that can be sought.
  Result<void> Seek(uint64_t offset);
  // Bytes of a regular file; nothing of a pipe or device.
  Result<std::optional<uint64_t>> Size();

 private:
  InputFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}
  std::string name_;
  int fd_;
};

// The lines of a public input, one after another; "-" is standard input. Memory is that of the longest line, at most
// `max_line_bytes`.
class LineReader {
 public:
  static Result<LineReader> Open(const std::string& path, size_t max_line_bytes);
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;
  ~LineReader();

  // The next line without its line feed, which a last line need not have; false at the end. It stands until the next call.
  Result<bool> Next(std::string_view& line);
  // "FILE:7", the place of the line that Next() gave last.
  std::string Place() const;

 private:
  struct State;
  explicit LineReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A file that only grows: a log whose lines must outlast the process and the power.
class AppendFile {
 public:
  // Creates the file where there is none (mode 0666 and the umask). The whole is the caller's: one writer at a time
  // (FileLock).
  static Result<AppendFile> Open(const std::string& path);
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&&) = delete;
  ~AppendFile();

  uint64_t size() const { return size_; }
  Result<void> Append(std::string_view bytes);
  // Returns when what was appended is on the disk.
  Result<void> Sync();
  // Cuts the file off behind `size` bytes, at most size().
  Result<void> Truncate(uint64_t size);

 private:
  AppendFile(std::string path, int fd, uint64_t size) : path_(std::move(path)), fd_(fd), size_(size) {}
  std::string path_;
  int fd_;
  uint64_t size_;
};

// Appends a line to a file that several processes write to at once: each line stays whole. Creates the file.
Result<void> AppendLine(const std::string& path, std::string_view line);

// Gives a finished file its name, and returns when that is on the disk; false where the name is taken, and then `from` stays.
// Both on one file system.
Result<bool> RenameNew(const std::string& from, const std::string& to);

// The label of an account as a part of a file name: a label may hold a slash, a file name not.
std::string FileNameOf(std::string_view label);

// `length` bytes from `offset` on. kMalformed where the file is shorter.
Result<std::string> ReadFileRange(const std::string& path, uint64_t offset, uint64_t length);

// Held by one process at a time, and given back by the system when that ends, however it ends. Creates `path`.
// Errors   kUnsafe where another process holds it; kNotFound, kIo.
class FileLock {
 public:
  static Result<FileLock> Take(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace verdigris::verify
