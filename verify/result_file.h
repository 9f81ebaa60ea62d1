// A result that is written piece by piece and stands only when it is whole; its SHA-256 is at hand then.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

class ResultFile {
 public:
  // As AtomicFile. An empty path: nothing is written, and there is a digest all the same.
  // Errors   kIo, kNotFound.
  static Result<ResultFile> Create(const std::string& path);
  ResultFile(ResultFile&&) noexcept;
  ~ResultFile();

  Result<void> Write(std::string_view bytes);
  Result<Digest> Finish();

 private:
  struct State;
  explicit ResultFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace verdigris::verify
