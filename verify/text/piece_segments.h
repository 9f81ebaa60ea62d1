// The pieces of a SentencePiece model over normalised text: where it may be cut, and the pieces of a segment between two cuts.
#pragma once

#include <bitset>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "verify/text/merge.h"
#include "verify/text/piece_trie.h"
#include "verify/text/sentencepiece_model.h"
#include "verify/text/token_table.h"

namespace verdigris::verify {

// A character of well-formed UTF-8 as one number: its bytes, the first one highest.
using PackedCharacter = uint32_t;
inline constexpr PackedCharacter kSpaceSymbol = 0xE29681;  // U+2581, a space in normalised text
inline PackedCharacter Pack(std::string_view character) {
  PackedCharacter packed = 0;
  for (const char c : character) packed = packed << 8 | static_cast<uint8_t>(c);
  return packed;
}

// A piece and where it ends, in bytes of the segment.
struct SegmentPiece {
  uint32_t id;
  uint32_t end;
};

// Immutable; needs the model's bytes no more once it is made.
class PieceSegments {
 public:
  // Buffers of one thread.
  struct Work {
    std::vector<uint32_t> ids, places, links;
    MergeHeap heap;
    struct Node {
      float best;
      uint32_t start, id, place;
    };
    std::vector<Node> nodes;
    struct ExactNode {
      double best, second;
      uint32_t start, id;
    };
    std::vector<ExactNode> exact;
  };

  // Whether a model of this kind is understood here: type BPE or unigram, spaces escaped and before their word, no unused piece (the
  // library keeps how one was merged for the whole document), pieces distinct, all well-formed UTF-8 without NUL.
  static bool Eligible(const SentencePieceModel& model);

  // Preconditions: Eligible(model); `user_defined` has the pieces of that type and outlives this.
  PieceSegments(const SentencePieceModel& model, const PieceTrie& user_defined);

  bool unigram() const { return unigram_; }
  uint32_t unknown_id() const { return unknown_id_; }

  // Whether no ordinary or user-defined piece has these neighbours inside: then no merge, no piece and no symbol goes across, and a
  // cut between them changes nothing, wherever else it is cut.
  bool CutIsExact(PackedCharacter left, PackedCharacter right) const;
  // The same between two of ASCII, and before each U+2581 that follows another character; these are faster.
  bool AsciiCutIsExact(uint8_t left, uint8_t right) const { return ascii_cuts_[static_cast<size_t>(left) << 7 | right]; }
  bool space_begins_segment() const { return space_begins_segment_; }

  // Replaces `out` by the pieces of a segment; ids are unknown_id() where there is none. Precondition: well-formed, not empty.
  void EncodeBpe(std::string_view segment, Work& work, std::vector<SegmentPiece>& out) const;

  // The same for unigram models, which choose between nearly equal ways by scores that are summed from the start of the document in
  // binary32: `sum` is that of what came before, and is advanced.
  void EncodeUnigram(std::string_view segment, float& sum, Work& work, std::vector<SegmentPiece>& out) const;
  // As EncodeUnigram, and into `from_zero` the way that is best from a sum of 0 without rounding. Returns the bound below which the
  // magnitude of a sum may be so that this way is surely taken; -1: never known.
  double EncodeUnigram(std::string_view segment, float& sum, Work& work, std::vector<SegmentPiece>& out, std::vector<SegmentPiece>& from_zero) const;
  // Of a piece that is not user-defined, or of the unknown one.
  float ScoreOf(uint32_t id) const { return scores_[id]; }

 private:
  template <bool kExact>
  bool Viterbi(std::string_view segment, float sum, Work& work) const;
  struct BpeSymbols;
  uint32_t Rank(uint32_t left, uint32_t right, std::string_view both) const;
  uint32_t Merged(uint32_t rank, std::string_view both) const;

  bool unigram_;
  uint32_t unknown_id_;
  bool space_begins_segment_ = true;
  std::bitset<16384> ascii_cuts_;
  const PieceTrie& user_defined_;
  SeededHash hash_;
  std::vector<uint64_t> pairs_;  // open addressing; 0 is free
  // BPE
  TokenTable pieces_;
  std::vector<uint32_t> ranks_;    // of each id: how many scores are higher
  std::vector<uint32_t> by_rank_;  // the only id of a rank, or kNoToken
  // unigram
  PieceTrie trie_;
  std::vector<float> scores_;
  std::vector<bool> is_user_defined_;
  float unknown_score_ = 0, highest_score_ = 0;
};

}  // namespace verdigris::verify
