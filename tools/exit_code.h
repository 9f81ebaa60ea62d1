// Exit statuses (command-line.md L5): the answer of a test, or why there is none.
#pragma once

#include "watermark/result.h"

namespace verdigris::tools {

enum ExitCode : int {
  kExitYes = 0,        // done; detected
  kExitNo = 1,         // not detected; a self-test failed
  kExitUsage = 2,      // options, missing arguments, values out of range
  kExitInput = 3,      // an input cannot be used
  kExitInternal = 4,   // internal fault, or the output could not be written
  kExitUndecided = 5,  // too little text to say
};

// Several findings or inputs: 3 over detected over inconclusive over not detected.
struct Outcome {
  bool failed = false, detected = false, inconclusive = false;

  ExitCode code() const { return failed ? kExitInput : detected ? kExitYes : inconclusive ? kExitUndecided : kExitNo; }
};

inline ExitCode ExitCodeOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return kExitUsage;
    case ErrorKind::kNoMemory:
    case ErrorKind::kInternal: return kExitInternal;
    default: return kExitInput;
  }
}

}  // namespace verdigris::tools
