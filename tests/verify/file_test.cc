// Secret files and whole writes: the file tests of keys-and-evidence.md E14.3, and E10.
#include "verify/file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "tests/temporary_folder.h"

namespace verdigris::verify {
namespace {

namespace fs = std::filesystem;
using testing::ReadBytes;
using testing::TemporaryFolder;

size_t Entries(const TemporaryFolder& folder) { return static_cast<size_t>(std::distance(fs::directory_iterator(folder.path()), {})); }

void Put(const std::string& path, const std::string& content, mode_t mode) {
  std::ofstream(path, std::ios::binary) << content;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

std::span<const uint8_t> Bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

mode_t ModeOf(const std::string& path) {
  struct stat info;
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

// While it lives, files cannot grow beyond `bytes`: the nearest thing to a full disk that needs no privilege.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_limit_) == 0);
    const rlimit limit{bytes, old_limit_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_limit_;
  void (*old_handler_)(int);
};

TEST_CASE("a secret file that only its owner can read is read") {
  TemporaryFolder folder;
  for (mode_t mode : {0600, 0400, 0700}) {
    CAPTURE(mode);
    const std::string path = folder / ("key" + std::to_string(mode));
    Put(path, std::string("s\0e\nt", 5), mode);
    const auto read = ReadSecretFile(path, 5);
    REQUIRE(read.has_value());
    CHECK(read->view() == std::string_view("s\0e\nt", 5));
  }
}

TEST_CASE("secret files of wrong kind, mode, links or owner are unsafe, and the message says what helps") {
  TemporaryFolder folder;
  const std::string good = folder / "good";
  Put(good, "secret", 0600);
  Put(folder / "group", "secret", 0640);
  Put(folder / "others", "secret", 0604);
  Put(folder / "writable", "secret", 0620);
  Put(folder / "twice", "secret", 0600);
  REQUIRE(::link((folder / "twice").c_str(), (folder / "second").c_str()) == 0);
  REQUIRE(::symlink(good.c_str(), (folder / "link").c_str()) == 0);
  REQUIRE(::symlink((folder / "nothing").c_str(), (folder / "dangling").c_str()) == 0);
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  REQUIRE(::mkdir((folder / "directory").c_str(), 0700) == 0);
  struct Row {
    std::string name;
    std::string says;
    bool waived;  // by --insecure-permissions
  };
  const Row rows[] = {
      {"group", "mode 0640 lets others at it (chmod 600 " + (folder / "group") + ")", true},
      {"others", "mode 0604", true},
      {"writable", "mode 0620", true},
      {"twice", "has 2 names (hard links)", true},
      {"second", "has 2 names (hard links)", true},
      {"link", "is a symbolic link; name the file it points to", false},
      {"dangling", "is a symbolic link", false},
      {"fifo", "is a pipe or device, not a regular file", false},
      {"directory", "is a directory, not a secret file", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const std::string path = folder / row.name;
    const auto read = ReadSecretFile(path, 100);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().kind == ErrorKind::kUnsafe);
    CAPTURE(read.error().message);
    CHECK(read.error().message.find(path + ": " + row.says) == 0);
    CHECK(read.error().message.find("secret\n") == std::string::npos);
    const auto waived = ReadSecretFile(path, 100, /*insecure_permissions=*/true);
    CHECK(waived.has_value() == row.waived);
    if (!waived) CHECK(waived.error().kind == ErrorKind::kUnsafe);
  }
  CHECK(ReadSecretFile("/dev/null", 100, true).error().kind == ErrorKind::kUnsafe);
}

TEST_CASE("a secret file of another owner is unsafe") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: giving a file away needs root");
    return;
  }
  TemporaryFolder folder;
  const std::string path = folder / "key";
  Put(path, "secret", 0600);
  REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
  const auto read = ReadSecretFile(path, 100);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().kind == ErrorKind::kUnsafe);
  CHECK(read.error().message == path + ": belongs to user 65534, who can change it (chown 0 " + path + ")");
  CHECK(ReadSecretFile(path, 100, true).has_value());
}

TEST_CASE("a trusted file may be read by all and written by its owner alone") {
  TemporaryFolder folder;
  const std::string path = folder / "c.json";
  Put(path, "{}", 0644);
  REQUIRE(::symlink(path.c_str(), (folder / "link").c_str()) == 0);
  CHECK(ReadTrustedFile(path, 2).value() == "{}");
  CHECK(ReadTrustedFile(folder / "link", 2).value() == "{}");
  CHECK(ReadTrustedFile(path, 1).error().kind == ErrorKind::kLimit);
  CHECK(ReadTrustedFile(folder / "none", 2).error().kind == ErrorKind::kNotFound);
  for (const mode_t mode : {0664, 0646, 0620}) {
    CAPTURE(mode);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    const auto read = ReadTrustedFile(path, 2);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().kind == ErrorKind::kUnsafe);
    CHECK(read.error().message.find("chmod go-w " + path) != std::string::npos);
  }
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  for (const std::string& other : {folder / "fifo", std::string("/dev/null"), std::string("/")}) {
    CAPTURE(other);
    CHECK(ReadTrustedFile(other, 2).error().message == other + ": is not a regular file");
  }
  if (::geteuid() != 0) return;  // giving a file away needs root
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
  CHECK(ReadTrustedFile(path, 2).error().message.find("belongs to user 65534") != std::string::npos);
}

TEST_CASE("limits hold to the byte, for files, pipes and secrets of any size") {
  TemporaryFolder folder;
  for (size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{4097}, size_t{65536}, size_t{300000}}) {
    CAPTURE(size);
    const std::string path = folder / "f";
    const std::string content(size, 'x');
    fs::remove(path);
    Put(path, content, 0600);
    CHECK(ReadFile(path, size).value() == content);
    CHECK(ReadFile(path, SIZE_MAX).value() == content);
    CHECK(ReadSecretFile(path, size).value().view() == content);
    CHECK(ReadSecretFile(path, SIZE_MAX).value().view() == content);
    if (size == 0) continue;
    CHECK(ReadFile(path, size - 1).error().kind == ErrorKind::kLimit);
    CHECK(ReadFile(path, size - 1).error().message == path + ": larger than " + std::to_string(size - 1) + " bytes");
    CHECK(ReadSecretFile(path, size - 1).error().kind == ErrorKind::kLimit);
  }
}

TEST_CASE("an endless device meets the limit") {
  CHECK(ReadFile("/dev/zero", 1000000).error().kind == ErrorKind::kLimit);
}

TEST_CASE("missing files are not found; folders are an input error") {
  TemporaryFolder folder;
  const std::string path = folder / "none";
  CHECK(ReadFile(path, 10).error().kind == ErrorKind::kNotFound);
  CHECK(ReadFile(path, 10).error().message == path + ": No such file or directory");
  CHECK(ReadSecretFile(path, 10).error().kind == ErrorKind::kNotFound);
  CHECK(ReadFile(folder / "", 10).error().kind == ErrorKind::kIo);
  Put(path, "x", 0600);
  CHECK(ReadFile(path + "/below", 10).error().kind == ErrorKind::kNotFound);
}

TEST_CASE("a public input may be a FIFO, and \"-\" is standard input") {
  TemporaryFolder folder;
  const std::string path = folder / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const std::string content(200000, 'y');
  std::thread writer([&] { std::ofstream(path, std::ios::binary) << content; });
  const auto read = ReadFile(path, 200000);
  writer.join();
  CHECK(read.value() == content);

  const std::string file = folder / "in";
  Put(file, "from stdin", 0644);
  const int saved = ::dup(STDIN_FILENO);
  const int opened = ::open(file.c_str(), O_RDONLY);
  REQUIRE(::dup2(opened, STDIN_FILENO) == STDIN_FILENO);
  CHECK(ReadFile("-", 100).value() == "from stdin");
  CHECK(::lseek(STDIN_FILENO, 0, SEEK_SET) == 0);  // still open
  CHECK(ReadFile("-", 3).error().message == "standard input: larger than 3 bytes");
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  ::close(opened);
}

TEST_CASE("a secret comes from a descriptor, blocking or not, and the descriptor stays open") {
  for (int flags : {0, O_NONBLOCK}) {
    int ends[2];
    REQUIRE(::pipe2(ends, flags) == 0);
    std::thread writer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      CHECK(::write(ends[1], "pass", 4) == 4);
      ::close(ends[1]);
    });
    const auto read = ReadSecretFromDescriptor(ends[0], 4);
    writer.join();
    CHECK(read.value().view() == "pass");
    CHECK(::close(ends[0]) == 0);
  }
  CHECK(ReadSecretFromDescriptor(9999, 4).error().message == "descriptor 9999: Bad file descriptor");
}

TEST_CASE("a secret file is made with mode 0600 under any umask and never overwritten") {
  TemporaryFolder folder;
  const std::string path = folder / "key";
  const mode_t umask_before = ::umask(0);
  CHECK(WriteSecretFile(path, Bytes("one")).has_value());
  ::umask(umask_before);
  CHECK(ModeOf(path) == 0600);
  CHECK(ReadSecretFile(path, 3).value().view() == "one");
  const auto again = WriteSecretFile(path, Bytes("two"));
  CHECK(again.error().kind == ErrorKind::kInvalidArgument);
  CHECK(ReadBytes(path) == "one");
  // Not through a link either, even one that leads nowhere.
  REQUIRE(::symlink((folder / "elsewhere").c_str(), (folder / "link").c_str()) == 0);
  CHECK_FALSE(WriteSecretFile(folder / "link", Bytes("two")).has_value());
  CHECK_FALSE(fs::exists(folder / "elsewhere"));
  CHECK(WriteSecretFile(folder / "no/key", Bytes("x")).error().kind == ErrorKind::kNotFound);
}

TEST_CASE("a write that fails half way leaves nothing behind") {
  TemporaryFolder folder;
  Put(folder / "old", "old content", 0644);
  const std::string big(100000, 'z');
  {
    SmallDisk disk(5000);
    CHECK(WriteSecretFile(folder / "key", Bytes(big)).error().kind == ErrorKind::kIo);
    CHECK(WriteFileAtomic(folder / "new", big).error().kind == ErrorKind::kIo);
    CHECK(WriteFileAtomic(folder / "old", big).error().kind == ErrorKind::kIo);
  }
  CHECK(Entries(folder) == 1);
  CHECK(ReadBytes(folder / "old") == "old content");
  CHECK(WriteFileAtomic(folder / "old", big).has_value());
  CHECK(Entries(folder) == 1);
  CHECK(ReadBytes(folder / "old") == big);
}

TEST_CASE("an atomic write makes a new file, not a longer old one") {
  TemporaryFolder folder;
  const std::string path = folder / "out";
  Put(path, "longer than the new content", 0640);
  const int reader = ::open(path.c_str(), O_RDONLY);  // opened before: keeps seeing the old file, whole
  CHECK(WriteFileAtomic(path, "new").has_value());
  CHECK(ReadBytes(path) == "new");
  CHECK(ModeOf(path) == 0640);
  char buffer[64];
  CHECK(::read(reader, buffer, sizeof buffer) == 27);
  ::close(reader);
  CHECK(Entries(folder) == 1);
  const mode_t umask_before = ::umask(022);
  CHECK(WriteFileAtomic(folder / "fresh", "").has_value());
  ::umask(umask_before);
  CHECK(ModeOf(folder / "fresh") == 0644);
}

TEST_CASE("a file written in pieces appears whole: not before it is committed, and not if it is given up") {
  TemporaryFolder folder;
  const std::string path = folder / "out";
  const std::string piece(100'000, 'x');
  {
    auto given_up = AtomicFile::Create(path);
    REQUIRE(given_up.has_value());
    given_up->Write(piece);
  }
  CHECK(Entries(folder) == 0);
  auto file = AtomicFile::Create(path);
  REQUIRE(file.has_value());
  file->Write("a");
  file->Write(piece);
  file->Write("b");
  CHECK(::access(path.c_str(), F_OK) != 0);
  CHECK(file->Commit().has_value());
  CHECK(ReadBytes(path) == "a" + piece + "b");
  CHECK(Entries(folder) == 1);
  auto full = AtomicFile::Create("/dev/full");
  REQUIRE(full.has_value());
  full->Write(piece);
  CHECK(full->fault().error().kind == ErrorKind::kIo);
  CHECK(full->Commit().error().kind == ErrorKind::kIo);
}

TEST_CASE("a finished file gets a name that is free, and no other's") {
  TemporaryFolder folder;
  Put(folder / "first", "1", 0644);
  Put(folder / "second", "2", 0644);
  CHECK(*RenameNew(folder / "first", folder / "name"));
  CHECK_FALSE(*RenameNew(folder / "second", folder / "name"));
  CHECK(ReadBytes(folder / "name") == "1");
  CHECK(ReadBytes(folder / "second") == "2");
  CHECK(Entries(folder) == 2);
  CHECK(RenameNew(folder / "first", folder / "other").error().kind == ErrorKind::kNotFound);
}

TEST_CASE("an atomic write through a link replaces the target; pipes take the bytes; folders are refused") {
  TemporaryFolder folder;
  Put(folder / "target", "old", 0644);
  REQUIRE(::symlink("target", (folder / "link").c_str()) == 0);
  CHECK(WriteFileAtomic(folder / "link", "new").has_value());
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(ReadBytes(folder / "target") == "new");
  CHECK(Entries(folder) == 2);

  // A pipe of our own, never /dev/null: run as root, an implementation that renames would replace the machine's device.
  const std::string fifo = folder / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  CHECK(WriteFileAtomic(fifo, "bytes").has_value());
  CHECK(fs::is_fifo(fifo));
  char buffer[16];
  CHECK(::read(reader, buffer, sizeof buffer) == 5);
  ::close(reader);
  CHECK(WriteFileAtomic(folder / "", "bytes").error().kind == ErrorKind::kIo);
  CHECK(WriteFileAtomic(folder / "none/out", "bytes").error().kind == ErrorKind::kNotFound);
}

TEST_CASE("a full device is an error that says so") {
  TemporaryFolder folder;
  const std::string path = folder / "full";
  if (::mknod(path.c_str(), S_IFCHR | 0600, makedev(1, 7)) != 0) {
    MESSAGE("skipped: making a device needs root");
    return;
  }
  const auto written = WriteFileAtomic(path, "bytes");
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().kind == ErrorKind::kIo);
  CHECK(written.error().message == path + ": No space left on device");
  CHECK(fs::is_character_file(path));
}

TEST_CASE("a file name of the longest length can be written") {
  TemporaryFolder folder;
  const std::string path = folder / std::string(255, 'n');
  CHECK(WriteFileAtomic(path, "x").has_value());
  CHECK(ReadBytes(path) == "x");
}

TEST_CASE("a confidential file is read under the checks of a secret one") {
  TemporaryFolder folder;
  const std::string content(3'000'000, 'x');
  Put(folder / "filter", content, 0600);
  Put(folder / "open", "y", 0644);
  CHECK(*ReadConfidentialFile(folder / "filter", content.size()) == content);
  CHECK(ReadConfidentialFile(folder / "filter", content.size() - 1).error().kind == ErrorKind::kLimit);
  CHECK(ReadConfidentialFile(folder / "open", 10).error().kind == ErrorKind::kUnsafe);
  CHECK(*ReadConfidentialFile(folder / "open", 10, /*insecure_permissions=*/true) == "y");
  CHECK(ReadConfidentialFile(folder / "absent", 10).error().kind == ErrorKind::kNotFound);
}

TEST_CASE("lines are given one by one, whatever their length, with or without a last line feed") {
  TemporaryFolder folder;
  const std::string path = folder / "lines";
  const std::string longest(200'000, 'z');
  for (const bool feed_at_end : {false, true}) {
    std::vector<std::string> want = {"", "one", "", longest};
    for (int i = 0; i < 30'000; ++i) want.push_back(std::to_string(i));
    std::string content;
    for (const std::string& line : want) content += (content.empty() && &line == &want.front() ? "" : "\n") + line;
    if (feed_at_end) content += "\n";
    Put(path, content, 0644);
    LineReader reader = *LineReader::Open(path, longest.size());
    std::string_view line;
    size_t got = 0;
    for (;; ++got) {
      const auto more = reader.Next(line);
      REQUIRE(more.has_value());
      if (!*more) break;
      REQUIRE(got < want.size());
      REQUIRE(line == want[got]);
    }
    CHECK(got == want.size());
    CHECK(reader.Place() == path + ":" + std::to_string(want.size()));
    CHECK(!*reader.Next(line));
  }
  LineReader reader = *LineReader::Open(path, longest.size() - 1);
  std::string_view line;
  for (int i = 0; i < 3; ++i) REQUIRE(*reader.Next(line));
  CHECK(reader.Next(line).error().message == path + ":4: a line of more than 199999 bytes");
  Put(path, "", 0644);
  CHECK(!*LineReader::Open(path, 10)->Next(line));
  CHECK(LineReader::Open(folder / "absent", 10).error().kind == ErrorKind::kNotFound);
  LineReader of_folder = *LineReader::Open(folder / ".", 10);
  CHECK(of_folder.Next(line).error().kind == ErrorKind::kIo);
}

}  // namespace
}  // namespace verdigris::verify
