// A finding in plain words, for terminals and pages.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/finding.h"

namespace verdigris::verify {

struct FindingWords {
  std::string verdict;                                             // "detected at alpha 1e-06"
  std::vector<std::pair<std::string_view, std::string>> rows;  // what each is called, and what it says; views live as long as the finding
};
FindingWords WordsOf(const Finding& finding);

}  // namespace verdigris::verify
