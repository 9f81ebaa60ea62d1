// The fast way through SentencePiece models: normalise, cut, and encode each segment, with a cache from a segment to its pieces.
#pragma once

#include <array>
#include <memory>

#include "verify/text/piece_segments.h"
#include "verify/text/segment_cache.h"
#include "verify/text/sentencepiece_normalizer.h"
#include "verify/text/tokenizer.h"

namespace verdigris::verify {

// Immutable. Gives what EncodeAsImmutableProto of libsentencepiece 0.1.97 gives, whatever the bytes of the document.
class FastSentencePiece {
 public:
  // Precondition: PieceSegments::Eligible(model). `cache_bytes`: memory of each Scratch for segments met before, 0 for none.
  FastSentencePiece(const SentencePieceModel& model, size_t cache_bytes);
  FastSentencePiece(const FastSentencePiece&) = delete;  // its parts hold on to each other
  FastSentencePiece& operator=(const FastSentencePiece&) = delete;

  // Precondition: at most kMaxDocumentBytes. Memory: at most 64 bytes for each of the document, `out` among them, and the cache.
  void Encode(std::string_view document, Scratch& scratch, std::vector<Token>& out) const;

  const PieceSegments& segments() const { return segments_; }
  const SentencePieceNormalizer& normalizer() const { return normalizer_; }

  // How many segments a scratch of this tokenizer was asked for, and how many its cache did not serve.
  struct Counts {
    uint64_t segments = 0, missed = 0;
  };
  Counts CountsOf(const Scratch& scratch) const;

 private:
  struct State;
  template <bool kUnigram>
  class Run;

  bool byte_fallback_;
  std::array<uint32_t, 256> byte_ids_{};
  size_t cache_bytes_;
  PieceTrie user_defined_;
  SentencePieceNormalizer normalizer_;
  PieceSegments segments_;
  std::shared_ptr<const char> identity_ = std::make_shared<const char>('\0');
};

}  // namespace verdigris::verify
