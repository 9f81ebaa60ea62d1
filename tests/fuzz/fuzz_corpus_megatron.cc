/** Any bytes as the index of a Megatron data set; the second byte says how many tokens the data have (corpus_input.h). */
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/corpus_input.h"

namespace {

// Gone when the process ends, but for a crash.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "verdigris-fuzz-XXXXXX").string();
    verdigris::verify::Require(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
};

void Write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris::verify;
  if (size < 2) return 0;
  static const Folder folder;
  std::string tokens(size_t{2} * data[1], '\0');
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<char>(i * 37);
  Write(folder.path / "x.bin", tokens);
  Write(folder.path / "x.idx", {reinterpret_cast<const char*>(data) + 2, size - 2});
  Input input;
  input.path = (folder.path / "x.idx").string();
  input.format = Format::kMegatron;
  input.seekable = true;
  ReadOptions options;
  options.unit_bytes = 1 + 2 * tokens.size() / (1 + (data[0] & 7));
  if ((data[0] & 16) != 0) options.max_record_bytes = 40;
  CheckReader(input, options);
  return 0;
}
