// A checking reader for SentencePiece model files (`.model`, a protobuf message), which come from anywhere.
//
// Every model passes it before libsentencepiece sees a byte, and what the library is given is written anew from what was
// read here (WriteSentencePieceModel): so the two cannot understand one file differently, and parts that nobody needs
// (training options, self-tests that run at load) never reach it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "verify/text/character_map.h"
#include "watermark/result.h"

namespace verdigris::verify {

enum class ModelType : uint8_t { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };
enum class PieceType : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct Piece {
  std::string_view text;
  float score = 0;
  PieceType type = PieceType::kNormal;
};

struct NormalizerRules {
  std::string_view character_map_bytes;
  CharacterMap character_map;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// What decides about ids, and about decoding. Views lie in the file's bytes, which must outlive it.
struct SentencePieceModel {
  ModelType type = ModelType::kUnigram;
  std::vector<Piece> pieces;  // id = index
  uint32_t unknown_id = 0;
  bool byte_fallback = false;
  bool treat_whitespace_as_suffix = false;
  std::string_view unknown_surface = " \xE2\x81\x87 ";
  NormalizerRules normalizer;
  NormalizerRules denormalizer;  // of Decode; only its character map may be there
};

inline constexpr size_t kMaxModelBytes = size_t{64} << 20;

// Errors   kLimit: the file, the number of pieces, the length of one. kMalformed: a length that leaves the file, and all
//          that would let libsentencepiece 0.1.97 crash, loop or fail on some text; the message has the cause and the
//          piece or place. kUnsupported: models whose library gives an error for some texts (named in the .cc).
// Cost     n log n in the pieces, no recursion, memory within a small multiple of the file.
Result<SentencePieceModel> ReadSentencePieceModel(std::string_view file);

// The value of a byte piece, "<0x41>", or -1.
int ByteOfPiece(std::string_view text);

// The same model as a file of the fewest fields.
std::string WriteSentencePieceModel(const SentencePieceModel& model);

}  // namespace verdigris::verify
