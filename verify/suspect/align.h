// A suspect with another tokenizer: its tokens and their probabilities as ids of the provider's (suspect-models.md M6).
//
// A token of the suspect stands for the provider's id with the same bytes. Where only some of its tokens have one, their
// probabilities are scaled to the mass that was listed; the share of that mass that they had is the shared mass. With the
// provider's own tokenizer all of it is shared, and nothing is scaled.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "verify/suspect/evidence.h"
#include "verify/suspect/response.h"
#include "verify/text/tokenizer.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr double kLeastSharedMass = 0.2;  // positions below are left out

// From the bytes of a token within a text to the provider's id. Immutable.
class PieceMap {
 public:
  explicit PieceMap(std::span<const std::pair<std::string, uint32_t>> pieces);  // of equal bytes the first counts

  // The pieces of a tokenizer. Special ids and bytes that are no character of their own have no entry. Of ids with the same
  // bytes, that which the tokenizer itself makes of them, else the last.
  // Errors   those of Decode and Encode; kNotSupported: no id whose text can be told from its neighbours'.
  // Cost     a Decode for each id.
  static Result<PieceMap> Of(const Tokenizer& tokenizer);

  std::optional<uint32_t> Find(std::string_view bytes) const;
  size_t size() const { return ids_.size(); }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> ids_;
};

// A list as an endpoint gave it: the k best (ties: the smallest id, tokens without one last) and, if the suspect sampled it,
// the token that stands there, with its own probability where the list does not have it. For a text that it was shown,
// `sampled` must be null: which token stood there depends on the key. For the same reason such a list must have been asked
// for after the bytes before its place alone: boundaries of the whole text depend on the next token.
struct AlignedList {
  std::vector<ListEntry> entries;  // empty where less than kLeastSharedMass is shared
  double shared = 0;               // of the mass listed; 0 where nothing was
};
AlignedList AlignTopK(const PieceMap& pieces, const ResponsePosition& position, size_t k, const std::string* sampled);

// Byte of `text` at which each token of an answer starts, and where the last ends; none from the first token on that
// does not stand where the ones before it end. Where tokenizers hide something at the start of a text, a first token may have
// a space more than the text, or no text at all.
std::vector<std::optional<size_t>> TokenStarts(std::string_view text, std::span<const ResponsePosition> positions);

// For a suspect with the provider's tokenizer that was shown a whole text: whether the bytes before each token alone would
// have been tokenized as they were. Where not, the next token has shaped the context, and the position must not count.
// Cost     an Encode of the text before each token.
Result<std::vector<bool>> StableBoundaries(const Tokenizer& tokenizer, std::string_view text, std::span<const Token> tokens);

}  // namespace verdigris::verify
