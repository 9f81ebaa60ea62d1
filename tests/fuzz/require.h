// A property that a fuzz target found broken ends the program.
#pragma once

#include <cstdlib>

namespace verdigris::testing {

inline void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace verdigris::testing
