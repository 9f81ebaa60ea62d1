// Reading tests/vectors/*.json in tests of verify/.
#pragma once

#include <cmath>
#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "watermark/scheme.h"

namespace verdigris::testing {

// The file's object. A member that is not named fails the test: nothing in a vector file may go unread.
inline nlohmann::json ReadVectors(const std::string& file, std::initializer_list<std::string> members) {
  std::ifstream in(VERDIGRIS_SOURCE_DIR "/tests/vectors/" + file);
  REQUIRE_MESSAGE(in.good(), file);
  nlohmann::json object = nlohmann::json::parse(in);
  std::set<std::string> found;
  for (const auto& [name, value] : object.items()) found.insert(name);
  REQUIRE(found == std::set<std::string>(members));
  return object;
}

inline NullLaw Bernoulli(uint32_t numerator, uint32_t denominator) {
  return NullLaw::Bernoulli(numerator, denominator);
}

// "8/32"
inline NullLaw ParseGamma(const std::string& text) {
  const size_t slash = text.find('/');
  return Bernoulli(static_cast<uint32_t>(std::stoul(text.substr(0, slash))),
                   static_cast<uint32_t>(std::stoul(text.substr(slash + 1))));
}

// The accuracy that statistics.md section 5 asks of a log10.
inline bool CloseLog10(double got, double want) { return std::fabs(got - want) <= 4e-12 + 4e-15 * std::fabs(want); }

// The same for a log10 p, which near p = 1 also needs relative accuracy.
inline bool CloseLog10P(double got, double want) {
  if (!(got <= 0)) return false;
  const bool near_one = want > std::log10(0.98);
  return CloseLog10(got, want) && (!near_one || std::fabs(got - want) <= 1e-10 * std::fabs(want));
}

}  // namespace verdigris::testing
