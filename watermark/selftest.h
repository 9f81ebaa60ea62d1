// Known answers, computed through the code that marks: a library that was built or linked wrongly says so at start.
#pragma once

#include "watermark/result.h"

namespace verdigris {

// Errors: kInternal, naming the answer that differs. Cost: below 1 ms. May throw std::bad_alloc.
Result<void> SelfTest();

}  // namespace verdigris
