// detect --watch: token ids as they arrive, judged one by one, until the evidence is there.
#pragma once

#include "tools/cli.h"
#include "tools/judgement.h"

namespace verdigris::tools {

// Reads decimal ids from `descriptor` until it ends or the anytime p (under --test localized that of a mark anywhere)
// reaches alpha. Prints a line, or one of JSON, whenever that p has fallen by another power of ten, and at the end.
// Constant memory.
//
// Errors   kInvalidArgument where the keys are more than one test, or the test is none of a stream; kMalformed and kLimit
//          for what is no id, with its index.
Result<ExitCode> Watch(const Judge& judge, int descriptor, bool json, Context& context);

}  // namespace verdigris::tools
