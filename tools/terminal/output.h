// Standard output: results only, and never lost without a word.
#pragma once

#include <string>
#include <string_view>

#include "tools/exit_code.h"

namespace verdigris::tools {

class Output {
 public:
  void Write(std::string_view text);

  // Whether what was written so far could not be delivered: work that only prints can stop.
  bool lost() const { return error_ != 0; }

  // Delivers the rest. `code` if all went well; else kExitInternal, without a word where the reader closed the pipe.
  ExitCode Finish(ExitCode code);

 private:
  void Flush();

  std::string buffer_;
  int error_ = 0;  // errno of the first failure
};

}  // namespace verdigris::tools
