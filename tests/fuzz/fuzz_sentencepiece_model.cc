/**
 * Any bytes as a SentencePiece model: an error, or a model that libsentencepiece loads, whose rewritten file reads back the
 * same, and under which every text has an encoding (ids below the vocabulary, ranges that ascend inside of the text) and
 * a decoding. The texts are the first bytes of the input and a few that reach the ends of tables: NUL, ill-formed UTF-8,
 * U+2581, and every piece of the model.
 *
 * Large models are only read: loading one takes longer than a fuzzer can wait.
 */
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "verify/text/sentencepiece.h"
#include "verify/text/sentencepiece_model.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckText(const verdigris::verify::Tokenizer& tokenizer, std::string_view text) {
  verdigris::verify::Scratch scratch;
  std::vector<verdigris::verify::Token> tokens;
  Require(tokenizer.Encode(text, scratch, tokens).has_value());
  uint32_t begin = 0, end = 0;
  std::vector<uint32_t> ids;
  for (const auto& token : tokens) {
    Require(token.id < tokenizer.vocab());
    Require(begin <= token.begin && end <= token.end && token.begin <= token.end && token.end <= text.size());
    begin = token.begin;
    end = token.end;
    ids.push_back(token.id);
  }
  std::string decoded;
  Require(tokenizer.Decode(ids, decoded).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto model = verdigris::verify::ReadSentencePieceModel(file);
  if (!model) return 0;
  const std::string written = verdigris::verify::WriteSentencePieceModel(*model);
  const auto again = verdigris::verify::ReadSentencePieceModel(written);
  Require(again.has_value());
  Require(verdigris::verify::WriteSentencePieceModel(*again) == written);
  if (size > 65536) return 0;

  const auto tokenizer = verdigris::verify::LoadSentencePiece(file);
  Require(tokenizer.has_value());
  CheckText(**tokenizer, file.substr(0, 256));
  CheckText(**tokenizer, "The \xE2\x96\x81 \xEF\xB7\xBA  caf\xC3\xA9\xFF\xF0\x9F e\xCC\x81 ");
  CheckText(**tokenizer, std::string_view("\0a\0", 3));
  std::string all;
  for (const auto& piece : model->pieces) {
    if (all.size() < 4096) all.append(piece.text);
  }
  CheckText(**tokenizer, all);
  std::vector<uint32_t> every_id(std::min<size_t>(model->pieces.size(), 4096));
  for (uint32_t id = 0; id < every_id.size(); ++id) every_id[id] = id;
  std::string decoded;
  Require((*tokenizer)->Decode(every_id, decoded).has_value());
  return 0;
}
