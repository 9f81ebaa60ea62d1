// The steps of libsentencepiece 0.1.97's Normalizer::NormalizePrefix. The rules come from the model, so no version of Unicode enters.
// Tested by tests/verify/text/sentencepiece_fast_test.cc.
#include "verify/text/sentencepiece_normalizer.h"

#include "watermark/json.h"  // Utf8SequenceLength

namespace verdigris::verify {

SentencePieceNormalizer::SentencePieceNormalizer(const SentencePieceModel& model, const PieceTrie& user_defined)
    : user_defined_(user_defined),
      replacements_(model.normalizer.character_map),
      add_dummy_prefix_(model.normalizer.add_dummy_prefix),
      remove_extra_whitespaces_(model.normalizer.remove_extra_whitespaces) {
  for (uint32_t pair = 0; pair < 65536; ++pair) {
    const auto first = static_cast<uint8_t>(pair >> 8), second = static_cast<uint8_t>(pair);
    const uint32_t node = user_defined_.Below(PieceTrie::kRoot, first);
    const bool symbol = node != PieceTrie::kNoNode &&
                        (user_defined_.PieceAt(node) != PieceTrie::kNoPiece || user_defined_.Below(node, second) != PieceTrie::kNoNode);
    may_change_[pair] = symbol || replacements_.KeyMayBegin(first, second);
  }
}

SentencePieceNormalizer::Step SentencePieceNormalizer::Next(std::string_view text) const {
  if (const PieceTrie::Match symbol = user_defined_.Longest(text); symbol.bytes > 0) return {text.substr(0, symbol.bytes), symbol.bytes};
  if (const auto match = replacements_.Longest(text); match.key_bytes > 0) return {match.replacement, match.key_bytes};
  const size_t length = Utf8SequenceLength(text);
  if (length == 0) return {"\xEF\xBF\xBD", 1};
  return {text.substr(0, length), length};
}

}  // namespace verdigris::verify
