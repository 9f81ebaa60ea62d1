// Colours come in pairs with shapes: what is favoured is underlined by a line, what is not by dots, so that nobody needs to see
// the difference between green and copper. Contrast of text is at least 4.5 to 1 in both schemes.
//
// Tested by tests/verify/report/pages_test.cc and tests/report/browser_test.py.
#include "verify/report/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "verify/limits.h"
#include "verify/report/printable.h"

namespace verdigris::verify {
namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--paper:#fbfcfa;--card:#fff;--ink:#1d2826;--quiet:#55625e;--line:#d5dedb;--accent:#17695d;--tint:#cfe9e2;--copper:#92400e;--warn:#fdf1e3}
@media (prefers-color-scheme:dark){:root{--paper:#111716;--card:#182120;--ink:#e4ebe8;--quiet:#a3b3ae;--line:#2f3d3a;--accent:#73cdb9;--tint:#1c4a42;--copper:#f0ab74;--warn:#33261a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main,header,footer{max-width:70rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.2rem}
header p{margin:0;color:var(--accent);font-size:.85rem;letter-spacing:.06em;text-transform:uppercase}
h1{font-size:1.75rem;line-height:1.25;margin:.2rem 0 1rem;font-weight:650;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.6rem 0 .7rem;padding-bottom:.25rem;border-bottom:2px solid var(--accent);font-weight:650}
h3{font-size:1rem;margin:1.6rem 0 .5rem;font-weight:650;overflow-wrap:anywhere}
p{max-width:46rem;margin:.6rem 0}
.lead{font-size:1.1rem}
.note{background:var(--warn);border-left:4px solid var(--copper);padding:.6rem .9rem}
.quiet,figcaption,caption{color:var(--quiet);font-size:.88rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:1.2rem;align-items:start}
figure{margin:1rem 0;padding:.9rem;background:var(--card);border:1px solid var(--line);border-radius:.4rem;min-width:0}
.figures figure{margin:0}
figcaption{margin-top:.5rem;max-width:46rem}
figcaption b{color:var(--ink)}
svg{display:block;width:100%;height:auto;overflow:hidden}
svg text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:var(--quiet)}
svg .t{fill:var(--ink)}
.grid{stroke:var(--line);stroke-width:1}
.axis{stroke:var(--quiet);stroke-width:1}
.band{fill:var(--tint);stroke:none}
.bar{fill:var(--accent)}
.out{fill:var(--copper)}
.mark{fill:none;stroke:var(--copper);stroke-width:2;stroke-dasharray:6 4}
.fair{fill:none;stroke:var(--quiet);stroke-width:1.5;stroke-dasharray:2 4}
.curve{fill:none;stroke:var(--accent);stroke-width:2;stroke-linejoin:round}
.area{fill:var(--tint);stroke:none}
.dot{fill:var(--accent);stroke:var(--card);stroke-width:1}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0;padding:0;list-style:none}
.tiles li{flex:1 1 8.5rem;background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .9rem}
.tiles b{display:block;font-size:1.4rem;font-weight:600;font-variant-numeric:tabular-nums}
.tiles span{color:var(--quiet);font-size:.85rem}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:.4rem;background:var(--card)}
.wide:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.6rem .8rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .8rem;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--quiet);font-weight:600;white-space:nowrap}
tbody th{font-weight:500}
td.n,th.n{text-align:right;white-space:nowrap}
td.name,th.name{min-width:14rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:minmax(6.5rem,max-content) minmax(0,1fr);gap:.3rem 1rem;margin:.8rem 0}
dt{color:var(--quiet)}
dd{margin:0;overflow-wrap:anywhere;max-width:46rem}
code{font:.88em ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
a{color:var(--accent)}
sup{font-size:.75em;line-height:0}
.text{white-space:pre-wrap;overflow-wrap:anywhere;font:1.02rem/1.85 Charter,"Bitstream Charter",Cambria,Georgia,serif;background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:1rem 1.2rem}
.text b,.key b{font-weight:inherit;background:var(--tint);box-shadow:inset 0 -2px var(--accent);border-radius:2px}
.text i,.key i{font-style:normal;color:var(--copper);text-decoration:underline dotted;text-decoration-thickness:1px;text-underline-offset:.22em}
.text small,.key small{font-size:inherit;color:var(--quiet)}
.key{color:var(--quiet);font-size:.88rem}
.key b{color:var(--ink)}
.cut{color:var(--quiet)}
details{margin:.6rem 0}
summary{cursor:pointer;color:var(--accent);font-size:.88rem}
footer{padding-bottom:3rem}
footer ul{max-width:46rem;padding-left:1.1rem}
footer li{margin:.35rem 0}
@media (max-width:40rem){svg.long text{font-size:22px}dl{grid-template-columns:minmax(0,1fr)}dt{margin-top:.4rem}h1{font-size:1.4rem}th,td{padding:.35rem .5rem}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--quiet:#444;--line:#bbb;--accent:#17695d;--tint:#d8eee8;--copper:#7c360c;--warn:#fff}
body{font-size:10pt}main,header,footer{max-width:none;padding:0}figure,tr,li{break-inside:avoid}h2,h3{break-after:avoid}table{table-layout:fixed;width:100%}th,td,td.n,th.n,td.name,th.name,thead th{white-space:normal;min-width:0;overflow-wrap:anywhere}.wide{overflow:visible}thead{display:table-header-group}
.text b,.band,.area,.bar{print-color-adjust:exact;-webkit-print-color-adjust:exact}details:not([open])>*{display:none}}
)css";

void AppendEscaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
}

std::string Escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  AppendEscaped(text, out);
  return out;
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string Html(std::string_view text, size_t most_bytes) {
  if (text.size() <= most_bytes) return Escaped(Printable(text));
  // The end tells files apart more often than the start.
  size_t head = most_bytes / 3, tail = text.size() - (most_bytes - head);
  while (head > 0 && IsContinuation(text[head])) --head;
  while (tail < text.size() && IsContinuation(text[tail])) ++tail;
  return Escaped(Printable(text.substr(0, head))) + "&hellip;" + Escaped(Printable(text.substr(tail)));
}

std::string IsolatedHtml(std::string_view text, size_t most_bytes) { return "<bdi>" + Html(text, most_bytes) + "</bdi>"; }

std::string HtmlLines(std::string_view text) { return Escaped(Printable(text, /*keep_lines=*/true)); }

std::string HtmlTenTo(double log10_p, int places) {
  const double scale = std::pow(10, places);
  const double rounded = std::ceil(log10_p * scale - 1e-9) / scale;
  if (rounded >= 0) return "1";
  char text[64];
  std::snprintf(text, sizeof text, "10<sup>&minus;%.*f</sup>", places, -rounded);
  return text;
}

void WritePageHead(std::string_view kind, std::string_view title, const Sink& out) {
  const std::string shown = Html(title, 200);
  out("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"verdigris " VERDIGRIS_VERSION "\">\n<title>");
  out(shown + " - Verdigris</title>\n<style>");
  out(kStyle);
  out("</style>\n</head>\n<body>\n<header>\n<p>" + Html(kind) + "</p>\n<h1><bdi>" + shown + "</bdi></h1>\n</header>\n<main>\n");
}

void WritePageEnd(std::string_view limits_before, std::string_view made_from, const Sink& out) {
  out("</main>\n<footer>\n<h2>What this does not show</h2>\n<ul>\n");
  out(limits_before);
  for (const std::string_view limit : kLimits) out("<li>" + Html(limit) + "</li>\n");
  out("</ul>\n<p class=\"quiet\">");
  out(made_from);
  out("</p>\n</footer>\n</body>\n</html>\n");
}

}  // namespace verdigris::verify
