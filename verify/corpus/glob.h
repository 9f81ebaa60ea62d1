// Patterns of paths, expanded here so that their order is one on every machine and command lines have no limit (corpus.md C2).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace verdigris::verify {

// Whether a path holds * ? or [.
bool IsPattern(std::string_view path);

struct GlobMatches {
  std::vector<std::string> paths;                             // sorted by bytes, each once
  std::vector<std::pair<std::string, std::string>> failures;  // folders that could not be read, with the reason
};
// What a pattern stands for. * ? [...] match inside of a name, and a leading dot only where the pattern has one; ** matches any
// number of folders whose names do not begin with . or _, without following links.
GlobMatches ExpandPattern(const std::string& pattern);

struct FolderNames {
  std::vector<std::string> names;  // without . and .., sorted by bytes
  std::string failure;             // the system's reason; empty where all were read
};
FolderNames NamesIn(const std::string& folder);

// "folder/name".
std::string Joined(const std::string& folder, std::string_view name);

// Whether a walk through folders passes over this name.
inline bool IsHidden(std::string_view name) { return name.starts_with('.') || name.starts_with('_'); }

}  // namespace verdigris::verify
