// A unit file is written under a name of its own in tmp/, synced, and renamed: readers see all of it or nothing. A rename never
// replaces, so of two processes that did the same unit the second compares. Two that differ are a fault somewhere - a disk, a build, an
// input that changed - which is reported; the first stays.
//
// Tested by tests/verify/corpus/scan_directory_test.cc.
#include "verify/corpus/scan_directory.h"

#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "verify/file.h"
#include "verify/utc_time.h"

namespace verdigris::verify {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostRunBytes = size_t{16} << 20;

// Of letters, digits and dots alone, so that a name in tmp/ can be taken apart.
std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "host";
  std::string out(name);
  std::replace_if(out.begin(), out.end(), [](unsigned char c) { return !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '.'; }, '_');
  return out.empty() ? "host" : out.substr(0, 64);
}

Result<void> MakeFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return Fail(ErrorKind::kIo, path + ": " + error.message());
  return {};
}

Unexpected InPath(const std::string& path, const Error& error) { return Fail(error.kind, path + ": " + error.message); }

Result<bool> SameBytes(const std::string& a, const std::string& b) {
  VERDIGRIS_ASSIGN_OR_RETURN(const auto first, FileSource(a));
  VERDIGRIS_ASSIGN_OR_RETURN(const auto second, FileSource(b));
  return HoldSameBytes(*first, *second);
}

}  // namespace

std::string ProfilePath(const std::string& directory, const Digest& profile) { return directory + "/profiles/" + Hex(profile) + ".json"; }

std::string UnitPath(const std::string& directory, const Digest& unit) {
  const std::string id = Hex(unit);
  return directory + "/done/" + id.substr(0, 2) + "/" + id + ".unit";
}

Result<std::optional<RunObject>> ReadRun(const std::string& directory) {
  const std::string path = directory + "/" + std::string(kRunFile);
  auto bytes = ReadFile(path, kMostRunBytes);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return std::optional<RunObject>();
  if (!bytes) return Unexpected(bytes.error());
  auto run = ParseRun(*bytes);
  if (!run) return InPath(path, run.error());
  return std::optional<RunObject>(std::move(*run));
}

Result<ScanDirectory> ScanDirectory::Open(const std::string& path, const RunObject& run, std::string_view profile_bytes,
                                          const std::vector<std::pair<std::string, std::string>>& beside) {
  VERDIGRIS_RETURN_IF_ERROR(CheckRun(run));
  for (const char* folder : {"", "/profiles", "/done", "/tmp"}) VERDIGRIS_RETURN_IF_ERROR(MakeFolder(path + folder));
  ScanDirectory directory(path, run);
  VERDIGRIS_RETURN_IF_ERROR(directory.RemoveLeftovers());
  VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<RunObject> there, ReadRun(path));
  if (there) VERDIGRIS_RETURN_IF_ERROR(CheckSameRun(run, *there, path));
  if (!there) {
    const std::string profile = ProfilePath(path, run.profile);
    VERDIGRIS_RETURN_IF_ERROR(WriteFileAtomic(profile, profile_bytes));
    for (const auto& [name, bytes] : beside) VERDIGRIS_RETURN_IF_ERROR(WriteFileAtomic(path + "/" + name, bytes));
  }
  // Last: a directory with a run has all that the run needs.
  if (!there || *there != run) VERDIGRIS_RETURN_IF_ERROR(WriteFileAtomic(path + "/" + std::string(kRunFile), RunJson(run)));
  return directory;
}

Result<void> ScanDirectory::RemoveLeftovers() const {
  const std::string mine = HostName() + "-";
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(spill_folder(), error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(mine)) continue;
    int pid = 0;
    const auto [end, bad] = std::from_chars(name.data() + mine.size(), name.data() + name.size(), pid);
    if (bad != std::errc() || end == name.data() + name.size() || *end != '-' || pid <= 0 || pid == ::getpid()) continue;
    if (::kill(pid, 0) == 0 || errno != ESRCH) continue;
    std::error_code ignored;  // another process of this host may do the same
    fs::remove(entry.path(), ignored);
  }
  if (error) return Fail(ErrorKind::kIo, spill_folder() + ": " + error.message());
  return {};
}

Result<std::string> ScanDirectory::TemporaryName() const {
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) return Fail(ErrorKind::kIo, "no random bytes");
  return spill_folder() + "/" + HostName() + "-" + std::to_string(::getpid()) + "-" + std::to_string(number);
}

Result<void> ScanDirectory::SetList(const UnitList& list, bool ignore_mtime) const {
  const std::string path = path_ + "/" + std::string(kUnitListFile);
  auto there = ReadUnitList(path);
  if (!there && there.error().kind != ErrorKind::kNotFound) return Unexpected(there.error());
  if (!there) {
    return WriteFileAtomic(path, UnitListJson(list));
  }
  const auto differs = [&](const std::string& what) { return Fail(ErrorKind::kMismatch, path + ": " + what); };
  if (there->run != list.run) return differs("of another run than run.json");
  for (size_t i = 0; i < std::min(list.inputs.size(), there->inputs.size()); ++i) {
    const ListedInput &a = list.inputs[i], &b = there->inputs[i];
    if (a.unit.uri < b.unit.uri) return differs(a.unit.uri + " was not there when this run began");
    if (b.unit.uri < a.unit.uri) return differs(b.unit.uri + " is not there any more");
    if (a.unit.size != b.unit.size) {
      return differs(a.unit.uri + " has " + std::to_string(a.unit.size) + " bytes, and had " + std::to_string(b.unit.size) + " when this run began");
    }
    if (a.unit != b.unit) return differs(a.unit.uri + " is read otherwise than when this run began (format, field or --unit-bytes)");
    if (!ignore_mtime && a.mtime_ns != b.mtime_ns) return differs(a.unit.uri + " was written to since this run began");
  }
  if (list.inputs.size() != there->inputs.size()) {
    const bool more = list.inputs.size() > there->inputs.size();
    const UnitList& longer = more ? list : *there;
    const std::string& uri = longer.inputs[std::min(list.inputs.size(), there->inputs.size())].unit.uri;
    return differs(uri + (more ? " was not there when this run began" : " is not there any more"));
  }
  return {};
}

Result<ScanDirectory::State> ScanDirectory::StateOf(const Unit& unit) const {
  const Digest id = UnitId(unit);
  const std::string path = UnitPath(path_, id);
  State state;
  const auto fault = [&](const std::string& why) -> Result<State> {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string aside, TemporaryName());
    std::error_code error;
    fs::rename(path, aside + ".bad", error);
    if (error) return Fail(ErrorKind::kIo, path + ": " + error.message());
    state.fault = path + ": " + why;
    return state;
  };
  auto file = UnitFile::Open(path);
  if (!file && file.error().kind == ErrorKind::kNotFound) return state;
  if (!file && file.error().kind == ErrorKind::kIo) return Unexpected(file.error());
  if (!file) return fault(file.error().message);
  if (file->summary().unit != unit) return fault("of another unit than its name says");
  if (auto checked = file->Check(&run_); !checked) {
    if (checked.error().kind == ErrorKind::kIo) return InPath(path, checked.error());
    return fault(checked.error().message);
  }
  state.broken = file->summary().broken;
  state.state = file->summary().last ? UnitState::kDoneLast : UnitState::kDone;
  return state;
}

Result<void> ScanDirectory::Write(OpenUnit& unit) const {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string temporary, TemporaryName());
  const std::string path = UnitPath(path_, unit.id());
  const auto write = [&]() -> Result<bool> {
    VERDIGRIS_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Open(temporary));
    VERDIGRIS_RETURN_IF_ERROR(unit.Finish([&](std::string_view bytes) { return file.Append(bytes); }));
    VERDIGRIS_RETURN_IF_ERROR(file.Sync());
    if (before_rename) before_rename();
    VERDIGRIS_RETURN_IF_ERROR(MakeFolder(path.substr(0, path.rfind('/'))));
    return RenameNew(temporary, path);
  };
  auto renamed = write();
  if (renamed && *renamed) return {};
  if (!renamed) {
    ::unlink(temporary.c_str());
    return Unexpected(renamed.error());
  }
  auto same = SameBytes(temporary, path);
  ::unlink(temporary.c_str());
  if (!same) return Unexpected(same.error());
  if (!*same) return Fail(ErrorKind::kMismatch, path + ": done before with other bytes (unit " + UnitJson(unit.unit()) + ")");
  return {};
}

Result<void> ScanDirectory::Log(Json::Object members) const {
  members.emplace_back("time", UtcNow());
  members.emplace_back("host", HostName());
  members.emplace_back("pid", int64_t{::getpid()});
  return AppendLine(path_ + "/" + std::string(kLogFile), WriteJson(Json::FromMembers(std::move(members))));
}

}  // namespace verdigris::verify
