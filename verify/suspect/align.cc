// Tested by tests/verify/suspect/align_test.cc (suspect.json `alignment`; S11).
#include "verify/suspect/align.h"

#include <algorithm>
#include <cmath>

namespace verdigris::verify {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// An id whose text, put before another, hides nothing of that one's: tokenizers strip a space from the start of a text.
Result<uint32_t> AnchorOf(const Tokenizer& tokenizer, std::string& text) {
  const SpecialIds special(tokenizer.special_ids(), tokenizer.vocab());
  std::string twice;
  for (uint32_t id = 0; id < tokenizer.vocab(); ++id) {
    if (special.Contains(id)) continue;
    const uint32_t pair[] = {id, id};
    VERDIGRIS_RETURN_IF_ERROR(tokenizer.Decode({pair, 1}, text));
    if (text.empty() || !std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; })) continue;
    VERDIGRIS_RETURN_IF_ERROR(tokenizer.Decode(pair, twice));
    if (twice == text + text) return id;
  }
  return Fail(ErrorKind::kNotSupported, "the tokenizer has no id whose text stands for itself");
}

struct Candidate {
  std::optional<uint32_t> id;
  const std::string* token;
  double ln_p;
};

}  // namespace

PieceMap::PieceMap(std::span<const std::pair<std::string, uint32_t>> pieces) {
  for (const auto& [bytes, id] : pieces) {
    if (!bytes.empty()) ids_.emplace(bytes, id);
  }
}

Result<PieceMap> PieceMap::Of(const Tokenizer& tokenizer) {
  std::string before, text;
  VERDIGRIS_ASSIGN_OR_RETURN(const uint32_t anchor, AnchorOf(tokenizer, before));
  const SpecialIds special(tokenizer.special_ids(), tokenizer.vocab());
  std::vector<std::pair<std::string, uint32_t>> pieces;
  for (uint32_t id = 0; id < tokenizer.vocab(); ++id) {
    if (special.Contains(id)) continue;
    const uint32_t pair[] = {anchor, id};
    VERDIGRIS_RETURN_IF_ERROR(tokenizer.Decode(pair, text));
    if (!text.starts_with(before)) continue;
    const std::string_view bytes = std::string_view(text).substr(before.size());
    if (bytes.empty() || bytes == kReplacement) continue;
    pieces.emplace_back(bytes, id);
  }
  std::stable_sort(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Scratch scratch;
  std::vector<Token> tokens;
  std::vector<std::pair<std::string, uint32_t>> chosen;
  for (size_t start = 0, end = 0; start < pieces.size(); start = end) {
    for (end = start + 1; end < pieces.size() && pieces[end].first == pieces[start].first;) ++end;
    uint32_t id = pieces[end - 1].second;  // pieces of single bytes stand first
    if (end - start > 1) {
      VERDIGRIS_RETURN_IF_ERROR(tokenizer.Encode(before + pieces[start].first + before, scratch, tokens));
      for (size_t i = start; i < end; ++i) {
        if (std::any_of(tokens.begin(), tokens.end(), [&](const Token& token) { return token.id == pieces[i].second; })) id = pieces[i].second;
      }
    }
    chosen.emplace_back(std::move(pieces[start].first), id);
  }
  return PieceMap(chosen);
}

std::optional<uint32_t> PieceMap::Find(std::string_view bytes) const {
  const auto found = ids_.find(bytes);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

AlignedList AlignTopK(const PieceMap& pieces, const ResponsePosition& position, size_t k, const std::string* sampled) {
  std::vector<Candidate> ranked;
  bool has_sampled = false;
  for (const TokenProbability& entry : position.list) {
    ranked.push_back({pieces.Find(entry.token), &entry.token, entry.log_probability});
    has_sampled = has_sampled || (sampled != nullptr && entry.token == *sampled);
  }
  if (sampled != nullptr && !has_sampled && position.log_probability) ranked.push_back({pieces.Find(*sampled), sampled, *position.log_probability});
  std::sort(ranked.begin(), ranked.end(), [](const Candidate& a, const Candidate& b) {
    if (a.ln_p != b.ln_p) return a.ln_p > b.ln_p;
    if (a.id.has_value() != b.id.has_value()) return a.id.has_value();
    return a.id ? *a.id < *b.id : *a.token < *b.token;
  });
  AlignedList aligned;
  double listed = 0, shared = 0;
  bool all = true;
  std::vector<std::pair<uint32_t, double>> kept;
  for (size_t i = 0; i < ranked.size(); ++i) {
    if (i >= k && !(sampled != nullptr && *ranked[i].token == *sampled)) continue;
    const double p = std::exp(ranked[i].ln_p);
    listed += p;
    if (ranked[i].id) {
      shared += p;
      kept.emplace_back(*ranked[i].id, ranked[i].ln_p);
    } else {
      all = false;
    }
  }
  if (!(listed > 0)) return aligned;
  aligned.shared = shared / listed;
  if (aligned.shared < kLeastSharedMass) return aligned;
  // Nothing is scaled, to the last bit, where all of it is shared.
  const double ln_scale = all ? 0 : std::log(listed) - std::log(shared);
  for (const auto& [id, ln_p] : kept) aligned.entries.push_back({id, FixedProbability(ln_p + ln_scale)});
  return aligned;
}

std::vector<std::optional<size_t>> TokenStarts(std::string_view text, std::span<const ResponsePosition> positions) {
  std::vector<std::optional<size_t>> starts;
  std::optional<size_t> at = 0;
  for (size_t i = 0; i < positions.size(); ++i) {
    starts.push_back(at);
    std::string_view token = positions[i].token;
    if (!at) continue;
    if (*at == 0 && token.starts_with(' ') && !text.starts_with(token)) token.remove_prefix(1);
    if (text.substr(*at).starts_with(token)) {
      *at += token.size();
    } else if (i != 0) {
      at.reset();
    }
  }
  starts.push_back(at);
  return starts;
}

Result<std::vector<bool>> StableBoundaries(const Tokenizer& tokenizer, std::string_view text, std::span<const Token> tokens) {
  std::vector<bool> stable;
  Scratch scratch;
  std::vector<Token> before;
  for (size_t t = 0; t < tokens.size(); ++t) {
    VERDIGRIS_RETURN_IF_ERROR(tokenizer.Encode(text.substr(0, tokens[t].begin), scratch, before));
    stable.push_back(before.size() == t &&
                     std::equal(before.begin(), before.end(), tokens.begin(), [](const Token& a, const Token& b) { return a.id == b.id; }));
  }
  return stable;
}

}  // namespace verdigris::verify
