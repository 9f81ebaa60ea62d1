// Texts of other people, where a machine has them: tests say that they skip where it does not.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace verdigris::testing {

inline std::string ReadFileOrNothing(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

// The Universal Declaration of Human Rights in one language: the text between the tags of its XML.
struct UdhrText {
  std::string name;
  std::string text;
};

inline std::string WithoutTags(std::string_view xml) {
  std::string text;
  bool inside = false;
  for (const char c : xml) {
    if (c == '<') inside = true;
    // Runs of white space, which indent the tags, are one space.
    const bool white = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!inside && !(white && (text.empty() || text.back() == ' '))) text += white ? ' ' : c;
    if (c == '>') inside = false;
  }
  return text;
}

// By name; none where there is no folder shared/ beside the repository.
inline std::vector<UdhrText> UdhrTexts() {
  std::vector<UdhrText> texts;
  const std::filesystem::path folder = VERDIGRIS_SHARED_DIR "/data/text/udhr";
  if (!std::filesystem::is_directory(folder)) return texts;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    texts.push_back({entry.path().stem().string(), WithoutTags(ReadFileOrNothing(entry.path().string()))});
  }
  std::sort(texts.begin(), texts.end(), [](const UdhrText& a, const UdhrText& b) { return a.name < b.name; });
  return texts;
}

}  // namespace verdigris::testing
