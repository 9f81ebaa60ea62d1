// A .jsonl file is read whole, up to 1 GiB; readers that stream are for corpora (verdigris scan).
// Tested by tests/cli/calibrate.sh.
#include "tools/documents.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <nlohmann/json.hpp>

#include "tools/inputs.h"
#include "verify/file.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMaxLinesBytes = size_t{1} << 30;

}  // namespace

Result<std::vector<std::string>> FilesUnder(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-" || !fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> below;
    fs::recursive_directory_iterator it(path, error), end;
    while (!error && it != end) {
      if (it->is_regular_file(error)) below.push_back(it->path().string());
      it.increment(error);
    }
    if (error) return Fail(ErrorKind::kIo, path + ": " + error.message());
    std::sort(below.begin(), below.end());
    files.insert(files.end(), below.begin(), below.end());
  }
  return files;
}

Result<void> ReadDocuments(const std::string& path, const std::function<Result<void>(std::string_view, const std::string&)>& add) {
  if (!path.ends_with(".jsonl")) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string document, verify::ReadFile(path, verify::kMaxDocumentBytes));
    return add(document, path);
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string lines, verify::ReadFile(path, kMaxLinesBytes));
  std::string_view rest = lines;
  for (size_t line = 1; !rest.empty(); ++line) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string name = path + ":" + std::to_string(line);
    const auto json = nlohmann::json::parse(rest.substr(0, end), nullptr, /*allow_exceptions=*/false);
    const auto text = json.is_object() ? json.find("text") : json.end();
    if (!json.is_object() || text == json.end() || !text->is_string()) {
      return Fail(ErrorKind::kMalformed, name + ": no JSON object with a string `text`");
    }
    VERDIGRIS_RETURN_IF_ERROR(add(text->get_ref<const std::string&>(), name));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

Result<std::vector<uint32_t>> IdsOf(const verify::Tokenizer& tokenizer, std::string_view document) {
  verify::Scratch scratch;
  std::vector<verify::Token> tokens;
  VERDIGRIS_RETURN_IF_ERROR(tokenizer.Encode(document, scratch, tokens));
  std::vector<uint32_t> ids;
  ids.reserve(tokens.size());
  for (const verify::Token& token : tokens) ids.push_back(token.id);
  return ids;
}

}  // namespace verdigris::tools
