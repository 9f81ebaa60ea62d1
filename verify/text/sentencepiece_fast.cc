// One pass: characters are normalised into a buffer until a cut; then what is there is a whole segment. Some segments wait until the
// cache's memory for them has come nearer; then their tokens are put out, and the buffer is empty again. So a document needs little
// memory unless it is one segment.
//
// Any choice of legal cuts gives the same ids. They are taken before U+2581 after another character, between characters of ASCII
// unless both are letters, and, since Chinese, Japanese or Thai have no spaces, beside characters of three or four bytes: so words are
// the segments, without their punctuation, and most were met before. Never inside a run of U+2581, which may be removed at the end of
// a text.
// Tested by tests/verify/text/sentencepiece_fast_test.cc.
#include "verify/text/sentencepiece_fast.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "watermark/json.h"  // Utf8SequenceLength

namespace verdigris::verify {
namespace {

constexpr std::string_view kSpaceBytes = "\xE2\x96\x81";

std::vector<std::pair<std::string_view, uint32_t>> UserDefined(const SentencePieceModel& model) {
  std::vector<std::pair<std::string_view, uint32_t>> out;
  for (uint32_t id = 0; id < model.pieces.size(); ++id) {
    if (model.pieces[id].type == PieceType::kUserDefined) out.emplace_back(model.pieces[id].text, id);
  }
  return out;
}

}  // namespace

struct FastSentencePiece::State final : Scratch::State {
  State(std::shared_ptr<const char> owner_of, size_t cache_bytes) : owner(std::move(owner_of)), cache(cache_bytes) {}
  std::shared_ptr<const char> owner;  // held, so that no later tokenizer can have its address
  SegmentCache cache;  // of segments: ids, for unigram models the two halves of the bound of sums; the end of each piece less one
  size_t room = 0;
  std::unique_ptr<char[]> text;      // of the segments that wait and of the one that grows
  std::unique_ptr<uint32_t[]> from;  // of each byte of it and of its end: place in the document
  PieceSegments::Work work;
  std::vector<SegmentPiece> pieces, known;
  Counts counts;
};

template <bool kUnigram>
class FastSentencePiece::Run {
 public:
  Run(const FastSentencePiece& of, std::string_view document, State& state, std::vector<Token>& out)
      : of_(of), segments_(of.segments_), document_(document), state_(state), out_(out), unknown_id_(segments_.unknown_id()) {
    Reserve(kFirstBuffer);
  }

  // The steps of libsentencepiece 0.1.97's Normalizer::Normalize.
  void Encode() {
    const SentencePieceNormalizer& normalizer = of_.normalizer_;
    const bool remove = normalizer.remove_extra_whitespaces();
    const size_t size = document_.size();
    size_t at = 0;
    while (remove && at < size) {
      const auto step = normalizer.Next(document_.substr(at));
      if (step.text != " ") break;
      at += step.bytes;
    }
    if (at == size) return;
    if (normalizer.add_dummy_prefix()) Space(at);
    bool after_space = remove;
    while (at < size) {
      const auto first = static_cast<uint8_t>(document_[at]);
      const bool plain = at + 1 < size && !normalizer.MayChange(first, static_cast<uint8_t>(document_[at + 1]));
      if (plain && first == ' ') {
        if (!after_space) Space(at);
        after_space = remove;
        ++at;
        continue;
      }
      const size_t length = plain ? Utf8SequenceLength(document_.substr(at, 4)) : 0;
      if (length > 0) {
        Character(document_.substr(at, length), at);
        after_space = false;
        at += length;
        // Letters of ASCII, the most of most texts.
        while (at + 1 < size && IsLetter(document_[at]) && !normalizer.MayChange(static_cast<uint8_t>(document_[at]), static_cast<uint8_t>(document_[at + 1]))) {
          if (!LetterGoesOn()) break;
          Reserve(1);
          Put(document_[at], at);
          previous_ = static_cast<uint8_t>(document_[at++]);
        }
        continue;
      }
      const auto step = normalizer.Next(document_.substr(at));
      std::string_view text = step.text;
      while (after_space && text.starts_with(' ')) text.remove_prefix(1);
      if (!text.empty()) after_space = remove && text.ends_with(' ');
      while (!text.empty()) {
        const size_t bytes = text[0] == ' ' ? 1 : std::max<size_t>(1, Utf8SequenceLength(text));
        if (text[0] == ' ') {
          Space(at);
        } else {
          Character(text.substr(0, bytes), at);
        }
        text.remove_prefix(bytes);
      }
      at += step.bytes;
    }
    size_t end = size;
    while (remove && size_ - begin_ >= 3 && std::string_view(text_, size_).ends_with(kSpaceBytes)) {
      size_ -= 3;
      end = from_[size_];
    }
    if (size_ > begin_) Segment(end);
    PutOutWaiting();
  }

 private:
  static constexpr size_t kFirstBuffer = 4096;
  static constexpr size_t kMostWaiting = 16;
  struct Waiting {
    size_t begin, end;  // in the buffer
    uint64_t hash;      // where the cache takes it
  };

  // Whether a letter of ASCII needs no cut before it: after another one, or after a space or a character of two bytes.
  bool LetterGoesOn() const { return previous_ < 0x80 ? IsLetter(static_cast<char>(previous_)) : !Wide(previous_); }
  static bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
  // Beside these each legal cut is taken.
  static bool Wide(PackedCharacter c) { return c >= 0xE0A080 && c != kSpaceSymbol; }

  // Room for so many bytes and the end.
  void Reserve(size_t bytes) {
    if (size_ + bytes < room_) return;
    if (size_ + bytes >= state_.room) {
      // Fourfold: the heap keeps what is outgrown, and pages that nothing was written to are not there.
      const size_t grown = std::max(size_ + bytes + 1, 4 * state_.room);
      const auto move = [&](auto& buffer) {
        auto larger = std::make_unique_for_overwrite<std::remove_reference_t<decltype(buffer[0])>[]>(grown);
        std::copy_n(buffer.get(), size_, larger.get());
        buffer = std::move(larger);
      };
      move(state_.text);
      move(state_.from);
      state_.room = grown;
    }
    room_ = state_.room;
    text_ = state_.text.get();
    from_ = state_.from.get();
  }
  void Put(char byte, size_t at) {
    text_[size_] = byte;
    from_[size_] = static_cast<uint32_t>(at);
    ++size_;
  }

  void Space(size_t at) { Character(kSpaceBytes, at); }

  void Character(std::string_view character, size_t at) {
    const PackedCharacter packed = Pack(character);
    if (size_ > begin_ && CutBefore(packed)) Segment(at);
    Reserve(character.size());
    for (const char byte : character) Put(byte, at);
    previous_ = packed;
  }

  bool CutBefore(PackedCharacter next) const {
    if (next == kSpaceSymbol) return previous_ != kSpaceSymbol && (segments_.space_begins_segment() || segments_.CutIsExact(previous_, next));
    if (next < 0x80 && previous_ < 0x80) return segments_.AsciiCutIsExact(static_cast<uint8_t>(previous_), static_cast<uint8_t>(next));
    return (Wide(next) || Wide(previous_)) && segments_.CutIsExact(previous_, next);
  }

  // What grew in the buffer is a segment; `end`: the place in the document of what follows it.
  void Segment(size_t end) {
    from_[size_] = static_cast<uint32_t>(end);
    Waiting& segment = waiting_[waiting_count_++] = {begin_, size_, 0};
    if (const std::string_view text = TextOf(segment); state_.cache.Takes(text)) {
      segment.hash = state_.cache.HashOf(text);
      state_.cache.FetchSlot(segment.hash);
    }
    begin_ = size_;
    if (waiting_count_ == kMostWaiting || size_ >= kFirstBuffer / 2) PutOutWaiting();
  }

  std::string_view TextOf(const Waiting& segment) const { return {text_ + segment.begin, segment.end - segment.begin}; }

  void PutOutWaiting() {
    const std::span<const Waiting> waiting(waiting_.data(), waiting_count_);
    for (const Waiting& segment : waiting) {
      if (state_.cache.Takes(TextOf(segment))) state_.cache.FetchEntry(segment.hash);
    }
    for (const Waiting& segment : waiting) PutOut(segment);
    waiting_count_ = size_ = begin_ = 0;
  }

  void PutOut(const Waiting& waiting) {
    const std::string_view segment = TextOf(waiting);
    first_ = waiting.begin;
    const size_t end = from_[waiting.end];
    ++state_.counts.segments;
    SegmentCache& cache = state_.cache;
    if (!cache.Takes(segment)) {
      ++state_.counts.missed;
      if constexpr (kUnigram) {
        segments_.EncodeUnigram(segment, sum_, state_.work, state_.pieces);
      } else {
        segments_.EncodeBpe(segment, state_.work, state_.pieces);
      }
      return PutOut(state_.pieces, end);
    }
    const SegmentCache::Entry entry = cache.Find(segment, waiting.hash);
    if (entry.words == nullptr) {
      ++state_.counts.missed;
      return Learn(segment, waiting.hash, end);
    }
    const size_t count = entry.word_count - kBoundWords;
    if constexpr (kUnigram) {
      const uint32_t* bound = entry.words + count;
      if (!(std::fabs(static_cast<double>(sum_)) < std::bit_cast<double>(static_cast<uint64_t>(bound[1]) << 32 | bound[0]))) {
        segments_.EncodeUnigram(segment, sum_, state_.work, state_.pieces);
        return PutOut(state_.pieces, end);
      }
      for (size_t i = 0; i < count; ++i) sum_ += segments_.ScoreOf(entry.words[i]);
    }
    Room(count, end);
    uint32_t begin = 0;
    for (size_t i = 0; i < count; ++i) {
      const uint32_t piece_end = entry.bytes[i] + uint32_t{1};
      PutOut(entry.words[i], begin, piece_end);
      begin = piece_end;
    }
  }

  void Learn(std::string_view segment, uint64_t hash, size_t end) {
    const std::vector<SegmentPiece>* known = &state_.pieces;
    double bound = 0;
    if constexpr (kUnigram) {
      bound = segments_.EncodeUnigram(segment, sum_, state_.work, state_.pieces, state_.known);
      known = &state_.known;
    } else {
      segments_.EncodeBpe(segment, state_.work, state_.pieces);
    }
    std::array<uint32_t, SegmentCache::kMaxWords> words;
    std::array<uint8_t, SegmentCache::kMaxBytes> ends;
    size_t count = 0;
    for (const SegmentPiece& piece : *known) {
      words[count] = piece.id;
      ends[count++] = static_cast<uint8_t>(piece.end - 1);
    }
    if constexpr (kUnigram) {
      const auto bits = std::bit_cast<uint64_t>(bound);
      words[count] = static_cast<uint32_t>(bits);
      words[count + 1] = static_cast<uint32_t>(bits >> 32);
    }
    state_.cache.Keep(segment, hash, {words.data(), count + kBoundWords}, {ends.data(), count});
    PutOut(state_.pieces, end);
  }

  void PutOut(const std::vector<SegmentPiece>& pieces, size_t end) {
    Room(pieces.size(), end);
    uint32_t begin = 0;
    for (const SegmentPiece& piece : pieces) {
      PutOut(piece.id, begin, piece.end);
      begin = piece.end;
    }
  }

  // A piece of the segment. As the library's PopulateSentencePieceText.
  void PutOut(uint32_t id, uint32_t begin, uint32_t end) {
    const uint32_t from = from_[first_ + begin], to = from_[first_ + end];
    if (id != unknown_id_) {
      out_.push_back({id, from, to});
      after_unknown_ = false;
    } else if (of_.byte_fallback_) {
      for (uint32_t i = begin; i < end; ++i) out_.push_back({of_.byte_ids_[static_cast<uint8_t>(text_[first_ + i])], from, from});
      out_.back().end = to;
    } else if (after_unknown_) {
      out_.back().end = to;
    } else {
      out_.push_back({id, from, to});
      after_unknown_ = true;
    }
  }

  // Where the tokens do not fit, as many as the whole document will have if it goes on so: doubling would take more memory.
  void Room(size_t pieces, size_t at) {
    const size_t needed = of_.byte_fallback_ ? 4 * pieces : pieces;
    if (out_.capacity() - out_.size() >= needed) return;
    const double whole = static_cast<double>(out_.size() + needed) * static_cast<double>(document_.size()) / static_cast<double>(std::max<size_t>(at, 1));
    out_.reserve(std::max(out_.size() + needed + out_.size() / 8, std::min(static_cast<size_t>(1.02 * whole) + 256, 3 * document_.size() + needed)));
  }

  static constexpr size_t kBoundWords = kUnigram ? 2 : 0;

  const FastSentencePiece& of_;
  const PieceSegments& segments_;
  const std::string_view document_;
  State& state_;
  std::vector<Token>& out_;
  const uint32_t unknown_id_;
  char* text_ = nullptr;
  uint32_t* from_ = nullptr;
  size_t room_ = 0;
  size_t size_ = 0;   // of the buffer so far
  size_t begin_ = 0;  // in it, of the segment that grows
  size_t first_ = 0;  // in it, of the segment that is put out
  std::array<Waiting, kMostWaiting> waiting_;
  size_t waiting_count_ = 0;
  PackedCharacter previous_ = 0;
  bool after_unknown_ = false;
  float sum_ = 0;  // of the scores so far
};

FastSentencePiece::FastSentencePiece(const SentencePieceModel& model, size_t cache_bytes)
    : byte_fallback_(model.byte_fallback), cache_bytes_(cache_bytes), user_defined_(UserDefined(model)), normalizer_(model, user_defined_), segments_(model, user_defined_) {
  for (uint32_t id = 0; id < model.pieces.size(); ++id) {
    if (model.pieces[id].type == PieceType::kByte) byte_ids_[static_cast<size_t>(ByteOfPiece(model.pieces[id].text))] = id;
  }
}

void FastSentencePiece::Encode(std::string_view document, Scratch& scratch, std::vector<Token>& out) const {
  out.clear();
  auto* state = dynamic_cast<State*>(scratch.state.get());
  if (state == nullptr || state->owner != identity_) {
    auto fresh = std::make_unique<State>(identity_, scratch.cache_bytes.value_or(cache_bytes_));
    state = fresh.get();
    scratch.state = std::move(fresh);
  }
  if (segments_.unigram()) {
    Run<true>(*this, document, *state, out).Encode();
  } else {
    Run<false>(*this, document, *state, out).Encode();
  }
}

FastSentencePiece::Counts FastSentencePiece::CountsOf(const Scratch& scratch) const {
  const auto* state = dynamic_cast<const State*>(scratch.state.get());
  return state != nullptr && state->owner == identity_ ? state->counts : Counts{};
}

}  // namespace verdigris::verify
