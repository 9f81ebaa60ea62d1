/**
 * Any bytes as a SentencePiece model: an error, or a model that libsentencepiece loads, whose rewritten file reads back the
 * same, and under which every text has an encoding (the library's ids and ranges, which ascend inside of the text, whatever the
 * cache holds) and a decoding. The texts are the first bytes of the input and a few that reach the ends of tables: NUL, ill-formed UTF-8,
 * U+2581, and every piece of the model.
 *
 * Large models are only read: loading one takes longer than a fuzzer can wait.
 */
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sentencepiece_processor.h>

#include "tests/fuzz/require.h"
#include "verify/text/sentencepiece.h"
#include "verify/text/sentencepiece_model.h"

namespace {

using verdigris::testing::Require;

void CheckText(const verdigris::verify::Tokenizer& tokenizer, const sentencepiece::SentencePieceProcessor& library, verdigris::verify::Scratch& scratch, std::string_view text) {
  const auto expected = library.EncodeAsImmutableProto(text);
  std::vector<verdigris::verify::Token> tokens;
  for (int pass = 0; pass < 2; ++pass) {  // the second from the cache
    Require(tokenizer.Encode(text, scratch, tokens).has_value());
    Require(tokens.size() == expected.pieces_size());
    uint32_t begin = 0, end = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto& token = tokens[i];
      const auto piece = expected.pieces(static_cast<int>(i));
      Require(token.id == piece.id() && token.begin == piece.begin() && token.end == piece.end());
      Require(token.id < tokenizer.vocab());
      Require(begin <= token.begin && end <= token.end && token.begin <= token.end && token.end <= text.size());
      begin = token.begin;
      end = token.end;
    }
  }
  std::vector<uint32_t> ids;
  for (const auto& token : tokens) ids.push_back(token.id);
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
  sentencepiece::SentencePieceProcessor library;
  Require(library.LoadFromSerializedProto(written).ok());
  verdigris::verify::Scratch scratch;
  const auto check = [&](std::string_view text) { CheckText(**tokenizer, library, scratch, text); };
  check(file.substr(0, 256));
  check("The \xE2\x96\x81 \xEF\xB7\xBA  caf\xC3\xA9\xFF\xF0\x9F e\xCC\x81 ");
  check(std::string_view("\0a\0", 3));
  std::string all;
  for (const auto& piece : model->pieces) {
    if (all.size() < 4096) all.append(piece.text);
  }
  check(all);
  // The pieces one after another in another order, so that they meet each other in the middle of words.
  std::string shuffled;
  for (size_t i = 0, id = 0; i < model->pieces.size() && shuffled.size() < 4096; ++i) {
    id = (id + 7919) % model->pieces.size();
    shuffled.append(model->pieces[id].text.substr(0, 64));
  }
  check(shuffled);
  std::vector<uint32_t> every_id(std::min<size_t>(model->pieces.size(), 4096));
  for (uint32_t id = 0; id < every_id.size(); ++id) every_id[id] = id;
  std::string decoded;
  Require((*tokenizer)->Decode(every_id, decoded).has_value());
  return 0;
}
