// The algorithms of libsentencepiece 0.1.97 (bpe::Model::SampleEncode without sampling, unigram::Model::EncodeOptimized) over a
// segment in place of a document.
//
// BPE: segments do not touch each other, so the order of merges inside one is the library's.
//
// Unigram: the library's Viterbi sums binary32 from the start of the document, so which of two nearly equal ways is taken depends on
// the sum so far. Whoever knows a segment's best way without rounding, its total T (the sum of |score|) and its least lead g over
// another edge into one of its nodes need not look again: each of at most N additions, N bytes, errs by at most 2^-24 of its result,
// on either way, so |s| + T < g 2^22 / N, which is half of what would do, means that rounding cannot overturn it. That asks for
// scores <= 0, whose partial sums stay within |s| + T.
//
// Compiled without contraction of floating-point expressions: each step rounds as the library's does.
// Tested by tests/verify/text/sentencepiece_fast_test.cc.
#include "verify/text/piece_segments.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "watermark/json.h"  // Utf8SequenceLength

namespace verdigris::verify {
namespace {

constexpr uint32_t kFrozen = uint32_t{1} << 31;        // with the id of a user-defined symbol, which is not merged
constexpr uint32_t kCharacter = (uint32_t{1} << 31) - 1;  // its id is not looked up yet
constexpr size_t kMaxKnownBytes = 4096;

bool InText(PieceType type) { return type == PieceType::kNormal || type == PieceType::kUserDefined; }

// Of a character of well-formed UTF-8, by its first byte.
uint32_t CharacterBytes(char first) {
  const auto byte = static_cast<uint8_t>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

std::vector<std::pair<std::string_view, uint32_t>> PiecesOf(const SentencePieceModel& model, bool wanted) {
  std::vector<std::pair<std::string_view, uint32_t>> out;
  for (uint32_t id = 0; wanted && id < model.pieces.size(); ++id) {
    if (InText(model.pieces[id].type)) out.emplace_back(model.pieces[id].text, id);
  }
  return out;
}

}  // namespace

bool PieceSegments::Eligible(const SentencePieceModel& model) {
  if (model.type != ModelType::kBpe && model.type != ModelType::kUnigram) return false;
  if (!model.normalizer.escape_whitespaces || model.treat_whitespace_as_suffix || !model.normalizer.character_map.well_formed) return false;
  std::vector<std::string_view> texts;
  for (const Piece& piece : model.pieces) {
    if (piece.type == PieceType::kUnused || !IsUtf8(piece.text) || piece.text.find('\0') != std::string_view::npos) return false;
    texts.push_back(piece.text);
  }
  std::sort(texts.begin(), texts.end());
  return std::adjacent_find(texts.begin(), texts.end()) == texts.end();
}

PieceSegments::PieceSegments(const SentencePieceModel& model, const PieceTrie& user_defined)
    : unigram_(model.type == ModelType::kUnigram),
      unknown_id_(model.unknown_id),
      user_defined_(user_defined),
      trie_(PiecesOf(model, model.type == ModelType::kUnigram)) {
  // Pairs inside of pieces.
  std::vector<uint64_t> pairs;
  for (const Piece& piece : model.pieces) {
    if (!InText(piece.type)) continue;
    PackedCharacter left = 0;
    for (size_t at = 0; at < piece.text.size();) {
      const uint32_t length = CharacterBytes(piece.text[at]);
      const PackedCharacter right = Pack(piece.text.substr(at, length));
      if (at > 0) pairs.push_back(static_cast<uint64_t>(left) << 32 | right);
      if (at > 0 && right == kSpaceSymbol && left != kSpaceSymbol) space_begins_segment_ = false;
      left = right;
      at += length;
    }
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  size_t slots = 16;
  while (slots < 4 * pairs.size()) slots *= 2;
  pairs_.assign(slots, 0);
  for (const uint64_t pair : pairs) {
    size_t slot = hash_(pair) & (slots - 1);
    while (pairs_[slot] != 0) slot = (slot + 1) & (slots - 1);
    pairs_[slot] = pair;
  }
  for (uint32_t pair = 0; pair < ascii_cuts_.size(); ++pair) ascii_cuts_[pair] = CutIsExact(pair >> 7, pair & 0x7F);

  if (unigram_) {
    float lowest = FLT_MAX, highest = FLT_MIN;  // where the library starts
    scores_.resize(model.pieces.size());
    is_user_defined_.resize(model.pieces.size());
    for (size_t id = 0; id < model.pieces.size(); ++id) {
      const Piece& piece = model.pieces[id];
      scores_[id] = piece.score;
      is_user_defined_[id] = piece.type == PieceType::kUserDefined;
      if (piece.type != PieceType::kNormal) continue;
      lowest = std::min(lowest, piece.score);
      highest = std::max(highest, piece.score);
    }
    unknown_score_ = lowest - 10.0f;
    highest_score_ = highest;
    scores_[unknown_id_] = unknown_score_;
    return;
  }
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < model.pieces.size(); ++id) {
    if (!InText(model.pieces[id].type)) continue;
    // Cannot fail: the reader's limits are below those of the table, and eligible texts are distinct.
    if (!pieces_.Add(id, model.pieces[id].text)) continue;
    ids.push_back(id);
  }
  std::stable_sort(ids.begin(), ids.end(), [&](uint32_t a, uint32_t b) { return model.pieces[a].score > model.pieces[b].score; });
  ranks_.resize(model.pieces.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool same = i > 0 && model.pieces[ids[i]].score == model.pieces[ids[i - 1]].score;
    if (!same) {
      by_rank_.push_back(ids[i]);
    } else {
      by_rank_.back() = kNoToken;
    }
    ranks_[ids[i]] = static_cast<uint32_t>(by_rank_.size() - 1);
  }
}

bool PieceSegments::CutIsExact(PackedCharacter left, PackedCharacter right) const {
  const uint64_t pair = static_cast<uint64_t>(left) << 32 | right;
  for (size_t slot = hash_(pair) & (pairs_.size() - 1); pairs_[slot] != 0; slot = (slot + 1) & (pairs_.size() - 1)) {
    if (pairs_[slot] == pair) return false;
  }
  return true;
}

// ---- BPE

uint32_t PieceSegments::Rank(uint32_t left, uint32_t right, std::string_view both) const {
  if (((left | right) & kFrozen) != 0) return kNoRank;
  const uint32_t id = pieces_.Find(both);
  return id == kNoToken ? kNoRank : ranks_[id];
}

uint32_t PieceSegments::Merged(uint32_t rank, std::string_view both) const {
  return by_rank_[rank] != kNoToken ? by_rank_[rank] : pieces_.Find(both);
}

// Symbol i began as characters or a user-defined symbol at places[i]. A symbol that spans several of those has its id at the first,
// and in links the last at the first and the first at the last.
struct PieceSegments::BpeSymbols {
  const PieceSegments& of;
  std::string_view segment;
  Work& work;
  std::string_view Bytes(uint32_t begin, uint32_t end) const {
    return segment.substr(work.places[begin], work.places[end] - work.places[begin]);
  }
  uint32_t Next(uint32_t at) const { return work.links[at] + 1; }
  uint32_t Before(uint32_t at) const { return work.links[at - 1]; }
  uint32_t Rank(uint32_t at, uint32_t next) const { return of.Rank(work.ids[at], work.ids[next], Bytes(at, Next(next))); }
  void Merge(uint32_t at, uint32_t next, uint32_t rank) {
    const uint32_t last = work.links[next];
    work.ids[at] = of.Merged(rank, Bytes(at, last + 1));
    work.links[at] = last;
    work.links[last] = at;
  }
};

void PieceSegments::EncodeBpe(std::string_view segment, Work& work, std::vector<SegmentPiece>& out) const {
  out.clear();
  auto& ids = work.ids;
  auto& places = work.places;
  ids.clear();
  places.clear();
  ids.reserve(segment.size());  // the heap would keep what they outgrow
  places.reserve(segment.size() + 1);
  for (size_t at = 0; at < segment.size();) {
    places.push_back(static_cast<uint32_t>(at));
    if (user_defined_.Below(PieceTrie::kRoot, static_cast<uint8_t>(segment[at])) != PieceTrie::kNoNode) {
      if (const auto symbol = user_defined_.Longest(segment.substr(at)); symbol.bytes > 0) {
        ids.push_back(kFrozen | symbol.id);
        at += symbol.bytes;
        continue;
      }
    }
    ids.push_back(kCharacter);
    at += CharacterBytes(segment[at]);
  }
  const size_t symbols = ids.size();
  out.reserve(symbols);
  places.push_back(static_cast<uint32_t>(segment.size()));
  const auto put = [&](uint32_t id, uint32_t begin, uint32_t end) {
    if (id == kCharacter) id = pieces_.Find(segment.substr(begin, end - begin));
    out.push_back({id == kNoToken ? unknown_id_ : id & ~kFrozen, end});
  };
  if (symbols <= kFewSymbols) {
    const size_t count = MergeFew(
        ids.data(), places.data(), symbols,
        [&](uint32_t left, uint32_t right, uint32_t begin, uint32_t end) { return Rank(left, right, segment.substr(begin, end - begin)); },
        [&](uint32_t rank, uint32_t begin, uint32_t end) { return Merged(rank, segment.substr(begin, end - begin)); });
    for (size_t i = 0; i < count; ++i) put(ids[i], places[i], places[i + 1]);
    return;
  }
  auto& links = work.links;
  links.resize(symbols);
  for (uint32_t i = 0; i < symbols; ++i) links[i] = i;
  BpeSymbols as_merged{*this, segment, work};
  MergeMany(as_merged, static_cast<uint32_t>(symbols), work.heap);
  for (uint32_t at = 0, next; at < symbols; at = next) {
    next = as_merged.Next(at);
    put(ids[at], places[at], places[next]);
  }
}

// ---- unigram

// Fills work.nodes, one for each character's start and the end: the best way that ends there, from `sum`. With kExact also
// work.exact, from 0 and in binary64, with the second best edge into each node. False: an edge has a score above 0, or is
// user-defined.
template <bool kExact>
bool PieceSegments::Viterbi(std::string_view segment, float sum, Work& work) const {
  constexpr uint32_t kNowhere = UINT32_MAX;
  auto& nodes = work.nodes;
  nodes.clear();
  for (size_t at = 0; at < segment.size(); at += CharacterBytes(segment[at])) nodes.push_back({0, kNowhere, 0, static_cast<uint32_t>(at)});
  const auto count = static_cast<uint32_t>(nodes.size());
  nodes.push_back({0, kNowhere, 0, static_cast<uint32_t>(segment.size())});
  nodes[0].best = sum;
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  if (kExact) {
    work.exact.assign(count + 1, {kNone, kNone, kNowhere, 0});
    work.exact[0].best = 0;
  }
  bool plain = true;
  const auto exact_edge = [&](uint32_t from, uint32_t to, uint32_t id, double score) {
    if (!kExact) return;
    const double sum_there = work.exact[from].best + score;
    auto& node = work.exact[to];
    if (sum_there > node.best) {
      node = {sum_there, node.best, from, id};
    } else {
      node.second = std::max(node.second, sum_there);
    }
  };
  for (uint32_t from = 0; from < count; ++from) {
    const float here = nodes[from].best;
    bool single = false;
    uint32_t to = from;
    uint32_t trie_node = PieceTrie::kRoot;
    for (size_t at = nodes[from].place; at < segment.size();) {
      trie_node = trie_.Below(trie_node, static_cast<uint8_t>(segment[at++]));
      if (trie_node == PieceTrie::kNoNode) break;
      if (at != nodes[to + 1].place) continue;
      ++to;
      const uint32_t id = trie_.PieceAt(trie_node);
      if (id == PieceTrie::kNoPiece) continue;
      const bool symbol = is_user_defined_[id];
      const double score = symbol ? static_cast<double>(static_cast<float>(at - nodes[from].place) * highest_score_) - 0.1 : static_cast<double>(scores_[id]);
      const double candidate = score + static_cast<double>(here);
      auto& node = nodes[to];
      if (node.start == kNowhere || candidate > static_cast<double>(node.best)) {
        node.best = static_cast<float>(candidate);
        node.start = from;
        node.id = id;
      }
      single = single || to == from + 1;
      plain = plain && !symbol && score <= 0;
      exact_edge(from, to, id, score);
    }
    if (!single) {
      const float candidate = unknown_score_ + here;
      auto& node = nodes[from + 1];
      if (node.start == kNowhere || candidate > node.best) {
        node.best = candidate;
        node.start = from;
        node.id = unknown_id_;
      }
      plain = plain && unknown_score_ <= 0;
      exact_edge(from, from + 1, unknown_id_, static_cast<double>(unknown_score_));
    }
  }
  return plain;
}

namespace {

// The way that leads to the last node, as pieces.
template <class Node>
void Trace(const std::vector<Node>& nodes, const std::vector<PieceSegments::Work::Node>& places, std::vector<SegmentPiece>& out) {
  out.clear();
  for (size_t at = places.size() - 1; at > 0; at = nodes[at].start) out.push_back({nodes[at].id, places[at].place});
  std::reverse(out.begin(), out.end());
}

}  // namespace

void PieceSegments::EncodeUnigram(std::string_view segment, float& sum, Work& work, std::vector<SegmentPiece>& out) const {
  Viterbi<false>(segment, sum, work);
  Trace(work.nodes, work.nodes, out);
  sum = work.nodes.back().best;
}

double PieceSegments::EncodeUnigram(std::string_view segment, float& sum, Work& work, std::vector<SegmentPiece>& out,
                                    std::vector<SegmentPiece>& from_zero) const {
  const bool plain = Viterbi<true>(segment, sum, work);
  Trace(work.nodes, work.nodes, out);
  sum = work.nodes.back().best;
  if (!plain || segment.size() > kMaxKnownBytes) {
    from_zero = out;
    return -1;
  }
  Trace(work.exact, work.nodes, from_zero);
  double total = 0, lead = std::numeric_limits<double>::infinity();
  for (size_t at = work.nodes.size() - 1; at > 0; at = work.exact[at].start) {
    total += std::fabs(static_cast<double>(scores_[work.exact[at].id]));
    lead = std::min(lead, work.exact[at].best - work.exact[at].second);
  }
  return lead * 4194304.0 / static_cast<double>(segment.size()) - total;
}

}  // namespace verdigris::verify
