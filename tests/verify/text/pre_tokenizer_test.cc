// Pieces of every pattern.
//
// Expected pieces: tokenizers 0.23.3 running the expressions (tests/vectors/pre_tokenizer.json). Against running expressions on far
// more text: tests/interop/byte_level_peers.py.
#include "verify/text/pre_tokenizer.h"

#include <random>

#include "tests/verify/text/tokenizer_vectors.h"
#include "verify/text/source_text.h"

namespace verdigris::verify {
namespace {

using nlohmann::json;

std::vector<std::string> Pieces(Pattern pattern, std::string_view text) {
  PreTokenizer pre_tokenizer(pattern, text);
  std::vector<std::string> pieces;
  for (std::string_view piece = pre_tokenizer.Next(); !piece.empty(); piece = pre_tokenizer.Next()) pieces.emplace_back(piece);
  return pieces;
}

TEST_CASE("every pattern cuts as its expression does") {
  const json vectors = json::parse(Get(VERDIGRIS_SOURCE_DIR "/tests/vectors/pre_tokenizer.json"));
  CHECK(vectors["inputs"].size() == 77);
  CHECK(vectors["pieces"].size() == 7);
  for (const auto& [name, rows] : vectors["pieces"].items()) {
    CAPTURE(name);
    const auto pattern = PatternOfName(name);
    REQUIRE(pattern.has_value());
    CHECK(PatternName(*pattern) == name);
    const json& expected = rows.is_string() ? vectors["pieces"][rows.get<std::string>()] : rows;
    REQUIRE(expected.size() == vectors["inputs"].size());
    for (size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(vectors["inputs"][i]["name"]);
      const std::string document = InputText(vectors["inputs"][i]);
      SourceText source;
      source.Read(document, false);
      std::vector<size_t> lengths;
      for (const std::string& piece : Pieces(*pattern, source.text())) lengths.push_back(piece.size());
      CHECK(json(lengths) == expected[i]);
    }
  }
}

TEST_CASE("pieces tile any text") {
  const json vectors = json::parse(Get(VERDIGRIS_SOURCE_DIR "/tests/vectors/pre_tokenizer.json"));
  for (const std::string& text : Stream(vectors["alphabet"])) {
    for (const Pattern pattern : {Pattern::kGpt2, Pattern::kCl100k, Pattern::kLlama3, Pattern::kQwen2, Pattern::kQwen35, Pattern::kO200k, Pattern::kSmolLm}) {
      std::string joined;
      for (const std::string& piece : Pieces(pattern, text)) joined += piece;
      CHECK(joined == text);
    }
  }
}

TEST_CASE("where backtracking decides") {
  using Rows = std::vector<std::string>;
  CHECK(Pieces(Pattern::kO200k, "\xE3\x81\x82" "ABC") == Rows{"\xE3\x81\x82", "ABC"});             // U* gives back to its last Lo
  CHECK(Pieces(Pattern::kO200k, "\xCC\x81" "ABC") == Rows{"\xCC\x81", "ABC"});                     // a mark alone before P takes it
  CHECK(Pieces(Pattern::kO200k, "!ABC") == Rows{"!ABC"});
  CHECK(Pieces(Pattern::kO200k, "ABCdef'LLx") == Rows{"ABCdef'LL", "x"});
  CHECK(Pieces(Pattern::kCl100k, "a \n  b") == Rows{"a", " \n", " ", " b"});
  CHECK(Pieces(Pattern::kCl100k, "\t\tx") == Rows{"\t", "\tx"});
  CHECK(Pieces(Pattern::kGpt2, "\t\tx") == Rows{"\t", "\t", "x"});
  CHECK(Pieces(Pattern::kGpt2, "I'M it's 's") == Rows{"I", "'", "M", " it", "'s", " '", "s"});
  CHECK(Pieces(Pattern::kCl100k, "it'\xC5\xBF") == Rows{"it", "'\xC5\xBF"});                       // U+017F folds to s
  CHECK(Pieces(Pattern::kSmolLm, "a  1 \xF0\x91\xB7\xA0") == Rows{"a", "  ", "1", " ", "\xF0\x91\xB7\xA0"});  // a digit of Unicode 17
}

TEST_CASE("expressions are recognised by their text") {
  const json vectors = json::parse(Get(VERDIGRIS_SOURCE_DIR "/tests/vectors/pre_tokenizer.json"));
  for (const char* name : {"gpt2", "cl100k", "qwen2", "qwen3.5", "o200k"}) {
    CAPTURE(name);
    CHECK(PatternOfExpression(vectors["patterns"][name].get<std::string>()) == PatternOfName(name));
    CHECK_FALSE(PatternOfExpression(vectors["patterns"][name].get<std::string>() + "|x").has_value());
  }
  // Possessive where nothing is to give back: the same cuts.
  CHECK(PatternOfExpression(R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s*[\r\n]|\s+(?!\S)|\s)") ==
        Pattern::kCl100k);
  CHECK(PatternOfExpression(R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s+(?!\S)|\s)") == Pattern::kGpt2);
  // `{1,3}+` repeats in tokenizers' engine (12345 is one piece); `\s++$` cuts the end otherwise; a possessive `\s++(?!\S)` never matches.
  CHECK_FALSE(PatternOfExpression(R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s*[\r\n]|\s+(?!\S)|\s)").has_value());
  CHECK_FALSE(PatternOfExpression(R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)").has_value());
  CHECK_FALSE(PatternOfExpression(R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++(?!\S)|\s)").has_value());
  CHECK_FALSE(PatternOfExpression("").has_value());
}

}  // namespace
}  // namespace verdigris::verify
