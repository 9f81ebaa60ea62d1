// Known answers: what this build computes against published numbers (native-schemes.md N13, RFCs and others).
#pragma once

#include <span>

namespace verdigris::tools {

struct KnownAnswer {
  const char* name;
  bool (*holds)();
  bool quick;  // microseconds: asked at each start of the tool
};

std::span<const KnownAnswer> KnownAnswers();

// The name of the first quick one that does not hold; null if all do.
const char* QuickSelfTest();

}  // namespace verdigris::tools
