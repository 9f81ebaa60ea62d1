// What the tool says on standard error: one line each, `verdigris: error: CLASS: what`, `verdigris: hint: what next`.
// No capital at the start, no full stop at the end; never a key, never the user's text.
#pragma once

#include <string_view>

#include "watermark/result.h"

namespace verdigris::tools {

void PrintError(const Error& error);
// A fault that is no error of the library's, by its class (keys-and-evidence.md E9), such as "plan".
void PrintFault(std::string_view fault_class, std::string_view text);
void PrintHint(std::string_view text);
void PrintNote(std::string_view text);  // `verdigris: text`

}  // namespace verdigris::tools
