// A text is cut into pre-tokens, and in each the pair of lowest rank is merged, leftmost first, until none is left. Texts say the
// same words again and again, so a cache from pre-token to ids does most of the work; it is keyed by all bytes and forgets
// everything when it is full. Short pre-tokens are merged by looking for the lowest rank anew each time, long ones with a heap, in
// n log n: a megabyte of one letter is one pre-token.
//
// Tested by tests/verify/text/byte_bpe_test.cc.
#include "verify/text/byte_bpe.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "verify/text/source_text.h"

namespace verdigris::verify {
namespace {

constexpr uint32_t kNone = UINT32_MAX;  // no rank
static_assert(kNone == kNoToken);     // an id may serve as a rank

// Ranks of pairs of ids.
class Merges {
 public:
  Result<void> Fill(const std::vector<ByteBpeModel::Merge>& merges) {
    size_t slots = 16;
    while (slots < 2 * merges.size()) slots *= 2;
    slots_.assign(slots, {0, kNone});
    results_.reserve(merges.size());
    for (const auto& merge : merges) {
      const uint64_t pair = Pair(merge.left, merge.right);
      size_t slot = SlotOf(pair);
      for (; slots_[slot].rank != kNone; slot = (slot + 1) & (slots_.size() - 1)) {
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
    for (size_t slot = SlotOf(pair); slots_[slot].rank != kNone; slot = (slot + 1) & (slots_.size() - 1)) {
      if (slots_[slot].pair == pair) return slots_[slot].rank;
    }
    return kNone;
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

// From pre-tokens to their tokens. An entry: one word of sizes, the ids, the end of each token less one (one byte each), the
// bytes; padded to a word.
class Cache {
 public:
  static constexpr size_t kMaxPieceBytes = 256;

  explicit Cache(size_t most_bytes) : most_bytes_(most_bytes) { Empty(kFirstBytes); }
  bool enabled() const { return !slots_.empty(); }
  uint64_t HashOf(std::string_view piece) const { return hash_(piece); }

  // Appends the tokens of a piece that begins at `begin`; false where it is not known.
  bool Find(std::string_view piece, uint64_t hash, uint32_t begin, std::vector<Token>& out) const {
    for (size_t probe = 0; probe < kProbes; ++probe) {
      const Slot slot = slots_[(hash + probe) & (slots_.size() - 1)];
      if (slot.word == 0) return false;
      if (slot.tag != static_cast<uint32_t>(hash >> 32)) continue;
      const uint32_t* entry = words_.data() + slot.word - 1;
      const uint32_t count = *entry & 0xFFFF, size = *entry >> 16;
      const auto* ends = reinterpret_cast<const uint8_t*>(entry + 1 + count);
      if (size != piece.size() || std::memcmp(ends + count, piece.data(), size) != 0) continue;
      uint32_t token_begin = begin;
      for (uint32_t i = 0; i < count; ++i) {
        const uint32_t end = begin + ends[i] + 1;
        out.push_back({entry[1 + i], token_begin, end});
        token_begin = end;
      }
      return true;
    }
    return false;
  }

  void Keep(std::string_view piece, uint64_t hash, uint32_t begin, const Token* tokens, size_t count) {
    const size_t words = 1 + count + (count + piece.size() + 3) / 4;
    if (words_.size() + words > word_limit_ || used_ >= slots_.size() / 4 * 3) {
      Empty(4 * bytes_);
    }
    size_t probe = 0;
    while (probe < kProbes && slots_[(hash + probe) & (slots_.size() - 1)].word != 0) ++probe;
    if (probe == kProbes) return;
    const size_t word = words_.size();
    words_.resize(word + words);
    words_[word] = static_cast<uint32_t>(count | piece.size() << 16);
    auto* ends = reinterpret_cast<uint8_t*>(words_.data() + word + 1 + count);
    for (size_t i = 0; i < count; ++i) {
      words_[word + 1 + i] = tokens[i].id;
      ends[i] = static_cast<uint8_t>(tokens[i].end - begin - 1);
    }
    std::memcpy(ends + count, piece.data(), piece.size());
    slots_[(hash + probe) & (slots_.size() - 1)] = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(word + 1)};
    ++used_;
  }

 private:
  static constexpr size_t kProbes = 8;
  static constexpr size_t kFirstBytes = size_t{256} << 10;  // a short text needs no more
  struct Slot {
    uint32_t tag = 0;
    uint32_t word = 0;  // place of the entry plus 1
  };

  // Forgets everything, and is larger from now on where it may be.
  void Empty(size_t bytes) {
    bytes_ = std::min(bytes, most_bytes_);
    size_t slots = 1;
    while (slots * 4 * sizeof(Slot) <= bytes_) slots *= 2;
    words_.clear();
    used_ = 0;
    if (slots < 128) return;  // too little for anything
    slots_.assign(slots, Slot{});
    word_limit_ = (bytes_ - slots * sizeof(Slot)) / sizeof(uint32_t);
    words_.reserve(word_limit_);
  }

  size_t most_bytes_, bytes_ = 0;
  SeededHash hash_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> words_;
  size_t word_limit_ = 0, used_ = 0;
};

struct State final : Scratch::State {
  State(std::shared_ptr<const char> owner_of, size_t cache_bytes) : owner(std::move(owner_of)), cache(cache_bytes) {}
  std::shared_ptr<const char> owner;  // held, so that no later tokenizer can have its address
  SourceText source;
  Cache cache;
  // Of a long piece: the id of each symbol at its first and at its last byte; the rank of the pair that starts at its first.
  std::vector<uint32_t> ids, ranks;
  std::vector<uint64_t> heap;  // rank, then place, so that the leftmost of equals comes first
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
      auto fresh = std::make_unique<State>(identity_, cache_bytes_);
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
  static constexpr size_t kShort = 64;

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

  void EncodePlain(std::string_view text, size_t begin, State& state, std::vector<Token>& out) const {
    PreTokenizer pre_tokenizer(pattern_, text);
    auto at = static_cast<uint32_t>(begin);
    for (std::string_view piece = pre_tokenizer.Next(); !piece.empty(); piece = pre_tokenizer.Next()) {
      const bool cached = piece.size() <= Cache::kMaxPieceBytes && state.cache.enabled();
      const uint64_t hash = cached ? state.cache.HashOf(piece) : 0;
      if (!cached || !state.cache.Find(piece, hash, at, out)) {
        const size_t first = out.size();
        EncodePiece(piece, at, state, out);
        if (cached) state.cache.Keep(piece, hash, at, out.data() + first, out.size() - first);
      }
      at += static_cast<uint32_t>(piece.size());
    }
  }

  void EncodePiece(std::string_view piece, uint32_t begin, State& state, std::vector<Token>& out) const {
    if (whole_pieces_first_) {
      if (const uint32_t id = tokens_.Find(piece); id != kNoToken) {
        out.push_back({id, begin, begin + static_cast<uint32_t>(piece.size())});
        return;
      }
    }
    if (piece.size() <= kShort) {
      MergeShort(piece, begin, out);
    } else {
      MergeLong(piece, begin, state, out);
    }
  }

  // Of two neighbours, the first of which begins at `at`. Ids serve as ranks, so kNoToken is no rank.
  uint32_t Rank(uint32_t left, uint32_t right, const char* at) const {
    return ranks_are_ids_ ? tokens_.Find({at, size_t{tokens_.Size(left)} + tokens_.Size(right)}) : merges_.Rank(left, right);
  }
  uint32_t Merged(uint32_t rank) const { return ranks_are_ids_ ? rank : merges_.ResultOf(rank); }

  void MergeShort(std::string_view piece, uint32_t begin, std::vector<Token>& out) const {
    std::array<uint32_t, kShort> ids, ranks;
    std::array<uint8_t, kShort> places;
    size_t count = piece.size();
    for (size_t i = 0; i < count; ++i) {
      ids[i] = byte_ids_[static_cast<uint8_t>(piece[i])];
      places[i] = static_cast<uint8_t>(i);
    }
    for (size_t i = 0; i + 1 < count; ++i) ranks[i] = Rank(ids[i], ids[i + 1], piece.data() + i);
    while (count > 1) {
      const size_t best = static_cast<size_t>(std::min_element(ranks.begin(), ranks.begin() + (count - 1)) - ranks.begin());
      if (ranks[best] == kNone) break;
      ids[best] = Merged(ranks[best]);
      for (size_t i = best + 1; i + 1 < count; ++i) {
        ids[i] = ids[i + 1];
        places[i] = places[i + 1];
        ranks[i - 1] = ranks[i];
      }
      --count;
      if (best > 0) ranks[best - 1] = Rank(ids[best - 1], ids[best], piece.data() + places[best - 1]);
      if (best + 1 < count) ranks[best] = Rank(ids[best], ids[best + 1], piece.data() + places[best]);
    }
    for (size_t i = 0; i < count; ++i) {
      out.push_back({ids[i], begin + places[i], begin + (i + 1 < count ? places[i + 1] : static_cast<uint32_t>(piece.size()))});
    }
  }

  void MergeLong(std::string_view piece, uint32_t begin, State& state, std::vector<Token>& out) const {
    const auto size = static_cast<uint32_t>(piece.size());
    auto& ids = state.ids;
    auto& ranks = state.ranks;
    auto& heap = state.heap;
    ids.resize(size);
    ranks.resize(size);
    heap.clear();
    // Room for the live pairs and a fourth as many that are stale; then those go.
    heap.reserve(size + size / 4);
    for (uint32_t i = 0; i < size; ++i) ids[i] = byte_ids_[static_cast<uint8_t>(piece[i])];
    const auto later = [](uint64_t a, uint64_t b) { return a > b; };
    const auto entry = [&](uint32_t at) { return static_cast<uint64_t>(ranks[at]) << 32 | at; };
    for (uint32_t i = 0; i < size; ++i) {
      ranks[i] = i + 1 < size ? Rank(ids[i], ids[i + 1], piece.data() + i) : kNone;
      if (ranks[i] != kNone) heap.push_back(entry(i));
    }
    std::make_heap(heap.begin(), heap.end(), later);
    const auto rank_anew = [&](uint32_t at) {
      const uint32_t next = at + tokens_.Size(ids[at]);
      ranks[at] = next < size ? Rank(ids[at], ids[next], piece.data() + at) : kNone;
      if (ranks[at] == kNone) return;
      if (heap.size() == heap.capacity()) {
        std::erase_if(heap, [&](uint64_t old) { return entry(static_cast<uint32_t>(old)) != old; });
        heap.push_back(entry(at));
        std::make_heap(heap.begin(), heap.end(), later);
        return;
      }
      heap.push_back(entry(at));
      std::push_heap(heap.begin(), heap.end(), later);
    };
    while (!heap.empty()) {
      const uint64_t top = heap.front();
      std::pop_heap(heap.begin(), heap.end(), later);
      heap.pop_back();
      const auto at = static_cast<uint32_t>(top);
      if (entry(at) != top) continue;  // a symbol of it was merged since
      const uint32_t right = at + tokens_.Size(ids[at]);
      const uint32_t end = right + tokens_.Size(ids[right]);
      const uint32_t merged = Merged(ranks[at]);
      ranks[right] = kNone;
      ids[at] = ids[end - 1] = merged;
      rank_anew(at);
      if (at > 0) rank_anew(at - tokens_.Size(ids[at - 1]));
    }
    for (uint32_t at = 0; at < size;) {
      const uint32_t end = at + tokens_.Size(ids[at]);
      out.push_back({ids[at], begin + at, begin + end});
      at = end;
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
