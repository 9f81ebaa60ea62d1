// Documents of files and folders: a plain file is one, a line of a .jsonl file is one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/text/tokenizer.h"
#include "watermark/result.h"

namespace verdigris::tools {

// The files named, and those below the folders named, in the order of their names. Errors: kNotFound, kIo.
Result<std::vector<std::string>> FilesUnder(const std::vector<std::string>& paths);

// Gives each document of a file to `add`, with a name for messages.
// Errors   what `add` says; kMalformed for a line that is no JSON object with a string `text`; those of ReadFile.
Result<void> ReadDocuments(const std::string& path, const std::function<Result<void>(std::string_view, const std::string&)>& add);

Result<std::vector<uint32_t>> IdsOf(const verify::Tokenizer& tokenizer, std::string_view document);

}  // namespace verdigris::tools
