// Reading the wire format of protobuf by hand, with its own rules: fields in any order, a scalar given twice counts as last
// given, a sub-message given twice is merged, unknown fields and unknown types of pieces are skipped. Groups (wire types 3
// and 4, deprecated since proto2) are refused, so nothing recurses. Field numbers: sentencepiece_model.proto 0.1.97.
//
// Then the checks that libsentencepiece 0.1.97 does not do. It does, with these models:
//   read outside of memory      a bad character map (character_map.cc); more than 64 user-defined pieces that begin each other
//                               (PrefixMatcher::PrefixMatch, an array of 64 on the stack)
//   use a null pointer          a model type it does not know (ModelFactory::Create)
//   overflow the stack          long pieces in a trie, built by recursion over bytes (darts-clone); nested unused pieces, cut by
//                               recursion (bpe::Model::SampleEncode)
//   throw or cut a piece short  NUL in a piece of a trie (keys end at NUL there)
//   give an error for a text    a control piece that some text spells (PopulateSentencePieceText does not count its bytes);
//                               these models are kUnsupported, since Encode must not fail whatever the bytes
//   run what the file says      self-tests: encoded at load, of any size; not handed on
// It checks the rest by itself (duplicates, unknown piece, byte pieces); we do so first, to give the cause and the place.
// Tested by tests/verify/text/sentencepiece_model_test.cc and tests/fuzz/fuzz_sentencepiece_model.cc.
#include "verify/text/sentencepiece_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

namespace verdigris::verify {
namespace {

constexpr size_t kMaxPieces = size_t{1} << 24;
constexpr size_t kMaxPieceBytes = 65536;
constexpr size_t kMaxTriePieceBytes = 8192;   // a frame of darts-clone's recursion is about 100 bytes, more without optimiser
constexpr size_t kMaxNestedUnused = 2048;     // frames of std::function
constexpr size_t kMaxNestedUserDefined = 64;  // PrefixMatcher::kResultSize
constexpr size_t kMaxSurfaceBytes = 1024;

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

Unexpected Malformed(const std::string& cause) { return Fail(ErrorKind::kMalformed, "SentencePiece model: " + cause); }
Unexpected Unsupported(const std::string& cause) { return Fail(ErrorKind::kUnsupported, "SentencePiece model: " + cause); }
Unexpected Limit(const std::string& cause) { return Fail(ErrorKind::kLimit, "SentencePiece model: " + cause); }

struct Field {
  uint32_t number;
  WireType type;
  uint64_t value;          // varint, fixed64, fixed32
  std::string_view bytes;  // kBytes
};

// Walks the fields of one message that lies in the file.
class Fields {
 public:
  Fields(std::string_view message, std::string_view file) : message_(message), file_(file) {}

  bool done() const { return at_ == message_.size(); }

  Result<Field> Next() {
    const size_t start = at_;
    Field field{};
    uint64_t tag = 0;
    if (!Varint(tag) || tag > UINT32_MAX || tag >> 3 == 0) return Bad("no field number", start);
    field.number = static_cast<uint32_t>(tag >> 3);
    field.type = static_cast<WireType>(tag & 7);
    switch (field.type) {
      case kVarint:
        if (!Varint(field.value)) return Bad("a number without end", start);
        return field;
      case kFixed64:
      case kFixed32: {
        const size_t size = field.type == kFixed64 ? 8 : 4;
        if (message_.size() - at_ < size) return Bad("a number that leaves its message", start);
        for (size_t i = 0; i < size; ++i) field.value |= uint64_t{Byte(at_ + i)} << (8 * i);
        at_ += size;
        return field;
      }
      case kBytes: {
        uint64_t size = 0;
        if (!Varint(size) || size > message_.size() - at_) return Bad("a length that leaves its message", start);
        field.bytes = message_.substr(at_, size);
        at_ += size;
        return field;
      }
    }
    return Bad("wire type " + std::to_string(tag & 7), start);
  }

 private:
  uint8_t Byte(size_t i) const { return static_cast<uint8_t>(message_[i]); }

  bool Varint(uint64_t& out) {
    out = 0;
    for (int shift = 0; shift < 70 && at_ < message_.size(); shift += 7) {
      const uint64_t byte = Byte(at_++);
      out |= shift == 63 ? byte << 63 : (byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  Unexpected Bad(const std::string& what, size_t start) const {
    const auto place = static_cast<size_t>(message_.data() - file_.data()) + start;
    return Malformed(what + " at byte " + std::to_string(place));
  }

  std::string_view message_;
  std::string_view file_;
  size_t at_ = 0;
};

// Calls `use` for each field; it ignores those it does not know.
Result<void> ForEachField(std::string_view message, std::string_view file, const std::function<Result<void>(const Field&)>& use) {
  Fields fields(message, file);
  while (!fields.done()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const Field field, fields.Next());
    VERDIGRIS_RETURN_IF_ERROR(use(field));
  }
  return {};
}

bool Is(const Field& field, uint32_t number, WireType type) { return field.number == number && field.type == type; }

Result<Piece> ReadPiece(std::string_view message, std::string_view file) {
  Piece piece;
  VERDIGRIS_RETURN_IF_ERROR(ForEachField(message, file, [&](const Field& field) -> Result<void> {
    if (Is(field, 1, kBytes)) piece.text = field.bytes;
    if (Is(field, 2, kFixed32)) piece.score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
    if (Is(field, 3, kVarint)) {
      const auto type = static_cast<uint32_t>(field.value);
      if (type >= 1 && type <= 6) piece.type = static_cast<PieceType>(type);
    }
    return {};
  }));
  return piece;
}

Result<void> ReadTrainer(std::string_view message, std::string_view file, SentencePieceModel& model) {
  return ForEachField(message, file, [&](const Field& field) -> Result<void> {
    if (Is(field, 3, kVarint)) {
      const auto type = static_cast<uint32_t>(field.value);
      if (type < 1 || type > 4) return Unsupported("model type " + std::to_string(type));
      model.type = static_cast<ModelType>(type);
    }
    if (Is(field, 24, kVarint)) model.treat_whitespace_as_suffix = field.value != 0;
    if (Is(field, 35, kVarint)) model.byte_fallback = field.value != 0;
    if (Is(field, 44, kBytes)) model.unknown_surface = field.bytes;
    return {};
  });
}

Result<void> ReadRules(std::string_view message, std::string_view file, NormalizerRules& rules) {
  return ForEachField(message, file, [&](const Field& field) -> Result<void> {
    if (Is(field, 2, kBytes)) rules.character_map_bytes = field.bytes;
    if (Is(field, 3, kVarint)) rules.add_dummy_prefix = field.value != 0;
    if (Is(field, 4, kVarint)) rules.remove_extra_whitespaces = field.value != 0;
    if (Is(field, 5, kVarint)) rules.escape_whitespaces = field.value != 0;
    return {};
  });
}

std::string Name(size_t id) { return "piece " + std::to_string(id); }

bool IsReserved(PieceType type) {
  return type == PieceType::kUnknown || type == PieceType::kControl || type == PieceType::kByte;
}

// The library's OneCharLen: bytes that it takes as one character for this first byte.
size_t CharacterBytes(char first) {
  const auto byte = static_cast<uint8_t>(first);
  return byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
}

Result<void> CheckEachPiece(SentencePieceModel& model) {
  size_t unknown_pieces = 0;
  std::vector<bool> bytes_seen(256, false);
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const Piece& piece = model.pieces[id];
    if (piece.text.empty()) return Malformed(Name(id) + " is empty");
    if (piece.text.size() > kMaxPieceBytes) return Limit(Name(id) + " has " + std::to_string(piece.text.size()) + " bytes, the limit is 65536");
    if (!std::isfinite(piece.score)) return Malformed(Name(id) + ": its score is not a finite number");
    const bool in_trie = piece.type == PieceType::kUserDefined || (model.type == ModelType::kUnigram && !IsReserved(piece.type));
    if (in_trie && piece.text.find('\0') != std::string_view::npos) return Unsupported(Name(id) + " holds a NUL");
    if (in_trie && piece.text.size() > kMaxTriePieceBytes) {
      return Limit(Name(id) + " has " + std::to_string(piece.text.size()) + " bytes, the limit of its type is 8192");
    }
    if (piece.type == PieceType::kUnknown) {
      if (++unknown_pieces > 1) return Malformed(Name(id) + " is a second unknown piece");
      model.unknown_id = static_cast<uint32_t>(id);
    }
    if (piece.type == PieceType::kByte) {
      if (!model.byte_fallback) return Malformed(Name(id) + " is a byte piece, in a model without byte fallback");
      const int byte = ByteOfPiece(piece.text);
      if (byte < 0) return Malformed(Name(id) + " is a byte piece, but not <0x00> to <0xFF>");
      bytes_seen[static_cast<size_t>(byte)] = true;
    }
  }
  if (unknown_pieces == 0) return Malformed("no unknown piece");
  const auto missing = std::find(bytes_seen.begin(), bytes_seen.end(), false) - bytes_seen.begin();
  if (model.byte_fallback && missing < 256) return Malformed("byte fallback without a piece for byte " + std::to_string(missing));
  return {};
}

// The ids for which `wanted` holds, by text, then id.
template <class Wanted>
std::vector<uint32_t> ByText(const SentencePieceModel& model, Wanted wanted) {
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < model.pieces.size(); ++id) {
    if (wanted(model.pieces[id])) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end(), [&](uint32_t a, uint32_t b) {
    const int order = model.pieces[a].text.compare(model.pieces[b].text);
    return order != 0 ? order < 0 : a < b;
  });
  return ids;
}

// Most of the pieces `ids` (by text) that are the beginning of one text: the deepest stack of beginnings.
size_t DeepestNest(const SentencePieceModel& model, const std::vector<uint32_t>& ids) {
  std::vector<std::string_view> nest;
  size_t deepest = 0;
  for (uint32_t id : ids) {
    const std::string_view text = model.pieces[id].text;
    while (!nest.empty() && !text.starts_with(nest.back())) nest.pop_back();
    nest.push_back(text);
    deepest = std::max(deepest, nest.size());
  }
  return deepest;
}

// The library keeps ordinary and reserved pieces in two maps; a text may be in both, which costs control pieces their place.
Result<void> CheckTexts(const SentencePieceModel& model) {
  const auto ordinary = ByText(model, [](const Piece& p) { return !IsReserved(p.type); });
  const auto reserved = ByText(model, [](const Piece& p) { return IsReserved(p.type); });
  auto text = [&](uint32_t id) { return model.pieces[id].text; };
  for (const auto* ids : {&ordinary, &reserved}) {
    const auto twice = std::adjacent_find(ids->begin(), ids->end(), [&](uint32_t a, uint32_t b) { return text(a) == text(b); });
    if (twice != ids->end()) return Malformed(Name(twice[1]) + " is piece " + std::to_string(twice[0]) + " again");
  }
  if (model.type == ModelType::kUnigram && ordinary.empty()) return Malformed("no ordinary piece");

  const auto user_defined = ByText(model, [](const Piece& p) { return p.type == PieceType::kUserDefined; });
  if (DeepestNest(model, user_defined) > kMaxNestedUserDefined) return Unsupported("more than 64 user-defined pieces that begin each other");

  // Can a text spell a control piece? Unigram models take ids from the trie of ordinary pieces, so never there.
  const NormalizerRules& rules = model.normalizer;
  const bool words_begin_with_a_space = rules.add_dummy_prefix && rules.escape_whitespaces && !model.treat_whitespace_as_suffix;
  for (uint32_t id : reserved) {
    if (model.pieces[id].type != PieceType::kControl || model.type == ModelType::kUnigram) continue;
    bool spelled = false;
    if (model.type == ModelType::kWord) {
      spelled = !words_begin_with_a_space || text(id).starts_with("\xE2\x96\x81");
    } else {
      const auto like = std::lower_bound(ordinary.begin(), ordinary.end(), text(id), [&](uint32_t a, std::string_view b) { return text(a) < b; });
      spelled = text(id).size() <= CharacterBytes(text(id)[0]) || (like != ordinary.end() && text(*like) == text(id));
    }
    if (spelled) return Unsupported(Name(id) + " is a control piece that ordinary text can spell");
  }
  return {};
}

// An unused piece is cut again into the two it was merged of, by recursion: as deep as unused pieces lie in each other.
// Their number with distinct lengths bounds that depth.
Result<void> CheckUnused(const SentencePieceModel& model) {
  if (model.type != ModelType::kBpe) return {};
  std::vector<bool> lengths(kMaxPieceBytes + 1, false);
  for (const Piece& piece : model.pieces) {
    if (piece.type == PieceType::kUnused) lengths[piece.text.size()] = true;
  }
  const auto depth = static_cast<size_t>(std::count(lengths.begin(), lengths.end(), true));
  if (depth > kMaxNestedUnused) return Unsupported("unused pieces of " + std::to_string(depth) + " lengths, the limit is 2048");
  return {};
}

}  // namespace

int ByteOfPiece(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const size_t high = kDigits.find(text[3]), low = kDigits.find(text[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return -1;
  return static_cast<int>(16 * high + low);
}

Result<SentencePieceModel> ReadSentencePieceModel(std::string_view file) {
  if (file.size() > kMaxModelBytes) return Limit(std::to_string(file.size()) + " bytes, the limit is 64 MiB");
  SentencePieceModel model;
  VERDIGRIS_RETURN_IF_ERROR(ForEachField(file, file, [&](const Field& field) -> Result<void> {
    if (field.type != kBytes) return {};
    if (field.number == 1) {
      if (model.pieces.size() == kMaxPieces) return Limit("more than 16777216 pieces");
      VERDIGRIS_ASSIGN_OR_RETURN(Piece piece, ReadPiece(field.bytes, file));
      model.pieces.push_back(piece);
    }
    if (field.number == 2) return ReadTrainer(field.bytes, file, model);
    if (field.number == 3) return ReadRules(field.bytes, file, model.normalizer);
    if (field.number == 5) return ReadRules(field.bytes, file, model.denormalizer);
    return {};
  }));
  if (model.pieces.empty()) return Malformed("no pieces");
  if (model.unknown_surface.size() > kMaxSurfaceBytes) return Limit("unk_surface has " + std::to_string(model.unknown_surface.size()) + " bytes, the limit is 1024");
  VERDIGRIS_RETURN_IF_ERROR(CheckEachPiece(model));
  VERDIGRIS_RETURN_IF_ERROR(CheckTexts(model));
  VERDIGRIS_RETURN_IF_ERROR(CheckUnused(model));
  for (NormalizerRules* rules : {&model.normalizer, &model.denormalizer}) {
    VERDIGRIS_ASSIGN_OR_RETURN(rules->character_map, ReadCharacterMap(rules->character_map_bytes));
  }
  return model;
}

namespace {

void PutVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void PutNumber(std::string& out, uint32_t field, uint64_t value) {
  PutVarint(out, uint64_t{field} << 3 | kVarint);
  PutVarint(out, value);
}

void PutBytes(std::string& out, uint32_t field, std::string_view bytes) {
  PutVarint(out, uint64_t{field} << 3 | kBytes);
  PutVarint(out, bytes.size());
  out.append(bytes);
}

std::string WriteRules(const NormalizerRules& rules) {
  std::string out;
  if (!rules.character_map_bytes.empty()) PutBytes(out, 2, rules.character_map_bytes);
  PutNumber(out, 3, rules.add_dummy_prefix);
  PutNumber(out, 4, rules.remove_extra_whitespaces);
  PutNumber(out, 5, rules.escape_whitespaces);
  return out;
}

}  // namespace

std::string WriteSentencePieceModel(const SentencePieceModel& model) {
  std::string out, part;
  for (const Piece& piece : model.pieces) {
    part.clear();
    PutBytes(part, 1, piece.text);
    PutVarint(part, 2 << 3 | kFixed32);
    const auto score = std::bit_cast<uint32_t>(piece.score);
    for (int shift = 0; shift < 32; shift += 8) part.push_back(static_cast<char>(score >> shift));
    PutNumber(part, 3, static_cast<uint64_t>(piece.type));
    PutBytes(out, 1, part);
  }
  part.clear();
  PutNumber(part, 3, static_cast<uint64_t>(model.type));
  PutNumber(part, 24, model.treat_whitespace_as_suffix);
  PutNumber(part, 35, model.byte_fallback);
  PutBytes(part, 44, model.unknown_surface);
  PutBytes(out, 2, part);
  PutBytes(out, 3, WriteRules(model.normalizer));
  if (!model.denormalizer.character_map_bytes.empty()) PutBytes(out, 5, WriteRules(model.denormalizer));
  return out;
}

}  // namespace verdigris::verify
