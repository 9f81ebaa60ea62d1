// Ids and byte ranges of SentencePiece models.
//
// Expected ids of the two small models in tests/data: spm_encode 0.1.97 (tests/vectors/tiny_sentencepiece.json). Of six
// published models: tokenizers.json in the folder shared/ beside the repository, dumped from libsentencepiece 0.1.97;
// skipped where that folder is absent. Ranges of the small models are worked out by hand here.
#include "verify/text/sentencepiece.h"

#include <fstream>
#include <random>
#include <utility>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sentencepiece_processor.h>

#include "tests/verify/text/tokenizer_vectors.h"
#include "verify/text/sentencepiece_model.h"
#include "watermark/key.h"

namespace verdigris::verify {
namespace {

using nlohmann::json;
using namespace std::string_literals;

const std::string kData = VERDIGRIS_SOURCE_DIR "/tests/data/";
const std::string kShared = VERDIGRIS_SHARED_DIR "/data/";

std::unique_ptr<Tokenizer> LoadFile(const std::string& path) {
  auto tokenizer = LoadSentencePiece(Get(path));
  REQUIRE(tokenizer.has_value());
  return std::move(*tokenizer);
}

std::vector<std::pair<uint32_t, uint32_t>> RangesOf(const std::vector<Token>& tokens) {
  std::vector<std::pair<uint32_t, uint32_t>> ranges;
  for (const Token& token : tokens) ranges.emplace_back(token.begin, token.end);
  return ranges;
}

TEST_CASE("the small models give the ids of spm_encode 0.1.97") {
  const json vectors = json::parse(Get(VERDIGRIS_SOURCE_DIR "/tests/vectors/tiny_sentencepiece.json"));
  const auto bpe = LoadFile(kData + "tiny_bpe.model");
  const auto unigram = LoadFile(kData + "tiny_unigram.model");
  CHECK(Hex(bpe->digest()) == vectors["bpe_sha256"]);
  CHECK(Hex(unigram->digest()) == vectors["unigram_sha256"]);
  CHECK(vectors["rows"].size() == 28);
  for (const json& row : vectors["rows"]) {
    CAPTURE(row["hex"]);
    const std::string text = FromHex(row["hex"]);
    CHECK(json(IdsOf(Encode(*bpe, text))) == row["bpe"]);
    CHECK(json(IdsOf(Encode(*unigram, text))) == row["unigram"]);
    CheckAscending(Encode(*bpe, text), text.size());
    CheckAscending(Encode(*unigram, text), text.size());
  }
}

TEST_CASE("kind, vocabulary and special ids come from the model") {
  const auto bpe = LoadFile(kData + "tiny_bpe.model");
  CHECK(bpe->kind() == "sentencepiece-bpe");
  CHECK(bpe->vocab() == 600);
  // <unk> <s> </s> <start> <stop>; then user-defined and byte pieces, which are ordinary
  REQUIRE(bpe->special_ids().size() == 1);
  CHECK(bpe->special_ids()[0].first == 0);
  CHECK(bpe->special_ids()[0].last == 4);
  CHECK(LoadFile(kData + "tiny_unigram.model")->kind() == "sentencepiece-unigram");

  SentencePieceModel model;
  model.type = ModelType::kChar;
  model.pieces = {{"a", 0, PieceType::kUnused}, {"<unk>", 0, PieceType::kUnknown}, {"b", 0, PieceType::kUserDefined},
                  {"c", 0, PieceType::kNormal}, {"<s>", 0, PieceType::kControl},   {"d", 0, PieceType::kNormal}};
  const auto chars = LoadSentencePiece(WriteSentencePieceModel(model));
  REQUIRE(chars.has_value());
  CHECK((*chars)->kind() == "sentencepiece-char");
  const auto special = (*chars)->special_ids();
  REQUIRE(special.size() == 2);
  CHECK(special[0].first == 0);
  CHECK(special[0].last == 1);
  CHECK(special[1].first == 4);
  CHECK(special[1].last == 4);
}

TEST_CASE("byte tokens of a character are empty but the last, which carries the character") {
  const auto bpe = LoadFile(kData + "tiny_bpe.model");
  // Dummy prefix "▁" (empty range), then the three bytes of the euro sign, then "5".
  const auto euro = Encode(*bpe, "\xE2\x82\xAC" "5");
  REQUIRE(euro.size() == 5);
  CHECK(RangesOf(euro) == std::vector<std::pair<uint32_t, uint32_t>>{{0, 0}, {0, 0}, {0, 0}, {0, 3}, {3, 4}});
  const uint32_t first_byte = 7;  // <unk> <s> </s> <start> <stop> <sep> "    " <0x00> ...
  CHECK(IdsOf(euro)[1] == first_byte + 0xE2);
  CHECK(IdsOf(euro)[2] == first_byte + 0x82);
  CHECK(IdsOf(euro)[3] == first_byte + 0xAC);
  // An ill-formed byte is U+FFFD (EF BF BD), one for each byte. NUL is kept.
  const auto bad = Encode(*bpe, "\xFF\xC3\0"s);
  REQUIRE(bad.size() == 8);
  CHECK(IdsOf(bad)[1] == first_byte + 0xEF);
  CHECK(IdsOf(bad)[4] == first_byte + 0xEF);
  CHECK(IdsOf(bad)[7] == first_byte + 0);
  CHECK(RangesOf(bad) == std::vector<std::pair<uint32_t, uint32_t>>{{0, 0}, {0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 1}, {1, 2}, {2, 3}});
}

TEST_CASE("without byte fallback adjacent unknown pieces are one token") {
  const auto unigram = LoadFile(kData + "tiny_unigram.model");
  // "▁", then 港 is unknown; both characters make one <unk> that covers both.
  const auto tokens = Encode(*unigram, "\xE6\xB8\xAF\xE6\xB8\xAF");
  CHECK(RangesOf(tokens) == std::vector<std::pair<uint32_t, uint32_t>>{{0, 0}, {0, 6}});
  CHECK(IdsOf(tokens)[1] == 0);
}

TEST_CASE("ranges are in original bytes where the model's rules change the text") {
  const auto unigram = LoadFile(kData + "tiny_unigram.model");
  // Rules: U+200B goes, U+00A0 is a space, spaces collapse; U+2581 in text equals an escaped space.
  const std::string text = "\xE2\x80\x8B" "a\xC2\xA0  a ";
  const auto tokens = Encode(*unigram, text);
  CHECK(IdsOf(tokens) == IdsOf(Encode(*unigram, "a a")));
  CHECK(IdsOf(tokens) == IdsOf(Encode(*unigram, "a\xE2\x96\x81" "a")));
  REQUIRE(tokens.size() == 2);
  CHECK(tokens[0].end == 4);     // the first a, at byte 3
  CHECK(tokens[1].begin == 4);   // its space came from U+00A0
  CHECK(tokens[1].end == 9);     // the second a; the trailing space is in no token
}

TEST_CASE("names of special pieces in text are ordinary text") {
  const auto bpe = LoadFile(kData + "tiny_bpe.model");
  for (const char* text : {"<s>", "</s>", "<unk>", "<start>", "<stop>", "a<s>b </s>", "<0x41>"}) {
    CAPTURE(text);
    for (const Token& token : Encode(*bpe, text)) {
      CHECK(token.id > 4);
      CHECK(token.id != 7 + 0x41);
    }
  }
}

TEST_CASE("documents over 16 MiB are a limit, and nothing is left in the output") {
  const auto bpe = LoadFile(kData + "tiny_bpe.model");
  Scratch scratch;
  std::vector<Token> tokens{{1, 2, 3}};
  const auto result = bpe->Encode(std::string(kMaxDocumentBytes + 1, 'a'), scratch, tokens);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::kLimit);
  CHECK(result.error().message == "document of 16777217 bytes, the limit is 16 MiB");
  CHECK(tokens.empty());
}

TEST_CASE("decoding gives the text back, and an id beyond the vocabulary is named with its place") {
  const auto bpe = LoadFile(kData + "tiny_bpe.model");
  std::string out = "before";
  for (const std::string& text : {"The light burns."s, "a  b\n\t c "s, "\xF0\x9F\x98\x80 \xE2\x82\xAC"s, "x\0y"s, ""s}) {
    CAPTURE(text);
    REQUIRE(bpe->Decode(IdsOf(Encode(*bpe, text)), out).has_value());
    CHECK(out == text);
  }
  const uint32_t ids[] = {300, 599, 600};
  const auto result = bpe->Decode(ids, out);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::kInvalidArgument);
  CHECK(result.error().message == "id 600 at 2, vocab 600");
  CHECK(bpe->Decode(std::vector<uint32_t>{0xFFFFFFFF}, out).error().message == "id 4294967295 at 0, vocab 600");
}

TEST_CASE("a refused model names its cause") {
  CHECK(LoadSentencePiece("").error().message == "SentencePiece model: no pieces");
  CHECK(LoadSentencePiece("not a model").error().kind == ErrorKind::kMalformed);
}

// Either our reader refuses the bytes, or they are a model for libsentencepiece too, with the same ids and ranges. Control
// for the mutations below: how many were accepted.
bool RefusedOrSame(const std::string& file, const std::vector<std::string>& texts) {
  const auto tokenizer = LoadSentencePiece(file);
  if (!tokenizer) return false;
  sentencepiece::SentencePieceProcessor library;
  REQUIRE(library.LoadFromSerializedProto(file).ok());
  CHECK(static_cast<int>((*tokenizer)->vocab()) == library.GetPieceSize());
  for (const std::string& text : texts) {
    const auto tokens = Encode(**tokenizer, text);
    CheckAscending(tokens, text.size());
    const auto expected = library.EncodeAsImmutableProto(text);
    REQUIRE(tokens.size() == expected.pieces_size());
    bool same = true;
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto piece = expected.pieces(static_cast<int>(i));
      same = same && tokens[i].id == piece.id() && tokens[i].begin == piece.begin() && tokens[i].end == piece.end();
    }
    CHECK(same);
  }
  return true;
}

TEST_CASE("mutated models are refused or behave as in libsentencepiece") {
  const std::vector<std::string> texts = {"The light burns for 16 hours.", "caf\xC3\xA9 \xEF\xAC\x81 \xE2\x80\xA6\xC2\xA0x", "\xFF\0<sep> \xE6\xB8\xAF"s, Get(kData + "tiny_corpus.txt").substr(0, 2000)};
  std::vector<std::string> paths = {kData + "tiny_bpe.model", kData + "tiny_unigram.model"};
  if (std::ifstream(kShared + "tokenizers/stories_tok512.model")) paths.push_back(kShared + "tokenizers/stories_tok512.model");
  std::mt19937_64 random(1);
  for (const std::string& path : paths) {
    CAPTURE(path);
    const std::string good = Get(path);
    CHECK(RefusedOrSame(good, texts));
    int cut_accepted = 0, flipped_accepted = 0;
    for (size_t i = 0; i < 200; ++i) {
      CAPTURE(i);
      cut_accepted += RefusedOrSame(good.substr(0, good.size() * i / 200), texts);
      std::string flipped = good;
      const size_t bit = random() % (8 * good.size());
      CAPTURE(bit);
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      flipped_accepted += RefusedOrSame(flipped, texts);
    }
    MESSAGE("accepted of 200 each: cut " << cut_accepted << ", one bit flipped " << flipped_accepted);
    CHECK(cut_accepted < 100);      // most cuts go through a field
    CHECK(flipped_accepted > 20);   // most flips change a letter or a score, which is another good model
    CHECK(flipped_accepted < 200);
  }
}

TEST_CASE("eight threads with one tokenizer give what one gives") {
  for (const char* name : {"tiny_bpe.model", "tiny_unigram.model"}) {
    CAPTURE(name);
    CheckEightThreads(*LoadFile(kData + name), PartsOf(Get(kData + "tiny_corpus.txt")));
  }
}

// ---- the published models

struct Published {
  std::string name;
  json vectors;
  std::unique_ptr<Tokenizer> tokenizer;
};

// Nothing where the shared folder is absent.
std::vector<Published> PublishedModels(json& inputs, std::string& alphabet) {
  std::vector<Published> out;
  const std::string file = Get(kShared + "vectors/tokenizers.json");
  if (file.empty()) {
    MESSAGE("skipped: no folder shared/ beside the repository");
    return out;
  }
  json vectors = json::parse(file);
  inputs = vectors["inputs"];
  alphabet = vectors["alphabet"];
  for (auto& [name, rows] : vectors["sentencepiece"].items()) {
    out.push_back({name, rows, LoadFile(kShared + "tokenizers/" + name + ".model")});
  }
  CHECK(out.size() == 6);
  return out;
}

TEST_CASE("six published models: ids and ranges of the vectors") {
  json inputs;
  std::string alphabet;
  for (const Published& model : PublishedModels(inputs, alphabet)) {
    CAPTURE(model.name);
    CHECK(model.tokenizer->vocab() == model.vectors["vocab"]);
    REQUIRE(model.vectors["rows"].size() == inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      CAPTURE(inputs[i]["name"]);
      const std::string text = InputText(inputs[i]);
      const json& row = model.vectors["rows"][i];
      const auto tokens = Encode(*model.tokenizer, text);
      CHECK(json(IdsOf(tokens)) == row["ids"]);
      std::vector<uint32_t> flat, lengths;
      for (const Token& token : tokens) {
        flat.insert(flat.end(), {token.begin, token.end});
        lengths.push_back(token.end - token.begin);
      }
      if (row.contains("span")) {
        CHECK(json(flat) == row["span"]);
      } else {
        CHECK(json(lengths) == row["len"]);
        CHECK((tokens.empty() || tokens[0].begin == 0));
      }
      CheckAscending(tokens, text.size());
    }
  }
}

TEST_CASE("six published models: 2,000 strings drawn from the vectors' alphabet") {
  json inputs;
  std::string alphabet;
  for (const Published& model : PublishedModels(inputs, alphabet)) {
    CAPTURE(model.name);
    IdDigest digest;
    for (const std::string& text : Stream(alphabet)) digest.Add(Encode(*model.tokenizer, text));
    CHECK(digest.result() == model.vectors["stream"]);
  }
}

TEST_CASE("slow: six published models: whole files") {
  json inputs;
  std::string alphabet;
  for (const Published& model : PublishedModels(inputs, alphabet)) {
    CAPTURE(model.name);
    for (const auto& file : model.vectors["files"].items()) {
      CAPTURE(file.key());
      IdDigest digest;
      digest.Add(Encode(*model.tokenizer, Get(kShared + file.key())));
      CHECK(digest.result() == file.value());
    }
  }
}

}  // namespace
}  // namespace verdigris::verify
