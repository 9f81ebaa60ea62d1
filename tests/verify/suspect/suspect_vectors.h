// tests/vectors/suspect.json, made by the second implementation of suspect-models.md.
#pragma once

#include <cmath>
#include <string>

#include "tests/verify/vectors.h"

namespace verdigris::testing {

inline const nlohmann::json& SuspectVectors() {
  static const nlohmann::json vectors =
      ReadVectors("suspect.json", {"about", "laws", "fixed", "gumbel", "tournament", "steps", "predictable", "integers", "evidence",
                                   "filters", "top_k", "alignment", "decisions"});
  return vectors;
}

// M2.6: bounds and e-values.
inline bool CloseBound(double got, double want) { return std::fabs(got - want) <= 1e-9 + 1e-12 * std::fabs(want); }

// "11/8" as a number of eighths, "-1" too.
inline double Fraction(const std::string& text) {
  const size_t slash = text.find('/');
  const double top = std::stod(text.substr(0, slash));
  return slash == std::string::npos ? top : top / std::stod(text.substr(slash + 1));
}

inline NullLaw LawOfVector(const nlohmann::json& law) {
  const std::string name = law[0];
  if (name == "green") return ParseGamma(law[1]);
  if (name == "multichannel") return NullLaw::Bernoulli(1, law[1].get<uint32_t>());
  if (name == "gumbel") return NullLaw::Gamma();
  const auto layers = law[1].get<uint32_t>();
  return NullLaw::TwoBernoulli((layers + 1) / 2, layers / 2);
}

}  // namespace verdigris::testing
