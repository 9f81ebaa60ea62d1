// A text is cut into pre-tokens, and in each the pair of lowest rank is merged, leftmost first, until none is left. Texts say the
// same words again and again, so a cache from pre-token to ids does most of the work; it is keyed by all bytes and forgets
// everything when it is full. Short pre-tokens are merged by looking for the lowest rank anew each time, long ones with a heap, in
// n log n: a megabyte of one letter is one pre-token.
//
// Tested by tests/verify/text/byte_bpe_test.cc.
#include "verify/text/byte_bpe.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "verify/text/merge.h"
#include "verify/text/source_text.h"

namespace verdigris::verify {
namespace {

static_assert(kNoRank == kNoToken);  // an id may serve as a rank

// Ranks of pairs of ids.
class Merges {
 public:
  Result<void> Fill(const std::vector<ByteBpeModel::Merge>& merges) {
    size_t slots = 16;
    while (slots < 2 * merges.size()) slots *= 2;
    slots_.assign(slots, {0, kNoRank});
    results_.reserve(merges.size());
    for (const auto& merge : merges) {
      const uint64_t pair = Pair(merge.left, merge.right);
      size_t slot = SlotOf(pair);
      for (; slots_[slot].rank != kNoRank; slot = (slot + 1) & (slots_.size() - 1)) {
        if (slots_[slot].pair == pair) {
          return Fail(ErrorKind::kMalformed, "merges[" + std::to_string(results_.size()) + "] is merges[" + std::to_string(slots_[slot].rank) + "] again");
        }
      }
      slots_[slot] = {pair, static_cast<uint32_t>(results_.size())};
      results_.push_back(merge.result);
    }
    return {};
  }
  uint32_t Rank(uint32_t left, uint32_t right) const {
    const uint64_t pair = Pair(left, right);
    for (size_t slot = SlotOf(pair); slots_[slot].rank != kNoRank; slot = (slot + 1) & (slots_.size() - 1)) {
      if (slots_[slot].pair == pair) return slots_[slot].rank;
    }
    return kNoRank;
  }
  uint32_t ResultOf(uint32_t rank) const { return results_[rank]; }

 private:
  struct Slot {
    uint64_t pair;
    uint32_t rank;
  };
  static uint64_t Pair(uint32_t left, uint32_t right) { return static_cast<uint64_t>(left) << 32 | right; }
  size_t SlotOf(uint64_t pair) const { return hash_(pair) & (slots_.size() - 1); }

  SeededHash hash_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> results_;
};

// Finds added tokens: the leftmost, of those the longest.
class AddedTokens {
 public:
  void Add(ByteBpeModel::Added added) {
    starts_[static_cast<uint8_t>(added.bytes[0])] = true;
    tokens_.push_back(std::move(added));
  }
  // After the last Add.
  Result<void> Sort() {
    std::sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
    const auto same = std::adjacent_find(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) { return a.bytes == b.bytes; });
    if (same != tokens_.end()) return Fail(ErrorKind::kMalformed, same->place + " and " + (same + 1)->place + " are the same text");
    return {};
  }
  bool empty() const { return tokens_.empty(); }

  // The first at or after `begin` of text, or null.
  const ByteBpeModel::Added* Find(std::string_view text, size_t begin, size_t& found_at) const {
    for (size_t at = begin; at < text.size(); ++at) {
      if (!starts_[static_cast<uint8_t>(text[at])]) continue;
      // Those that agree with the text so far; the one that ends here comes first among them.
      const ByteBpeModel::Added* longest = nullptr;
      auto first = tokens_.begin(), last = tokens_.end();
      for (size_t length = 0; first != last; ++length) {
        if (first->bytes.size() == length) {
          longest = &*first;
          if (++first == last) break;
        }
        if (at + length == text.size()) break;
        const auto byte = static_cast<uint8_t>(text[at + length]);
        first = std::partition_point(first, last, [&](const auto& token) { return static_cast<uint8_t>(token.bytes[length]) < byte; });
        last = std::partition_point(first, last, [&](const auto& token) { return static_cast<uint8_t>(token.bytes[length]) == byte; });
      }
      if (longest != nullptr) {
        found_at = at;
        return longest;
      }
    }
    return nullptr;
  }

 private:
  std::vector<ByteBpeModel::Added> tokens_;
  std::array<bool, 256> starts_{};
};

struct State final : Scratch::State {
  State(std::shared_ptr<const char> owner_of, size_t cache_bytes) : owner(std::move(owner_of)), cache(cache_bytes) {}
  std::shared_ptr<const char> owner;  // held, so that no later tokenizer can have its address
  SourceText source;
  SegmentCache cache;         // of pre-tokens: ids, and the end of each less one
  std::vector<uint32_t> ids;  // of a long piece: of each symbol at its first and at its last byte
  MergeHeap heap;
};

class ByteBpeTokenizer final : public Tokenizer {
 public:
  Result<void> Fill(ByteBpeModel model, size_t cache_bytes) {
    kind_ = model.kind;
    pattern_ = model.pattern;
    compose_ = model.compose;
    ranks_are_ids_ = model.ranks_are_ids;
    whole_pieces_first_ = model.whole_pieces_first;
    vocab_ = model.vocab;
    digest_ = model.digest;
    cache_bytes_ = cache_bytes;
    tokens_ = std::move(model.tokens);
    if (vocab_ < tokens_.end()) return Fail(ErrorKind::kMalformed, "id " + std::to_string(tokens_.end() - 1) + ", vocab " + std::to_string(vocab_));
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      byte_ids_[byte] = tokens_.Find({&c, 1});
      constexpr char kHex[] = "0123456789ABCDEF";
      if (byte_ids_[byte] == kNoToken) byte_ids_[byte] = model.unknown;
      if (byte_ids_[byte] == kNoToken) return Fail(ErrorKind::kMalformed, std::string("byte 0x") + kHex[byte / 16] + kHex[byte % 16] + " is no token");
    }
    VERDIGRIS_RETURN_IF_ERROR(merges_.Fill(model.merges));
    std::sort(model.special_ids.begin(), model.special_ids.end(), [](const IdRange& x, const IdRange& y) { return x.first < y.first; });
    for (const IdRange& range : model.special_ids) {
      if (range.last >= vocab_) return Fail(ErrorKind::kMalformed, "special id " + std::to_string(range.last) + ", vocab " + std::to_string(vocab_));
      if (!special_ids_.empty() && range.first <= special_ids_.back().last + 1) {
        special_ids_.back().last = std::max(special_ids_.back().last, range.last);
      } else {
        special_ids_.push_back(range);
      }
    }
    for (ByteBpeModel::Added& added : model.added) {
      if (added.bytes.empty()) return Fail(ErrorKind::kMalformed, added.place + " is empty");
      if (added.bytes.size() > kMaxAddedTokenBytes) {
        return Fail(ErrorKind::kLimit, added.place + " has " + std::to_string(added.bytes.size()) + " bytes, the limit is 1024");
      }
      added_[added.second ? 1 : 0].Add(std::move(added));
    }
    for (AddedTokens& pass : added_) {
      VERDIGRIS_RETURN_IF_ERROR(pass.Sort());
    }
    return {};
  }

  Result<void> Encode(std::string_view document, Scratch& scratch, std::vector<Token>& out) const override {
    out.clear();
    if (document.size() > kMaxDocumentBytes) {
      return Fail(ErrorKind::kLimit, "document of " + std::to_string(document.size()) + " bytes, the limit is 16 MiB");
    }
    auto* state = dynamic_cast<State*>(scratch.state.get());
    if (state == nullptr || state->owner != identity_) {
      auto fresh = std::make_unique<State>(identity_, scratch.cache_bytes.value_or(cache_bytes_));
      state = fresh.get();
      scratch.state = std::move(fresh);
    }
    state->source.Read(document, compose_);
    const std::string_view text = state->source.text();
    EncodeAround(0, text, 0, *state, out);
    state->source.ToDocument(out);
    return {};
  }

  Result<void> Decode(std::span<const uint32_t> ids, std::string& out) const override {
    out.clear();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] >= vocab_) {
        return Fail(ErrorKind::kInvalidArgument, "id " + std::to_string(ids[i]) + " at " + std::to_string(i) + ", vocab " + std::to_string(vocab_));
      }
      out += tokens_.Of(ids[i]);
    }
    return {};
  }

  uint32_t vocab() const override { return vocab_; }
  std::array<uint8_t, 32> digest() const override { return digest_; }
  std::span<const IdRange> special_ids() const override { return special_ids_; }
  std::string_view kind() const override { return kind_; }

 private:
  // A part of the text that begins at `begin` of it: the added tokens of a pass, and the rest around them.
  void EncodeAround(size_t pass, std::string_view part, size_t begin, State& state, std::vector<Token>& out) const {
    if (pass == 2) return EncodePlain(part, begin, state, out);
    size_t done = 0, at = 0, found_at = 0;
    const AddedTokens& tokens = added_[pass];
    while (const ByteBpeModel::Added* found = tokens.empty() ? nullptr : tokens.Find(part, at, found_at)) {
      at = found_at + found->bytes.size();
      if (found->special) continue;
      EncodeAround(pass + 1, part.substr(done, found_at - done), begin + done, state, out);
      out.push_back({found->id, static_cast<uint32_t>(begin + found_at), static_cast<uint32_t>(begin + at)});
      done = at;
    }
    EncodeAround(pass + 1, part.substr(done), begin + done, state, out);
  }

  struct PreToken {
    std::string_view bytes;
    bool cached = false;
    uint64_t hash = 0;  // where the cache takes it
  };

  // Some pre-tokens at once, so that the cache's memory for them comes nearer while others are cut.
  void EncodePlain(std::string_view text, size_t begin, State& state, std::vector<Token>& out) const {
    PreTokenizer pre_tokenizer(pattern_, text);
    std::array<PreToken, 16> some;
    for (size_t count = some.size(), at = begin; count == some.size();) {
      for (count = 0; count < some.size(); ++count) {
        PreToken& piece = some[count];
        piece.bytes = pre_tokenizer.Next();
        if (piece.bytes.empty()) break;
        piece.cached = state.cache.Takes(piece.bytes);
        if (!piece.cached) continue;
        piece.hash = state.cache.HashOf(piece.bytes);
        state.cache.FetchSlot(piece.hash);
      }
      for (const PreToken& piece : std::span(some).first(count)) {
        if (piece.cached) state.cache.FetchEntry(piece.hash);
      }
      for (const PreToken& piece : std::span(some).first(count)) {
        EncodePreToken(piece, static_cast<uint32_t>(at), state, out);
        at += piece.bytes.size();
      }
    }
  }

  void EncodePreToken(const PreToken& piece, uint32_t at, State& state, std::vector<Token>& out) const {
    const SegmentCache::Entry known = piece.cached ? state.cache.Find(piece.bytes, piece.hash) : SegmentCache::Entry{};
    if (known.words == nullptr) {
      const size_t first = out.size();
      EncodePiece(piece.bytes, at, state, out);
      if (piece.cached) Keep(piece.bytes, piece.hash, at, std::span(out).subspan(first), state.cache);
      return;
    }
    uint32_t token_begin = at;
    for (size_t i = 0; i < known.word_count; ++i) {
      const uint32_t end = at + known.bytes[i] + 1;
      out.push_back({known.words[i], token_begin, end});
      token_begin = end;
    }
  }

  static void Keep(std::string_view piece, uint64_t hash, uint32_t begin, std::span<const Token> tokens, SegmentCache& cache) {
    std::array<uint32_t, SegmentCache::kMaxWords> ids;
    std::array<uint8_t, SegmentCache::kMaxBytes> ends;
    for (size_t i = 0; i < tokens.size(); ++i) {
      ids[i] = tokens[i].id;
      ends[i] = static_cast<uint8_t>(tokens[i].end - begin - 1);
    }
    cache.Keep(piece, hash, {ids.data(), tokens.size()}, {ends.data(), tokens.size()});
  }

  void EncodePiece(std::string_view piece, uint32_t begin, State& state, std::vector<Token>& out) const {
    if (whole_pieces_first_) {
      if (const uint32_t id = tokens_.Find(piece); id != kNoToken) {
        out.push_back({id, begin, begin + static_cast<uint32_t>(piece.size())});
        return;
      }
    }
    if (piece.size() <= kFewSymbols) {
      MergeShort(piece, begin, out);
    } else {
      MergeLong(piece, begin, state, out);
    }
  }

  // Of two neighbours, and their bytes. Ids serve as ranks, so kNoToken is no rank.
  uint32_t Rank(uint32_t left, uint32_t right, std::string_view bytes) const {
    return ranks_are_ids_ ? tokens_.Find(bytes) : merges_.Rank(left, right);
  }
  uint32_t Merged(uint32_t rank) const { return ranks_are_ids_ ? rank : merges_.ResultOf(rank); }

  void MergeShort(std::string_view piece, uint32_t begin, std::vector<Token>& out) const {
    std::array<uint32_t, kFewSymbols> ids;
    std::array<uint32_t, kFewSymbols + 1> places;
    for (uint32_t i = 0; i < piece.size(); ++i) {
      ids[i] = byte_ids_[static_cast<uint8_t>(piece[i])];
      places[i] = i;
    }
    places[piece.size()] = static_cast<uint32_t>(piece.size());
    const size_t count = MergeFew(
        ids.data(), places.data(), piece.size(),
        [&](uint32_t left, uint32_t right, uint32_t from, uint32_t to) { return Rank(left, right, piece.substr(from, to - from)); },
        [&](uint32_t rank, uint32_t, uint32_t) { return Merged(rank); });
    for (size_t i = 0; i < count; ++i) out.push_back({ids[i], begin + places[i], begin + places[i + 1]});
  }

  // The symbols of a long piece: bytes at first, so places are those of bytes.
  struct Symbols {
    const ByteBpeTokenizer& of;
    std::string_view piece;
    std::vector<uint32_t>& ids;
    uint32_t Next(uint32_t at) const { return at + of.tokens_.Size(ids[at]); }
    uint32_t Before(uint32_t at) const { return at - of.tokens_.Size(ids[at - 1]); }
    uint32_t Rank(uint32_t at, uint32_t next) const { return of.Rank(ids[at], ids[next], piece.substr(at, Next(next) - at)); }
    void Merge(uint32_t at, uint32_t next, uint32_t rank) { ids[at] = ids[Next(next) - 1] = of.Merged(rank); }
  };

  void MergeLong(std::string_view piece, uint32_t begin, State& state, std::vector<Token>& out) const {
    const auto size = static_cast<uint32_t>(piece.size());
    state.ids.resize(size);
    for (uint32_t i = 0; i < size; ++i) state.ids[i] = byte_ids_[static_cast<uint8_t>(piece[i])];
    Symbols symbols{*this, piece, state.ids};
    MergeMany(symbols, size, state.heap);
    for (uint32_t at = 0, end; at < size; at = end) {
      end = symbols.Next(at);
      out.push_back({state.ids[at], begin + at, begin + end});
    }
  }

  std::string_view kind_;
  Pattern pattern_ = Pattern::kGpt2;
  bool compose_ = false, ranks_are_ids_ = false, whole_pieces_first_ = false;
  uint32_t vocab_ = 0;
  Digest digest_{};
  size_t cache_bytes_ = 0;
  TokenTable tokens_;
  Merges merges_;
  std::array<uint32_t, 256> byte_ids_{};
  std::array<AddedTokens, 2> added_;
  std::vector<IdRange> special_ids_;
  std::shared_ptr<const char> identity_ = std::make_shared<const char>('\0');
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> MakeByteBpe(ByteBpeModel model, size_t cache_bytes) {
  auto tokenizer = std::make_unique<ByteBpeTokenizer>();
  VERDIGRIS_RETURN_IF_ERROR(tokenizer->Fill(std::move(model), cache_bytes));
  return tokenizer;
}

}  // namespace verdigris::verify
