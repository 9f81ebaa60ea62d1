// Key files are opened once and checked by their descriptor, so that what was checked is what is read; links are not followed.
#include "verdigris_marker.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace verdigris::llama {
namespace {

constexpr size_t kMaxKeyBytes = 64 * 1024;

void Check(int32_t code, const vdg_error& err, const std::string& what) {
  if (code != VDG_OK) throw std::runtime_error(what + ": " + err.message + " (" + vdg_code_name(code) + ")");
}

struct KeyDeleter {
  void operator()(vdg_key* key) const { vdg_key_free(key); }
};
using Key = std::unique_ptr<vdg_key, KeyDeleter>;

struct ProfileDeleter {
  void operator()(vdg_profile* profile) const { vdg_profile_free(profile); }
};

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

// Wiped when it goes.
struct Secret {
  std::vector<char> bytes = std::vector<char>(kMaxKeyBytes + 1);
  ~Secret() { explicit_bzero(bytes.data(), bytes.size()); }
};

Key LoadKey(const std::string& path) {
  const Descriptor file(path);
  struct stat status;
  if (file.number() < 0 || fstat(file.number(), &status) != 0) throw std::runtime_error(path + ": cannot be read");
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    throw std::runtime_error(path + ": a key file must be a file of your own that is closed to others: chmod 600");
  }
  Secret secret;
  size_t size = 0;
  while (size < secret.bytes.size()) {
    const ssize_t got = read(file.number(), secret.bytes.data() + size, secret.bytes.size() - size);
    if (got < 0) throw std::runtime_error(path + ": cannot be read");
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kMaxKeyBytes) throw std::runtime_error(path + ": longer than any key file");
  vdg_error err;
  vdg_key* key = nullptr;
  Check(vdg_key_parse(secret.bytes.data(), size, nullptr, 0, &key, &err), err, path);
  return Key(key);
}

}  // namespace

Marker LoadMarker(const std::string& profile_path, const std::vector<std::string>& key_paths, int32_t vocab) {
  std::ifstream in(profile_path, std::ios::binary);
  if (!in) throw std::runtime_error(profile_path + ": cannot be read");
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  vdg_error err;
  vdg_profile* raw = nullptr;
  Check(vdg_profile_parse(bytes.data(), bytes.size(), &raw, &err), err, profile_path);
  const std::unique_ptr<vdg_profile, ProfileDeleter> profile(raw);
  std::vector<Key> keys;
  std::vector<const vdg_key*> pointers;
  for (const std::string& path : key_paths) {
    keys.push_back(LoadKey(path));
    pointers.push_back(keys.back().get());
  }
  const std::string width = std::to_string(vocab);
  const vdg_param expected{"vocab", width.c_str()};
  vdg_marker* marker = nullptr;
  Check(vdg_marker_new(profile.get(), pointers.data(), pointers.size(), &expected, 1, &marker, &err), err, profile_path);
  return Marker(marker);
}

const vdg_marker* EnvironmentMarker(int32_t vocab) {
  static const Marker marker = [vocab] {
    const char *profile = std::getenv("VERDIGRIS_PROFILE"), *keys = std::getenv("VERDIGRIS_KEYS");
    if (profile == nullptr || keys == nullptr) throw std::runtime_error("VERDIGRIS_PROFILE and VERDIGRIS_KEYS must name the profile and the key files");
    std::vector<std::string> paths;
    std::istringstream list(keys);
    for (std::string path; std::getline(list, path, ':');) paths.push_back(path);
    return LoadMarker(profile, paths, vocab);
  }();
  return marker.get();
}

}  // namespace verdigris::llama
