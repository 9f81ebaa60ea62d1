// Ids, or pieces, of many documents, for tests/interop/byte_level_peers.py.
//
// usage: encode_many ranks FILE PATTERN | json FILE | pieces PATTERN
// stdin: u32le length and that many bytes, again and again. stdout for each: u32le count, then the ids (or lengths of pieces) as u32le.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "verify/file.h"
#include "verify/text/bpe_files.h"
#include "verify/text/source_text.h"
#include "verify/text/tokenizer_json.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

Result<std::unique_ptr<Tokenizer>> Load(const std::string& kind, const std::string& path, const char* pattern) {
  VERDIGRIS_ASSIGN_OR_RETURN(std::string file, ReadFile(path, kMaxTokenizerBytes));
  VERDIGRIS_ASSIGN_OR_RETURN(file, Inflated(std::move(file)));
  if (kind == "json") {
    VERDIGRIS_ASSIGN_OR_RETURN(ByteBpeModel model, ReadTokenizerJson(file));
    return MakeByteBpe(std::move(model));
  }
  TokenizerDescriptor descriptor;
  descriptor.pattern = PatternOfName(pattern).value_or(Pattern::kGpt2);
  VERDIGRIS_ASSIGN_OR_RETURN(descriptor.vocab, VocabOfFile(false, file));
  return LoadDescribed(descriptor, file, "");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 2 ? argv[1] : "";
  if (kind != "pieces" && kind != "json" && (kind != "ranks" || argc < 4)) return 2;
  std::unique_ptr<Tokenizer> tokenizer;
  if (kind != "pieces") {
    auto loaded = Load(kind, argv[2], argc > 3 ? argv[3] : "");
    if (!loaded) {
      std::fprintf(stderr, "%s: %s\n", argv[2], loaded.error().message.c_str());
      return 3;
    }
    tokenizer = std::move(*loaded);
  }
  uint32_t length = 0;
  std::string document;
  Scratch scratch;
  SourceText source;
  std::vector<Token> tokens;
  std::vector<uint32_t> numbers;
  while (std::fread(&length, sizeof(length), 1, stdin) == 1) {
    document.resize(length);
    if (length > 0 && std::fread(document.data(), 1, length, stdin) != length) return 1;
    numbers.assign(1, 0);
    if (tokenizer != nullptr) {
      if (!tokenizer->Encode(document, scratch, tokens)) return 1;
      for (const Token& token : tokens) numbers.push_back(token.id);
    } else {
      source.Read(document, false);
      PreTokenizer pre_tokenizer(PatternOfName(argv[2]).value_or(Pattern::kGpt2), source.text());
      for (std::string_view piece = pre_tokenizer.Next(); !piece.empty(); piece = pre_tokenizer.Next()) {
        numbers.push_back(static_cast<uint32_t>(piece.size()));
      }
    }
    numbers[0] = static_cast<uint32_t>(numbers.size() - 1);
    if (std::fwrite(numbers.data(), sizeof(uint32_t), numbers.size(), stdout) != numbers.size()) return 1;
  }
  return 0;
}
