// Text from outside made safe to show: suspect texts and file names may hold sequences that a terminal or a page obeys.
#pragma once

#include <string>
#include <string_view>

namespace verdigris::verify {

// Control characters and those that turn the writing direction come out as \x1b or \u202e, an ill-formed byte as U+FFFD;
// line feeds and tabs stay where `keep_lines`.
std::string Printable(std::string_view text, bool keep_lines = false);

}  // namespace verdigris::verify
