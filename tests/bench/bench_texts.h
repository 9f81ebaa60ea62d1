// Texts and vocabularies that the benchmarks share: those of the folder shared/ beside the repository; where that is absent, the small
// ones of tests/data.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

namespace verdigris {

inline const std::string kShared = VERDIGRIS_SOURCE_DIR "/../shared/data/";
inline const std::string kTiny = VERDIGRIS_SOURCE_DIR "/tests/data/";

// Empty where there is no such file.
inline std::string ReadBench(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The texts, each cut into documents at the first character from 3,500 bytes on.
inline std::vector<std::string> BenchDocuments(const std::vector<std::string>& names) {
  constexpr size_t kDocumentBytes = 3500;
  std::vector<std::string> documents;
  for (const std::string& name : names) {
    const std::string text = ReadBench(kShared + name);
    for (size_t at = 0, end; at < text.size(); at = end) {
      for (end = std::min(at + kDocumentBytes, text.size()); end < text.size() && (text[end] & 0xC0) == 0x80;) ++end;
      documents.push_back(text.substr(at, end - at));
    }
  }
  if (documents.empty()) documents.push_back(ReadBench(kTiny + "tiny_corpus.txt"));
  return documents;
}

// Two corpora of English prose, code, and the declaration of human rights in 30 languages.
inline std::vector<std::string> MixedDocuments() {
  std::vector<std::string> names = {"text/wikitext2_valid.txt", "text/cnn_dailymail.jsonl", "text/waterbench_lcc_code.jsonl"};
  std::error_code none;
  std::vector<std::string> udhr;
  for (const auto& entry : std::filesystem::directory_iterator(kShared + "text/udhr", none)) udhr.push_back("text/udhr/" + entry.path().filename().string());
  std::sort(udhr.begin(), udhr.end());
  names.insert(names.end(), udhr.begin(), udhr.end());
  return BenchDocuments(names);
}

inline std::string ModelFile(const std::string& name, const char* otherwise) {
  std::string file = ReadBench(kShared + "tokenizers/" + name);
  return file.empty() ? ReadBench(kTiny + otherwise) : file;
}
inline std::string BpeModel() { return ModelFile("mistral_v1.model", "tiny_bpe.model"); }

}  // namespace verdigris
