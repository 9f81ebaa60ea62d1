// The name under which documents are counted whose groups are too many to be kept apart: calibrations and corpora.
#pragma once

#include <string_view>

namespace verdigris::verify {

inline constexpr std::string_view kOtherGroup = "(other)";

}  // namespace verdigris::verify
