// What a reader of a finding should know beside its numbers.
#pragma once

#include <cstdint>
#include <string>

namespace verdigris::verify {

struct Warning {
  std::string code;  // of command-line.md L4
  uint64_t count;
  std::string text;
};

}  // namespace verdigris::verify
