// Tokenizer: any file that says all of itself, by the readers that `verdigris detect` has.
//
// Tested by tests/python/pocket_test.py.
#include "tools/python/native/tokenizer.h"

#include <algorithm>

#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "tools/python/native/errors.h"
#include "tools/python/native/parts.h"
#include "tools/python/native/sampling.h"
#include "tools/tokenizer_files.h"
#include "verify/file.h"
#include "verify/text/sentencepiece_model.h"
#include "watermark/key.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace verdigris::python {
namespace {

// What the piece adds to a text that goes on.
std::string BytesOf(const verify::Piece& piece, const verify::SentencePieceModel& model) {
  using enum verify::PieceType;
  if (piece.type == kControl || piece.type == kUnused) return "";
  if (piece.type == kUnknown) return std::string(model.unknown_surface);
  if (piece.type == kByte) return std::string(1, static_cast<char>(verify::ByteOfPiece(piece.text)));
  constexpr std::string_view kEscapedSpace = "\xE2\x96\x81";
  std::string bytes(piece.text);
  for (size_t at = 0; (at = bytes.find(kEscapedSpace, at)) != std::string::npos; ++at) bytes.replace(at, kEscapedSpace.size(), " ");
  return bytes;
}

}  // namespace

std::shared_ptr<PythonTokenizer> PythonTokenizer::Load(const std::string& path) {
  const nb::gil_scoped_release release;
  auto made = std::make_shared<PythonTokenizer>();
  made->tokenizer_ = Unwrap(tools::LoadTokenizer(path));
  made->ReadPieces(path);
  return made;
}

void PythonTokenizer::ReadPieces(const std::string& path) {
  if (tokenizer_->kind().starts_with("sentencepiece")) {
    const std::string file = Unwrap(verify::ReadFile(path, verify::kMaxModelBytes));
    if (Sha256(AsBytes(file)) != tokenizer_->digest()) throw Raised({ErrorKind::kIo, path + ": changed while it was read"});
    const auto model = UnwrapIn(path, verify::ReadSentencePieceModel(file));
    for (const verify::Piece& piece : model.pieces) pieces_.push_back({BytesOf(piece, model), std::string(piece.text)});
    return;
  }
  for (uint32_t id = 0; id < tokenizer_->vocab(); ++id) {
    const auto ranges = tokenizer_->special_ids();
    const bool special = std::any_of(ranges.begin(), ranges.end(), [&](const IdRange& range) { return range.first <= id && id <= range.last; });
    std::string text;
    Unwrap(tokenizer_->Decode({&id, 1}, text));
    pieces_.push_back({special ? "" : text, text});
  }
}

std::vector<uint32_t> PythonTokenizer::Encode(std::string_view document) const {
  const nb::gil_scoped_release release;
  verify::Scratch scratch;
  std::vector<verify::Token> tokens;
  Unwrap(tokenizer_->Encode(document, scratch, tokens));
  std::vector<uint32_t> ids;
  for (const verify::Token& token : tokens) ids.push_back(token.id);
  return ids;
}

nb::bytes PythonTokenizer::Decode(const std::vector<uint32_t>& ids) const {
  std::string text;
  Unwrap(tokenizer_->Decode(ids, text));
  return nb::bytes(text.data(), text.size());
}

nb::bytes PythonTokenizer::PieceBytes(uint32_t id) const {
  const std::string& bytes = At(id).bytes;
  return nb::bytes(bytes.data(), bytes.size());
}

nb::bytes PythonTokenizer::PieceName(uint32_t id) const {
  const std::string& name = At(id).name;
  return nb::bytes(name.data(), name.size());
}

std::vector<uint32_t> PythonTokenizer::SpecialIds() const {
  std::vector<uint32_t> ids;
  for (const IdRange& range : tokenizer_->special_ids()) {
    for (uint32_t id = range.first; id <= range.last; ++id) ids.push_back(id);
  }
  return ids;
}

const PythonTokenizer::Piece& PythonTokenizer::At(uint32_t id) const {
  if (id >= pieces_.size()) throw Raised(IdOutOfRange(id, pieces_.size()));
  return pieces_[id];
}

void AddTokenizer(nb::module_& module) {
  nb::class_<PythonTokenizer>(module, "Tokenizer",
                              "A tokenizer's file: a SentencePiece model, tokenizer.json, or a GGUF file. Immutable; any number of threads.")
      .def_static("load", &PythonTokenizer::Load, "path"_a)
      .def(
          "encode", [](const PythonTokenizer& self, const nb::bytes& text) { return self.Encode({text.c_str(), text.size()}); },
          "text"_a, "The ids of a whole text. No token is added, and special tokens in the text are ordinary text.")
      .def("encode", [](const PythonTokenizer& self, const std::string& text) { return self.Encode(text); }, "text"_a)
      .def("decode", &PythonTokenizer::Decode, "ids"_a, "The text of the ids, as bytes.")
      .def("piece_bytes", &PythonTokenizer::PieceBytes, "id"_a,
           "What the token adds to a text that goes on; empty for special tokens.")
      .def("piece_name", &PythonTokenizer::PieceName, "id"_a, "The token as its file has it, such as b'</s>'.")
      .def_prop_ro("vocab", [](const PythonTokenizer& self) { return self.get().vocab(); })
      .def_prop_ro("special_ids", &PythonTokenizer::SpecialIds)
      .def_prop_ro("sha256", [](const PythonTokenizer& self) { return Hex(self.get().digest()); }, "As tokenizer_sha256 of a profile.");
}

}  // namespace verdigris::python
