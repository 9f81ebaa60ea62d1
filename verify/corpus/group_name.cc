// A host is what stands between "//" and the next of / ? # in a URL, without user and port, in lower case: enough to keep pages
// of one site together, and no more is claimed of it.
//
// Tested by tests/verify/corpus/group_name_test.cc.
#include "verify/corpus/group_name.h"

#include <algorithm>
#include <charconv>

namespace verdigris::verify {
namespace {

constexpr size_t kMostParts = 64;

std::string_view HostOf(std::string_view url, std::string& buffer) {
  const size_t slashes = url.find("//");
  if (slashes == std::string_view::npos) return {};
  std::string_view host = url.substr(slashes + 2);
  host = host.substr(0, host.find_first_of("/?#\\"));
  const size_t user = host.rfind('@');
  if (user != std::string_view::npos) host.remove_prefix(user + 1);
  if (host.starts_with('[')) {
    host = host.substr(0, host.find(']') == std::string_view::npos ? host.size() : host.find(']') + 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  buffer.assign(host);
  std::transform(buffer.begin(), buffer.end(), buffer.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  while (buffer.ends_with('.')) buffer.pop_back();
  return buffer;
}

// The first `parts` names of a path, its leading slash included.
std::string_view PathPrefix(std::string_view uri, size_t parts) {
  size_t end = 0;
  for (size_t i = 0; i < parts && end != std::string_view::npos; ++i) end = uri.find('/', end == 0 && !uri.starts_with('/') ? 0 : end + 1);
  return uri.substr(0, end);
}

}  // namespace

Result<GroupNamer> GroupNamer::Create(std::string_view by) {
  GroupNamer namer;
  if (by == "none") {
    return namer;
  } else if (by == "host") {
    namer.kind_ = Kind::kHost;
  } else if (by == "source") {
    namer.kind_ = Kind::kSource;
  } else if (by.starts_with("path:")) {
    const std::string_view number = by.substr(5);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), namer.parts_);
    if (error != std::errc() || end != number.data() + number.size() || number[0] == '0' || namer.parts_ > kMostParts) {
      return Fail(ErrorKind::kInvalidArgument, "path:N groups by the first N names of a path, N in [1," + std::to_string(kMostParts) + "]");
    }
    namer.kind_ = Kind::kPath;
  } else if (by.starts_with("field:") && by.size() > 6) {
    namer.kind_ = Kind::kField;
    namer.field_ = by.substr(6);
  } else {
    return Fail(ErrorKind::kInvalidArgument, "groups are by host, source, path:N, field:NAME or none");
  }
  return namer;
}

std::string_view GroupNamer::field() const { return kind_ == Kind::kHost ? std::string_view("url") : std::string_view(field_); }

std::string_view GroupNamer::NameOf(std::string_view uri, std::string_view group, std::string& buffer) const {
  switch (kind_) {
    case Kind::kNone: return {};
    case Kind::kHost: return HostOf(group, buffer);
    case Kind::kSource: return uri;
    case Kind::kPath: return PathPrefix(uri, parts_);
    case Kind::kField: return group;
  }
  return {};
}

}  // namespace verdigris::verify
