// Tested by tests/verify/report/pages_test.cc, tests/cli/show_html.sh and tests/report/browser_test.py.
#include "verify/report/text_page.h"

#include <algorithm>

#include "verify/report/figures.h"
#include "verify/report/finding_words.h"
#include "verify/report/picture.h"
#include "verify/report/text_view.h"

namespace verdigris::verify {
namespace {

constexpr size_t kColumns = 600;                          // of the trajectory
constexpr size_t kMostTextBytes = size_t{4} << 20;        // of coloured tokens on a page, all findings together
constexpr size_t kMostFindings = 64, kMostSegments = 1000;
constexpr size_t kTokensBefore = 60;

std::string_view SignOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDetected: return "&#9679;";      // full
    case Verdict::kInconclusive: return "&#9680;";  // half
    case Verdict::kNotDetected: break;
  }
  return "&#9675;";  // empty
}

std::string_view NameOf(std::string_view input) { return input == "-" ? "standard input" : input; }

void WriteFinding(const JudgedText& text, size_t at, size_t most_bytes, const Sink& out) {
  const auto& [finding_at, tokens, states] = text.results[at];
  const Finding& finding = *finding_at;
  const FindingWords words = WordsOf(finding);
  const std::span<const MarkedSegment> segments =
      finding.localized ? std::span<const MarkedSegment>(finding.localized->segments) : std::span<const MarkedSegment>();
  out("<p class=\"lead\"><b>" + std::string(SignOf(finding.verdict)) + " " + Html(words.verdict) + "</b></p>\n<dl>\n");
  size_t shown = 0;
  for (const auto& [label, row] : words.rows) {
    if (label == "marked" && ++shown > kMostSegments) continue;
    out("<dt>" + Html(label) + "</dt><dd>" + Html(row) + "</dd>\n");
  }
  if (shown > kMostSegments) out("<dt>marked</dt><dd>and " + Grouped(shown - kMostSegments) + " more segments: `verdigris detect --json` names all</dd>\n");
  out("</dl>\n");
  const Trajectory trajectory = TrajectoryOf(states, finding.alpha, kColumns);
  if (trajectory.height.empty()) {
    out("<p>No token could be scored.</p>\n");
  } else {
    out("<figure>\n" + TrajectoryPicture(trajectory, states.size(), segments.first(std::min(segments.size(), kMostSegments)), finding.alpha) +
        "<figcaption><b>Evidence along the text</b> for a mark anywhere in it: a test martingale, on a logarithmic scale. Under a key that has nothing to do "
        "with the text it reaches the dashed level with a chance of at most alpha, however often one looks. A bar below is a segment with a p of its own; its "
        "ends are estimates.</figcaption>\n</figure>\n");
  }
  out("<figure>\n" + PowerPicture(finding.power.at_this_length) + "<figcaption><b>Power</b>: " + Percent(finding.power.at_this_length) +
      " of marked texts of this length (1.2 bit a token) would be detected." +
      (finding.power.tokens_needed ? " For 90 % it takes " + Grouped(*finding.power.tokens_needed) + " scored tokens; this text has " + Grouped(finding.n) + "." : "") +
      "</figcaption>\n</figure>\n" + (text.results.size() > 1 ? "<h3>The text</h3>\n" : "<h2>The text</h2>\n"));
  // Segments come best first.
  WriteTokens(text.document, tokens, states, finding.law, segments.empty() ? 0 : segments.front().first, most_bytes, out);
}

}  // namespace

void WriteTokens(std::string_view document, std::span<const Token> tokens, std::span<const TokenState> states, const NullLaw& law,
                 size_t centre, size_t most_bytes, const Sink& out) {
  // Roughly what a token takes; exactly enough is not known before it is written.
  const size_t needed = document.size() + tokens.size() * 15;
  const size_t first = needed <= most_bytes ? 0 : centre - std::min(centre, kTokensBefore);
  out("<p class=\"key\">Key: <b>hit</b>, scores above the mean of chance &middot; <i>miss</i>, below &middot; <small>not scored</small></p>\n<div class=\"text\" dir=\"auto\">");
  size_t written = 0, last = tokens.size();
  if (first > 0) out("<span class=\"cut\">[...] </span>");
  ForEachPiece(document, tokens, first, tokens.size(), [&](std::string_view piece, size_t token) {
    if (written >= most_bytes) {
      if (token != kNoToken) last = std::min(last, token);
      return;
    }
    std::string html = HtmlLines(piece);
    if (token != kNoToken && !html.empty()) {
      switch (ClassOf(states[token], law)) {
        case TokenClass::kHit: html = "<b>" + html + "</b>"; break;
        case TokenClass::kMiss: html = "<i>" + html + "</i>"; break;
        case TokenClass::kNotScored: html = "<small>" + html + "</small>"; break;
      }
    }
    written += html.size();
    out(html);
  });
  out(last < tokens.size() ? "<span class=\"cut\"> [...]</span></div>\n" : "</div>\n");
  if (first > 0 || last < tokens.size()) {
    out("<p class=\"quiet\">Tokens " + Grouped(first) + " to " + Grouped(last == 0 ? 0 : last - 1) + " of " + Grouped(tokens.size()) +
        " are shown; all of them count above. `verdigris detect --trace` lists each.</p>\n");
  }
}

void WriteTextPage(const JudgedText& text, const Sink& out) {
  const Finding& first = *text.results.front().finding;
  WritePageHead("Verdigris finding", NameOf(first.input), out);
  const size_t shown = std::min(text.results.size(), kMostFindings);
  for (size_t i = 0; i < shown; ++i) {
    if (text.results.size() > 1) {
      std::string title;
      for (const LayerResult& layer : text.results[i].finding->layers) {
        title += (title.empty() ? "" : " and ") + std::string(LayerName(layer.layer)) + (layer.account.empty() ? "" : " " + Html(layer.account)) + ", key " + layer.kid;
      }
      out("<h2>" + title + "</h2>\n");
    }
    WriteFinding(text, i, kMostTextBytes / shown, out);
  }
  if (shown < text.results.size()) {
    out("<p class=\"note\">" + Grouped(text.results.size() - shown) + " findings more are not shown: `verdigris detect --json` gives all.</p>\n");
  }
  const std::string made_from = "Scheme " + Html(first.scheme) + ", profile <code>" + Hex(first.profile_digest) +
                                "</code>. Whoever has the text, the profile and the key gets the same numbers from <code>verdigris detect</code>.";
  WritePageEnd("", made_from, out);
}

}  // namespace verdigris::verify
