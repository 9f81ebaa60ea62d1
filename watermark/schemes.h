// The table of schemes: one row each (style.md G: a table and not self-registration, since a static library drops
// object files that nobody names).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "watermark/scheme.h"

namespace verdigris {

std::span<const Scheme* const> Schemes();

// Null where there is none of this name.
const Scheme* FindScheme(std::string_view name);

// "green" or "green, gumbel": for messages.
std::string SchemeNames();

}  // namespace verdigris
