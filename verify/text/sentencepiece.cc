// Texts are encoded by our own code (sentencepiece_fast.h), which is many times faster; models that it does not understand are left
// to the library, document by document. Ids are decoded by the library.
//
// This file keeps the library's promises for it: hostile models are refused before it sees them
// (sentencepiece_model.h), documents are bounded, ids are checked, and it has nothing to print.
//
// The library logs to stderr, and the switch for that (SetMinLogLevel) is a global inside of it, so we leave it alone.
// There is no need: it logs where a model does not load, where a self-test fails, and in n-best search; models are
// checked first, self-tests are not handed on, and n-best is not used.
//
// Facts of the library that tests pin: an ill-formed byte becomes U+FFFD; NUL is kept; U+2581 in text equals an escaped
// space; without byte fallback, adjacent unknown pieces are one token.
// Tested by tests/verify/text/sentencepiece_test.cc and sentencepiece_fast_test.cc.
#include "verify/text/sentencepiece.h"

#include <exception>
#include <new>
#include <optional>
#include <utility>

#include <sentencepiece_processor.h>

#include "verify/text/sentencepiece_fast.h"
#include "verify/text/sentencepiece_model.h"
#include "watermark/key.h"  // Sha256

namespace verdigris::verify {
namespace {

// Control, unknown and unused pieces, adjacent ids joined.
std::vector<IdRange> SpecialRanges(const std::vector<Piece>& pieces) {
  std::vector<IdRange> ranges;
  for (uint32_t id = 0; id < pieces.size(); ++id) {
    const PieceType type = pieces[id].type;
    if (type != PieceType::kControl && type != PieceType::kUnknown && type != PieceType::kUnused) continue;
    if (!ranges.empty() && ranges.back().last + 1 == id) {
      ranges.back().last = id;
    } else {
      ranges.push_back({id, id});
    }
  }
  return ranges;
}

std::string_view KindOf(ModelType type) {
  switch (type) {
    case ModelType::kUnigram: return "sentencepiece-unigram";
    case ModelType::kBpe: return "sentencepiece-bpe";
    case ModelType::kWord: return "sentencepiece-word";
    case ModelType::kChar: return "sentencepiece-char";
  }
  return "sentencepiece";
}

// Whether unigram models give the same ids in the library that this program is made with.
constexpr bool kLibraryIsTheReference = std::string_view(VERDIGRIS_SENTENCEPIECE_VERSION) == "0.1.97";

class SentencePieceTokenizer final : public Tokenizer {
 public:
  SentencePieceTokenizer(const SentencePieceModel& model, const Digest& digest)
      : vocab_(static_cast<uint32_t>(model.pieces.size())),
        digest_(digest),
        special_ids_(SpecialRanges(model.pieces)),
        kind_(KindOf(model.type)) {}

  Result<void> Load(const SentencePieceModel& model, size_t cache_bytes) {
    if (PieceSegments::Eligible(model)) {
      fast_.emplace(model, cache_bytes);
    } else if (model.type == ModelType::kUnigram && !kLibraryIsTheReference) {
      return Fail(ErrorKind::kUnsupported, "SentencePiece model: a unigram model of this kind needs libsentencepiece 0.1.97, this is " VERDIGRIS_SENTENCEPIECE_VERSION);
    }
    try {
      const auto status = processor_.LoadFromSerializedProto(WriteSentencePieceModel(model));
      if (!status.ok()) return Fail(ErrorKind::kMalformed, "SentencePiece model: " + std::string(status.message()));
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {  // the double array, where its keys do not fit
      return Fail(ErrorKind::kMalformed, std::string("SentencePiece model: ") + e.what());
    }
    return {};
  }

  Result<void> Encode(std::string_view document, Scratch& scratch, std::vector<Token>& out) const override {
    out.clear();
    if (document.size() > kMaxDocumentBytes) {
      return Fail(ErrorKind::kLimit, "document of " + std::to_string(document.size()) + " bytes, the limit is 16 MiB");
    }
    if (fast_) {
      fast_->Encode(document, scratch, out);
      return {};
    }
    sentencepiece::ImmutableSentencePieceText text;
    if (const auto status = processor_.Encode(document, text.mutable_proto()); !status.ok()) {
      return Fail(ErrorKind::kInternal, std::string("libsentencepiece: ") + status.message());
    }
    const size_t count = text.pieces_size();
    out.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      const auto piece = text.pieces(static_cast<int>(i));
      out.push_back({piece.id(), piece.begin(), piece.end()});
    }
    return {};
  }

  Result<void> Decode(std::span<const uint32_t> ids, std::string& out) const override {
    out.clear();
    std::vector<int> checked;
    checked.reserve(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] >= vocab_) {
        return Fail(ErrorKind::kInvalidArgument, "id " + std::to_string(ids[i]) + " at " + std::to_string(i) + ", vocab " + std::to_string(vocab_));
      }
      checked.push_back(static_cast<int>(ids[i]));
    }
    if (const auto status = processor_.Decode(checked, &out); !status.ok()) {
      return Fail(ErrorKind::kInternal, std::string("libsentencepiece: ") + status.message());
    }
    return {};
  }

  uint32_t vocab() const override { return vocab_; }
  std::array<uint8_t, 32> digest() const override { return digest_; }
  std::span<const IdRange> special_ids() const override { return special_ids_; }
  std::string_view kind() const override { return kind_; }

 private:
  std::optional<FastSentencePiece> fast_;  // where the model is eligible
  sentencepiece::SentencePieceProcessor processor_;
  uint32_t vocab_;
  Digest digest_;
  std::vector<IdRange> special_ids_;
  std::string_view kind_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadSentencePiece(std::string_view file, size_t cache_bytes) {
  VERDIGRIS_ASSIGN_OR_RETURN(const SentencePieceModel model, ReadSentencePieceModel(file));
  auto tokenizer = std::make_unique<SentencePieceTokenizer>(model, Sha256(AsBytes(file)));
  VERDIGRIS_RETURN_IF_ERROR(tokenizer->Load(model, cache_bytes));
  return tokenizer;
}

}  // namespace verdigris::verify
