// A tokenizer's file for Python, with what each of its tokens adds to a text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nanobind/nanobind.h>

#include "verify/text/tokenizer.h"

namespace verdigris::python {

class PythonTokenizer {
 public:
  // Errors (raised)   those of tools::LoadTokenizer.
  static std::shared_ptr<PythonTokenizer> Load(const std::string& path);

  const verify::Tokenizer& get() const { return *tokenizer_; }
  std::vector<uint32_t> Encode(std::string_view document) const;
  nanobind::bytes Decode(const std::vector<uint32_t>& ids) const;
  nanobind::bytes PieceBytes(uint32_t id) const;
  nanobind::bytes PieceName(uint32_t id) const;
  std::vector<uint32_t> SpecialIds() const;

 private:
  struct Piece {
    std::string bytes;
    std::string name;
  };
  void ReadPieces(const std::string& path);
  const Piece& At(uint32_t id) const;

  std::unique_ptr<verify::Tokenizer> tokenizer_;
  std::vector<Piece> pieces_;
};

}  // namespace verdigris::python
