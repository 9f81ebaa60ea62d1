// The reader of model files: what it takes from a good one, and the cause it names for each fault. Files are written here
// field by field, with the numbers of sentencepiece_model.proto (release 0.1.97).
#include "verify/text/sentencepiece_model.h"

#include <bit>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include <doctest/doctest.h>
#include <sentencepiece_processor.h>

namespace verdigris::verify {
namespace {

using namespace std::string_literals;

std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  return out + static_cast<char>(value);
}
std::string Number(uint32_t field, uint64_t value) { return Varint(field << 3) + Varint(value); }
std::string Bytes(uint32_t field, const std::string& bytes) { return Varint(field << 3 | 2) + Varint(bytes.size()) + bytes; }
std::string Float(uint32_t field, float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  std::string out = Varint(field << 3 | 5);
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(bits >> shift));
  return out;
}

enum : uint64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
enum : uint64_t { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };

std::string PieceOf(const std::string& text, uint64_t type = kNormal, float score = -1) {
  return Bytes(1, Bytes(1, text) + Float(2, score) + Number(3, type));
}
std::string Type(uint64_t type) { return Bytes(2, Number(3, type)); }

const std::string kUnk = PieceOf("<unk>", kUnknown);
const std::string kSmall = kUnk + PieceOf("a") + PieceOf("b");

std::string AllBytePieces() {
  std::string out;
  for (int i = 0; i < 256; ++i) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", i);
    out += PieceOf(text, kByte);
  }
  return out;
}

// "kind: message", or "" where the model is accepted; an accepted one must also load in libsentencepiece as written.
std::string Cause(const std::string& file) {
  const auto model = ReadSentencePieceModel(file);
  if (!model) return std::string(ErrorClass(model.error().kind)) + ": " + model.error().message;
  sentencepiece::SentencePieceProcessor processor;
  CHECK(processor.LoadFromSerializedProto(WriteSentencePieceModel(*model)).ok());
  return "";
}

TEST_CASE("a good model is read: pieces, switches, and the defaults of what is absent") {
  const auto small = ReadSentencePieceModel(kSmall);
  REQUIRE(small.has_value());
  CHECK(small->type == ModelType::kUnigram);
  REQUIRE(small->pieces.size() == 3);
  CHECK(small->pieces[1].text == "a");
  CHECK(small->pieces[1].score == -1);
  CHECK(small->unknown_id == 0);
  CHECK_FALSE(small->byte_fallback);
  CHECK_FALSE(small->treat_whitespace_as_suffix);
  CHECK(small->unknown_surface == " \xE2\x81\x87 ");
  CHECK(small->normalizer.add_dummy_prefix);
  CHECK(small->normalizer.remove_extra_whitespaces);
  CHECK(small->normalizer.escape_whitespaces);

  const std::string file = PieceOf("a", kNormal, -7.5f) + Bytes(3, Number(3, 0) + Number(4, 0) + Number(5, 0)) +
                           Bytes(2, Number(3, kBpe) + Number(24, 1) + Number(35, 1) + Bytes(44, "?")) + kUnk + AllBytePieces();
  const auto full = ReadSentencePieceModel(file);
  REQUIRE(full.has_value());
  CHECK(full->type == ModelType::kBpe);
  CHECK(full->pieces[0].score == -7.5f);
  CHECK(full->pieces[257].type == PieceType::kByte);
  CHECK(full->unknown_id == 1);
  CHECK(full->byte_fallback);
  CHECK(full->treat_whitespace_as_suffix);
  CHECK(full->unknown_surface == "?");
  CHECK_FALSE(full->normalizer.add_dummy_prefix);
  CHECK_FALSE(full->normalizer.remove_extra_whitespaces);
  CHECK_FALSE(full->normalizer.escape_whitespaces);
}

TEST_CASE("fields are read as protobuf reads them: last one counts, sub-messages merge, unknown ones are skipped") {
  const std::string file = Bytes(1, Bytes(1, "x") + Bytes(1, "<unk>") + Number(3, kNormal) + Number(3, kUnknown)) +
                           Bytes(1, Bytes(1, "a") + Number(3, kUserDefined) + Number(3, 99)) +      // an unknown type is no type
                           Bytes(1, Bytes(1, "b") + Number(2, 5) + Bytes(3, "zz")) +                // wrong wire types
                           Bytes(2, Number(3, kBpe) + Number(35, 1)) + Bytes(2, Number(35, 0)) +    // merged: still BPE, no fallback
                           Bytes(200, "extension") + Number(17, 1) + Float(18, 1) + Varint(19 << 3 | 1) + "8 bytes."s +
                           Bytes(4, Bytes(1, Bytes(1, "a") + Bytes(2, "a self-test that would fail")));
  const auto model = ReadSentencePieceModel(file);
  REQUIRE(model.has_value());
  CHECK(model->pieces[0].text == "<unk>");
  CHECK(model->pieces[0].type == PieceType::kUnknown);
  CHECK(model->pieces[1].type == PieceType::kUserDefined);
  CHECK(model->pieces[2].score == 0);
  CHECK(model->type == ModelType::kBpe);
  CHECK_FALSE(model->byte_fallback);
  // The library sees neither the self-test nor the rest.
  sentencepiece::SentencePieceProcessor processor;
  CHECK(processor.LoadFromSerializedProto(WriteSentencePieceModel(*model)).ok());
}

TEST_CASE("each fault of a model file is refused with its cause") {
  const float infinity = std::numeric_limits<float>::infinity();
  std::string nest64, nest65, nest_apart;
  for (size_t n = 1; n <= 65; ++n) {
    (n <= 64 ? nest64 : nest65) += PieceOf(std::string(n, 'u'), kUserDefined);
    nest_apart += PieceOf(std::string(n, 'u'), kUserDefined) + PieceOf(std::string(n, 'u') + "a", n % 2 != 0 ? kUserDefined : kNormal);
  }
  std::string unused_2048, unused_2049;
  for (size_t n = 2; n <= 2050; ++n) (n < 2050 ? unused_2048 : unused_2049) += PieceOf(std::string(n, 'u'), kUnused);
  std::string without_7f = AllBytePieces();
  without_7f.replace(without_7f.find("<0x7F>"), 6, "<0x7E>");
  const std::string fallback = Bytes(2, Number(3, kBpe) + Number(35, 1));
  const std::string no_prefix = Bytes(3, Number(3, 0));

  struct Row {
    std::string cause;  // empty: accepted
    std::string file;
  };
  const std::string m = "malformed: SentencePiece model: ", l = "limit: SentencePiece model: ", u = "unsupported: SentencePiece model: ";
  const Row rows[] = {
      {"", kSmall},
      {m + "no pieces", ""},
      {m + "no pieces", Type(kBpe)},
      {m + "no unknown piece", PieceOf("a")},
      {m + "piece 3 is a second unknown piece", kSmall + PieceOf("<u>", kUnknown)},
      {m + "piece 3 is empty", kSmall + PieceOf("")},
      {m + "piece 3 is empty", kSmall + PieceOf("", kUserDefined)},
      {m + "piece 3 is empty", kSmall + Bytes(1, "")},
      // wire format
      {m + "a length that leaves its message at byte 40", kSmall + Varint(1 << 3 | 2) + Varint(1) },
      {m + "a length that leaves its message at byte 40", kSmall + Varint(1 << 3 | 2) + Varint(~uint64_t{0})},
      {m + "a length that leaves its message at byte 42", kSmall + Bytes(1, Varint(1 << 3 | 2) + Varint(2) + "x") + "yyyy"},
      {m + "a number that leaves its message at byte 40", kSmall + Varint(9 << 3 | 5) + "abc"},
      {m + "a number that leaves its message at byte 40", kSmall + Varint(9 << 3 | 1) + "abcdefg"},
      {m + "a number without end at byte 40", kSmall + Varint(9 << 3) + std::string(11, '\x80')},
      {m + "a number without end at byte 40", kSmall + Varint(9 << 3) + "\xFF"},
      {m + "no field number at byte 40", kSmall + "\0"s},
      {m + "no field number at byte 40", kSmall + Varint(uint64_t{1} << 40)},
      {m + "wire type 3 at byte 40", kSmall + Varint(9 << 3 | 3) + Varint(9 << 3 | 4)},
      {m + "wire type 7 at byte 40", kSmall + Varint(9 << 3 | 7)},
      // limits
      {"", Type(kBpe) + kSmall + PieceOf(std::string(65536, 'p'))},
      {l + "piece 3 has 65537 bytes, the limit is 65536", Type(kBpe) + kSmall + PieceOf(std::string(65537, 'p'))},
      {"", kSmall + PieceOf(std::string(8192, 'p'))},
      {l + "piece 3 has 8193 bytes, the limit of its type is 8192", kSmall + PieceOf(std::string(8193, 'p'))},
      {l + "piece 3 has 8193 bytes, the limit of its type is 8192", Type(kBpe) + kSmall + PieceOf(std::string(8193, 'p'), kUserDefined)},
      {l + "unk_surface has 1025 bytes, the limit is 1024", kSmall + Bytes(2, Bytes(44, std::string(1025, '?')))},
      // scores
      {m + "piece 3: its score is not a finite number", kSmall + PieceOf("x", kNormal, infinity)},
      {m + "piece 3: its score is not a finite number", kSmall + PieceOf("x", kNormal, -infinity)},
      {m + "piece 3: its score is not a finite number", kSmall + PieceOf("x", kControl, std::nanf(""))},
      {"", kSmall + PieceOf("x", kNormal, std::numeric_limits<float>::lowest())},
      // texts
      {m + "piece 3 is piece 1 again", kSmall + PieceOf("a", kUnused)},
      {m + "piece 3 is piece 0 again", kSmall + PieceOf("<unk>", kControl)},
      {"", kSmall + PieceOf("a", kControl)},  // unigram: the two live in different maps
      {m + "no ordinary piece", kUnk + PieceOf("<s>", kControl)},
      {u + "piece 3 holds a NUL", kSmall + PieceOf("x\0y"s)},
      {u + "piece 3 holds a NUL", Type(kBpe) + kSmall + PieceOf("\0"s, kUserDefined)},
      {"", Type(kBpe) + kSmall + PieceOf("x\0y"s)},
      // byte pieces
      {m + "piece 3 is a byte piece, in a model without byte fallback", kSmall + PieceOf("<0x00>", kByte)},
      {"", fallback + kSmall + AllBytePieces()},
      {m + "byte fallback without a piece for byte 0", fallback + kSmall},
      {m + "byte fallback without a piece for byte 127", fallback + kSmall + without_7f},
      {m + "byte fallback without a piece for byte 1", fallback + kSmall + PieceOf("<0x00>", kByte)},
      {m + "piece 3 is a byte piece, but not <0x00> to <0xFF>", fallback + kSmall + PieceOf("<0xaa>", kByte)},
      {m + "piece 3 is a byte piece, but not <0x00> to <0xFF>", fallback + kSmall + PieceOf("<0x100>", kByte)},
      // what crashes the library
      {u + "model type 0", kSmall + Type(0)},
      {u + "model type 5", kSmall + Type(5)},
      {"", Type(kBpe) + kSmall + nest64},
      {u + "more than 64 user-defined pieces that begin each other", Type(kBpe) + kSmall + nest64 + nest65},
      {u + "more than 64 user-defined pieces that begin each other", Type(kBpe) + kSmall + nest_apart},
      {"", Type(kBpe) + kSmall + unused_2048},
      {u + "unused pieces of 2049 lengths, the limit is 2048", Type(kBpe) + kSmall + unused_2048 + unused_2049},
      {m.substr(0, 11) + "character map: a trie of 5 bytes in a map of 14", kSmall + Bytes(3, Bytes(2, "\5\0\0\0aaaaaaaaa\0"s))},
      {m.substr(0, 11) + "character map: a trie of 5 bytes in a map of 14", kSmall + Bytes(5, Bytes(2, "\5\0\0\0aaaaaaaaa\0"s))},
      // control pieces that a text can spell
      {u + "piece 3 is a control piece that ordinary text can spell", Type(kBpe) + kSmall + PieceOf("x", kControl)},
      {u + "piece 3 is a control piece that ordinary text can spell", Type(kChar) + kSmall + PieceOf("\xE3\x81\x82", kControl)},
      {u + "piece 3 is a control piece that ordinary text can spell", Type(kChar) + kSmall + PieceOf("\xE3\x81", kControl)},
      {u + "piece 3 is a control piece that ordinary text can spell", Type(kBpe) + kSmall + PieceOf("<s>", kControl) + PieceOf("<s>", kUnused)},
      {"", Type(kBpe) + kSmall + PieceOf("<s>", kControl)},
      {"", Type(kChar) + kSmall + PieceOf("<s>", kControl)},
      {"", Type(kWord) + kSmall + PieceOf("<s>", kControl)},
      {u + "piece 3 is a control piece that ordinary text can spell", Type(kWord) + kSmall + PieceOf("\xE2\x96\x81s", kControl)},
      {u + "piece 3 is a control piece that ordinary text can spell", no_prefix + Type(kWord) + kSmall + PieceOf("<s>", kControl)},
  };
  for (const Row& row : rows) {
    CAPTURE(row.cause);
    CHECK(Cause(row.file) == row.cause);
  }
}

TEST_CASE("the refused control pieces are those for which libsentencepiece fails on a text") {
  // Control for the unsupported rows above: without the check, Encode would have an error to give.
  sentencepiece::SentencePieceProcessor processor;
  REQUIRE(processor.LoadFromSerializedProto(Type(kBpe) + kSmall + PieceOf("x", kControl)).ok());
  std::vector<int> ids;
  CHECK(processor.Encode("ab", &ids).ok());
  CHECK_FALSE(processor.Encode("axb", &ids).ok());
}

TEST_CASE("files over 64 MiB and more than 2^24 pieces are limits") {
  CHECK(Cause(std::string(kMaxModelBytes + 1, '\0')) == "limit: SentencePiece model: 67108865 bytes, the limit is 64 MiB");
  std::string many;
  many.reserve(kMaxModelBytes);
  for (size_t i = 0; i <= size_t{1} << 24; ++i) many += "\x0A\x00"s;  // empty pieces: counted before they are looked at
  CHECK(Cause(many) == "limit: SentencePiece model: more than 16777216 pieces");
}

void CheckWrittenIsTheSame(const SentencePieceModel& model) {
  const std::string written = WriteSentencePieceModel(model);
  const auto again = ReadSentencePieceModel(written);
  REQUIRE(again.has_value());
  REQUIRE(again->pieces.size() == model.pieces.size());
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    CHECK(again->pieces[i].text == model.pieces[i].text);
    CHECK(again->pieces[i].score == model.pieces[i].score);
    CHECK(again->pieces[i].type == model.pieces[i].type);
  }
  CHECK(again->type == model.type);
  CHECK(again->unknown_id == model.unknown_id);
  CHECK(again->byte_fallback == model.byte_fallback);
  CHECK(again->treat_whitespace_as_suffix == model.treat_whitespace_as_suffix);
  CHECK(again->unknown_surface == model.unknown_surface);
  auto same_rules = [](const NormalizerRules& a, const NormalizerRules& b) {
    CHECK(a.character_map_bytes == b.character_map_bytes);
    CHECK(a.add_dummy_prefix == b.add_dummy_prefix);
    CHECK(a.remove_extra_whitespaces == b.remove_extra_whitespaces);
    CHECK(a.escape_whitespaces == b.escape_whitespaces);
  };
  same_rules(again->normalizer, model.normalizer);
  if (!model.denormalizer.character_map_bytes.empty()) same_rules(again->denormalizer, model.denormalizer);
}

TEST_CASE("a written model reads back as it was, with every switch away from its default") {
  std::ifstream in(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_unigram.model", std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  const auto model = ReadSentencePieceModel(file);
  REQUIRE(model.has_value());
  CheckWrittenIsTheSame(*model);

  const std::string map(model->normalizer.character_map_bytes);
  for (uint32_t off : {3u, 4u, 5u}) {
    CAPTURE(off);
    const std::string other = PieceOf("a") + kUnk + AllBytePieces() + Bytes(2, Number(3, kBpe) + Number(24, 1) + Number(35, 1) + Bytes(44, "?")) +
                              Bytes(3, Number(off, 0)) + Bytes(5, Bytes(2, map) + Number(off, 0));
    const auto read = ReadSentencePieceModel(other);
    REQUIRE(read.has_value());
    CHECK(read->treat_whitespace_as_suffix);
    CHECK(read->normalizer.remove_extra_whitespaces == (off != 4));
    CheckWrittenIsTheSame(*read);
  }
}

}  // namespace
}  // namespace verdigris::verify
