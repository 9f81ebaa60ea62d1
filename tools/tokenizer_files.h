// Tokenizers in files. A file is known by what is in it, never by its name: SentencePiece models, tokenizer.json, GGUF files, and
// two that say nothing of their pre-tokenizer, so that a descriptor must (docs/formats/tokenizer.md): tiktoken ranks, and
// vocab.json with merges.txt.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "verify/text/tokenizer.h"
#include "watermark/profile.h"
#include "watermark/result.h"

namespace verdigris::tools {

// What `profile new` is told of a tokenizer.
struct TokenizerChoice {
  std::string file;
  // For files that need a descriptor.
  std::string merges, pattern, vocab;
  std::vector<IdRange> special_ids;
};
struct ChosenTokenizer {
  std::unique_ptr<verify::Tokenizer> tokenizer;
  std::string descriptor;  // the bytes of the one made for it; empty where it needs none
};
// Errors   kInvalidArgument with the option's name; those of LoadTokenizer.
Result<ChosenTokenizer> ChooseTokenizer(const TokenizerChoice& choice);

// A file that says all of itself.
// Errors   of reading it; kUnsupported, kMalformed, kLimit of its reader; kFailedPrecondition where it needs a descriptor.
Result<std::unique_ptr<verify::Tokenizer>> LoadTokenizer(const std::string& path);

// The tokenizer of a profile, after the profile's normaliser: `path` if given, else the file of the profile's digest among the profile's folder and those
// of DataFolders(). Where the digest is a descriptor's, that is looked for in these folders, and its files there and at `path`.
//
// Errors   kUnsupported for a normaliser that is not here; kNotFound where there is none; kMismatch, naming both digests, where `path` has another, unless `allow_mismatch`.
Result<std::unique_ptr<verify::Tokenizer>> FindTokenizer(const Profile& profile, const std::string& profile_path,
                                                         const std::string& path, bool allow_mismatch);

// The installed data folder, then datasets/ of the source tree that this program was built from.
std::vector<std::string> DataFolders();

}  // namespace verdigris::tools
