// Standard output: results only, and never lost without a word.
#pragma once

#include <string>
#include <string_view>

#include "tools/exit_code.h"

namespace verdigris::tools {

class Output {
 public:
  void Write(std::string_view text);
  // Hands on what was written so far, for a reader who waits for it.
  void Flush();

  // Whether what was written so far could not be delivered: work that only prints can stop.
  bool lost() const { return error_ != 0; }

  // Delivers the rest. `code` if all went well; else kExitInternal, without a word where the reader closed the pipe.
  ExitCode Finish(ExitCode code);

 private:
  std::string buffer_;
  int error_ = 0;  // errno of the first failure
};

}  // namespace verdigris::tools
