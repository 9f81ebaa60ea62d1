// Pages that stand alone: one file, no script, nothing fetched (its Content-Security-Policy says so too), light and dark, on
// paper and on a narrow screen.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace verdigris::verify {

// Where a writer puts its bytes, piece by piece.
using Sink = std::function<void(std::string_view)>;

// Text from outside for a page: what a page or a reader could obey is spelled out (printable.h), `& < > " '` are escaped. More
// than `most_bytes` are cut in the middle, where "..." stands.
std::string Html(std::string_view text, size_t most_bytes = ~size_t{0});
// The same, kept apart from the writing direction around it.
std::string IsolatedHtml(std::string_view text, size_t most_bytes = ~size_t{0});
// The same, line feeds and tabs kept, for an element that shows them.
std::string HtmlLines(std::string_view text);

// 10 with a raised exponent, such as "10<sup>-12.4</sup>", of log10 p in `places` rounded towards less evidence; "1".
std::string HtmlTenTo(double log10_p, int places = 1);

// From the doctype to the heading, which is `title`, with `kind` in small above it.
void WritePageHead(std::string_view kind, std::string_view title, const Sink& out);
// What every page ends with: what a test does not show (verify/limits.h), and `made_from`, HTML that says from what it was made.
void WritePageEnd(std::string_view limits_before, std::string_view made_from, const Sink& out);

}  // namespace verdigris::verify
