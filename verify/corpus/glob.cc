// Tested by tests/verify/corpus/input_test.cc.
#include "verify/corpus/glob.h"

#include <dirent.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

namespace verdigris::verify {
namespace {

bool IsRealFolder(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

class Expander {
 public:
  Expander(std::vector<std::string> parts, GlobMatches& out) : parts_(std::move(parts)), out_(out) {}

  // What parts `next` and on match below `folder`.
  void Expand(const std::string& folder, size_t next) {
    const std::string& part = parts_[next];
    const bool last = next + 1 == parts_.size();
    if (part != "**" && !IsPattern(part)) {
      struct stat info;
      const std::string path = Joined(folder, part);
      if (!last) return Expand(path, next + 1);
      if (::lstat(path.c_str(), &info) == 0) out_.paths.push_back(path);
      return;
    }
    if (part == "**" && !last) Expand(folder, next + 1);
    for (const std::string& name : Names(folder)) {
      const std::string path = Joined(folder, name);
      if (part == "**") {
        if (IsHidden(name)) continue;
        if (IsRealFolder(path)) {
          Expand(path, next);
        } else if (last) {
          out_.paths.push_back(path);
        }
      } else if (::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0) {
        if (last) {
          out_.paths.push_back(path);
        } else if (struct stat info; ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
          Expand(path, next + 1);
        }
      }
    }
  }

 private:
  std::vector<std::string> Names(const std::string& folder) {
    FolderNames read = NamesIn(folder.empty() ? "." : folder);
    // A folder that is not there matches nothing; one that is closed would hide what it holds.
    struct stat info;
    if (!read.failure.empty() && ::stat(folder.empty() ? "." : folder.c_str(), &info) == 0) out_.failures.emplace_back(folder, read.failure);
    return std::move(read.names);
  }

  const std::vector<std::string> parts_;
  GlobMatches& out_;
};

}  // namespace

bool IsPattern(std::string_view path) { return path.find_first_of("*?[") != std::string_view::npos; }

std::string Joined(const std::string& folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  return folder.back() == '/' ? folder + std::string(name) : folder + "/" + std::string(name);
}

FolderNames NamesIn(const std::string& folder) {
  FolderNames out;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), &::closedir);
  errno = open != nullptr ? 0 : errno;
  while (open != nullptr) {
    errno = 0;
    const dirent* const entry = ::readdir(open.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") out.names.emplace_back(name);
  }
  if (errno != 0) out.failure = std::error_code(errno, std::generic_category()).message();
  std::sort(out.names.begin(), out.names.end());
  return out;
}

GlobMatches ExpandPattern(const std::string& pattern) {
  GlobMatches out;
  std::vector<std::string> parts;
  for (size_t at = 0; at < pattern.size();) {
    const size_t end = std::min(pattern.find('/', at), pattern.size());
    std::string part = pattern.substr(at, end - at);
    // Two in a row say no more than one.
    if (!part.empty() && !(part == "**" && !parts.empty() && parts.back() == "**")) parts.push_back(std::move(part));
    at = end + 1;
  }
  if (parts.empty()) return out;
  Expander(std::move(parts), out).Expand(pattern.starts_with('/') ? "/" : "", 0);
  std::sort(out.paths.begin(), out.paths.end());
  out.paths.erase(std::unique(out.paths.begin(), out.paths.end()), out.paths.end());
  return out;
}

}  // namespace verdigris::verify
