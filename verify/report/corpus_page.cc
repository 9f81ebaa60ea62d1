// Tested by tests/verify/report/pages_test.cc, tests/cli/report.sh and tests/report/browser_test.py.
#include "verify/report/corpus_page.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "verify/report/figures.h"
#include "verify/report/picture.h"
#include "verify/report/text_page.h"
#include "verify/report/uniformity.h"

namespace verdigris::verify {
namespace {

constexpr size_t kTailBins = 400;                         // tenths of a decade
constexpr size_t kMostName = 160;                         // bytes of a name in a table
constexpr size_t kTableBytes = size_t{2} << 20;           // of the table of findings, whatever names do
constexpr size_t kSnippetBytes = size_t{20} << 10;        // of one text
constexpr size_t kMostUnfoldedKids = 2;

struct ControlWords {
  std::string_view control, name, claim;
};
constexpr ControlWords kControls[] = {
    {"bh", "Benjamini-Hochberg", "on average at most this share of the findings is false, where documents that are not marked share no tuples with marked ones"},
    {"by", "Benjamini-Yekutieli", "on average at most this share of the findings is false, whatever documents share"},
    {"ebh", "e-BH", "on average at most this share of the findings is false, whatever documents share"},
    {"holm", "Holm", "the chance that any finding is false is at most this"},
    {"none", "no control", "every document with p at or below tau is listed, chance findings among them"},
};
const ControlWords& WordsOf(std::string_view control) {
  const auto* at = std::find_if(std::begin(kControls), std::end(kControls), [&](const ControlWords& words) { return words.control == control; });
  return at == std::end(kControls) ? kControls[4] : *at;
}

std::string LevelText(double log10_alpha) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", std::pow(10, log10_alpha));
  return text;
}

std::string KidsHtml(const std::vector<std::string>& kids) {
  std::string out;
  for (size_t i = 0; i < kids.size() && i < kMostUnfoldedKids; ++i) out += (i > 0 ? " + " : "") + std::string("<code>") + Html(kids[i]) + "</code>";
  return kids.size() > kMostUnfoldedKids ? out + " and " + std::to_string(kids.size() - kMostUnfoldedKids) + " more" : out;
}

void Tile(std::string_view label, uint64_t count, const Sink& out) {
  out("<li><b>" + Grouped(count) + "</b><span>" + std::string(label) + "</span></li>\n");
}

uint64_t CountOf(const CorpusSummary& summary, const char* name) {
  const auto at = summary.counts.find(name);
  return at == summary.counts.end() ? 0 : at->second;
}

// Documents with p at or below 10^-(i/10), for each i from 1 on: out of the histogram above tau, and the rows below it.
std::vector<uint64_t> CountsAtLevels(const TestSummary& test, const std::vector<uint64_t>& tail, size_t levels) {
  std::vector<uint64_t> below(levels + 2, 0);  // with -log10 p in [i/10, (i+1)/10); the last is all beyond
  for (size_t i = 0; i < test.histogram.size(); ++i) below[std::min(i / 10, levels + 1)] += test.histogram[i];
  for (size_t i = 0; i < tail.size(); ++i) below[std::min(i, levels + 1)] += tail[i];
  std::vector<uint64_t> counts(levels + 2, 0);
  uint64_t sum = 0;
  for (size_t i = below.size(); i-- > 0;) counts[i] = sum += below[i];
  return counts;
}

std::string PlaceText(const DocumentResult& row) {
  std::string text = "place " + Grouped(row.offset) + ", " + Grouped(row.length) + " bytes";
  if (row.part > 0) text += ", part " + Grouped(row.part);
  return text;
}

std::string SpansText(const DocumentResult& row) {
  constexpr size_t kMost = 3;
  std::string text;
  for (size_t i = 0; i < row.spans.size() && i < kMost; ++i) {
    text += (i > 0 ? ", " : "") + Grouped(row.spans[i].bytes[0]) + " to " + Grouped(row.spans[i].bytes[1]);
  }
  if (row.spans.size() > kMost) text += " and " + Grouped(row.spans.size() - kMost) + " more";
  return text;
}

}  // namespace

CorpusPage::CorpusPage(CorpusSummary summary, std::string folder)
    : summary_(std::move(summary)), folder_(std::move(folder)), findings_(kMostRows), groups_(kMostGroups),
      tail_(std::min(summary_.tests.size(), kMostTests), std::vector<uint64_t>(kTailBins, 0)) {}

void CorpusPage::Add(const DocumentResult& row) {
  if (row.finding) findings_.Add(row);
  if (row.test >= tail_.size()) return;
  // p = 10^-(i/10) itself is at the level i; log10 p is a rounded number.
  const double tenths = std::floor(-row.log10_p * 10 + 1e-9);
  ++tail_[row.test][static_cast<size_t>(std::clamp(tenths, 0.0, static_cast<double>(kTailBins - 1)))];
}

void CorpusPage::Add(const GroupResult& row) { groups_.Add(row); }

void CorpusPage::Add(const ErrorResult& row) {
  ++error_rows_;
  if (errors_.size() < kMostErrors) errors_.push_back(row);
}

void CorpusPage::WriteHead(const Sink& out) const {
  WritePageHead("Verdigris corpus report", folder_, out);
  const auto sum = [&](uint64_t TestSummary::*member) {
    return std::accumulate(summary_.tests.begin(), summary_.tests.end(), uint64_t{0}, [&](uint64_t total, const TestSummary& test) { return total + test.*member; });
  };
  const uint64_t m = sum(&TestSummary::m), found = sum(&TestSummary::findings), known = sum(&TestSummary::baseline);
  if (summary_.partial) {
    out("<p class=\"note\"><b>Partial.</b> Units of this corpus are missing, so these numbers are not those of the whole. `verdigris merge` lists what is missing.</p>\n");
  }
  const ControlWords& words = WordsOf(summary_.control);
  std::string lead = found == 0 ? "No document carries the mark at this level, of " : Grouped(found) + (found == 1 ? " finding in " : " findings in ");
  lead += Grouped(m) + (summary_.tests.size() == 1 ? " documents tested." : " tests of documents.");
  if (known > 0) lead += " " + Grouped(known) + " of them were known before.";
  if (found == 0) lead += " This is no evidence that the corpus holds none: see what the test was worth.";
  out("<p class=\"lead\">" + lead + "</p>\n");
  out("<p>" + std::string(words.name) + (summary_.control == "none" ? "" : " at " + LevelText(summary_.alpha_log10)) + ": " + std::string(words.claim) +
      ". All " + Grouped(m) + " tests count, those that found nothing too.</p>\n<ul class=\"tiles\">\n");
  Tile("documents read", CountOf(summary_, "documents"), out);
  Tile("tested", CountOf(summary_, "tested"), out);
  Tile(summary_.first_seen ? "too little of their own to test" : "too short to test", CountOf(summary_, "untested"), out);
  Tile("could not be read", CountOf(summary_, "failed"), out);
  Tile("findings", found, out);
  Tile("distinct texts among them", sum(&TestSummary::distinct_texts), out);
  out("</ul>\n");
  if (summary_.first_seen) out("<p>First-seen assignment: what several documents have in common counts in the first of them alone.</p>\n");
  if (const auto& calibration = summary_.calibration) {
    out("<p>Calibration: documents overlap by rho " + Places(calibration->rho) + ". For 90 % of keys the share of unmarked documents with p at or below " + PrintReal(calibration->alpha) +
        " lies from " + PrintReal(calibration->from) + " to " + PrintReal(calibration->to) + (calibration->tests > 1 ? "; the keys were chosen among " + Grouped(calibration->tests) + ", which is counted" : "") + ".</p>\n");
  }
  out("<dl>\n<dt>Evidence root</dt><dd>" + (summary_.root.empty() ? "none: partial" : "<code>" + Html(summary_.root) + "</code>") +
      "</dd>\n<dt>Run</dt><dd><code>" + Html(summary_.run) + "</code>, " + Grouped(summary_.units) + " units, " + Grouped(CountOf(summary_, "text_bytes")) +
      " bytes of text</dd>\n<dt>Scheme</dt><dd>" + Html(summary_.scheme) + ", profile <code>" + Html(summary_.profile) + "</code></dd>\n</dl>\n");
}

void CorpusPage::WriteTest(size_t at, const Sink& out) const {
  const TestSummary& test = summary_.tests[at];
  out("<h2>" + (summary_.tests.size() == 1 ? std::string("The test") : "Test " + std::to_string(at + 1) + " of " + std::to_string(summary_.tests.size())) +
      "</h2>\n<p>Key " + KidsHtml(test.kids) + ", text " + Html(test.variant) + ": " + Grouped(test.m) + " documents tested, " + Grouped(test.rows) +
      " with p at or below " + HtmlTenTo(summary_.tau_log10, 2) + ", " + Grouped(test.findings) + " findings.</p>\n");
  if (test.m == 0) {
    out("<p class=\"note\">No document was long enough to be tested.</p>\n");
    return;
  }
  const std::string m = Grouped(test.m);
  const CountBand bin_band = BinomialBand(test.m, 1 / std::max(2.0, static_cast<double>(test.uniform.size())), test.uniform.size());
  const double decades = std::log10(static_cast<double>(test.m));
  const size_t levels = static_cast<size_t>(std::clamp(std::ceil(10 * (std::max(-summary_.tau_log10, decades) + 1)), 10.0, static_cast<double>(kTailBins - 10)));
  const std::vector<uint64_t> counts = CountsAtLevels(test, tail_[at], levels);
  std::vector<Quantile> quantiles;
  for (size_t i = 1; i <= levels; ++i) {
    const double y = static_cast<double>(i) / 10;
    quantiles.push_back({y, counts[i], BinomialBand(test.m, std::pow(10, -y), levels)});
  }
  out("<div class=\"figures\">\n");
  if (!test.uniform.empty()) {
    out("<figure>\n" + HistogramPicture(test.uniform, test.m, bin_band) + "<figcaption><b>All p-values.</b> Unmarked documents spread evenly; the dashed lines are the band "
        "that all " + std::to_string(test.uniform.size()) + " bars keep to with a chance of 95 % (each a Binomial(" + m + ", 1/" + std::to_string(test.uniform.size()) +
        "), exact tails, Bonferroni). A bar outside is copper with a wedge above. Marked documents make the first bar rise.</figcaption>\n<details><summary>Numbers</summary><div class=\"wide\" "
        "tabindex=\"0\" role=\"region\" aria-label=\"Numbers of the histogram\"><table><caption>Band " + Grouped(bin_band.lower) + " to " + Grouped(bin_band.upper) +
        "</caption><thead><tr><th scope=\"col\">p up to</th><th scope=\"col\" class=\"n\">documents</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < test.uniform.size(); ++i) {
      out("<tr><th scope=\"row\">" + PrintReal(static_cast<double>(i + 1) / static_cast<double>(test.uniform.size())) + "</th><td class=\"n\">" + Grouped(test.uniform[i]) + "</td></tr>\n");
    }
    out("</tbody></table></div></details>\n</figure>\n");
  }
  out("<figure>\n" + QuantilePicture(quantiles, test.m, counts[levels + 1]) +
      "<figcaption><b>Small p-values</b> (a QQ plot, logarithmic). At each level the share of documents at or below it; unmarked ones follow the dotted line and stay in the "
      "shaded band at all " + std::to_string(levels) + " levels with a chance of 95 % (each count a Binomial(" + m + ", level), exact tails, Bonferroni). Left of "
      "the band, as copper diamonds, are more small p-values than chance gives. Documents that share text scatter wider than the band.</figcaption>\n</figure>\n");
  out("<figure>\n" + LengthPicture(test.lengths) + "<figcaption><b>Lengths</b> of the documents tested, in scored tokens; each bin is twice as long as the one before.</figcaption>\n</figure>\n");
  if (test.power) {
    out("<figure>\n" + PowerPicture(test.power->power) + "<figcaption><b>Power.</b> Of marked documents of the median length, " + Grouped(test.power->length) +
        " scored tokens (1.2 bit a token), " + Percent(test.power->power) + " would have p at or below " + HtmlTenTo(test.power->log10_alpha, 2) + "." +
        (test.power->tokens_needed ? " For 90 % it takes " + Grouped(*test.power->tokens_needed) + " scored tokens." : "") +
        " Shorter ones are found less often, and a document that was not found may be marked.</figcaption>\n</figure>\n");
  }
  out("</div>\n");
}

void CorpusPage::WriteFindings(const std::vector<DocumentResult>& rows, size_t snippets, const Sink& out) const {
  out("<h2>Findings</h2>\n");
  if (rows.empty()) {
    out("<p>None.</p>\n");
    return;
  }
  const bool several = summary_.tests.size() > 1;
  const bool grouped = std::any_of(rows.begin(), rows.end(), [](const DocumentResult& row) { return !row.group.empty(); });
  out("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Findings\"><table>\n<caption>By p, the smallest first. q is the least level at which a document would still be a finding.</caption>\n"
      "<thead><tr><th scope=\"col\">p</th><th scope=\"col\">q</th><th scope=\"col\" class=\"name\">document</th><th scope=\"col\" class=\"n\">scored</th>" +
      std::string(several ? "<th scope=\"col\">test</th>" : "") + (grouped ? "<th scope=\"col\">group</th>" : "") + "<th scope=\"col\">marked bytes</th><th scope=\"col\">note</th></tr></thead>\n<tbody>\n");
  size_t written = 0, bytes = 0;
  for (const DocumentResult& row : rows) {
    if (bytes >= kTableBytes) break;
    const std::string name = IsolatedHtml(row.uri, kMostName);
    std::string html = "<tr><th scope=\"row\">" + HtmlTenTo(row.log10_p) + "</th><td>" + (row.log10_q ? HtmlTenTo(*row.log10_q) : "&ndash;") + "</td><td class=\"name\">" +
                       (written < snippets ? "<a href=\"#t" + std::to_string(written + 1) + "\">" + name + "</a>" : name) + "<br><span class=\"quiet\">" + PlaceText(row) +
                       (row.id.empty() ? "" : ", " + IsolatedHtml(row.id, kMostName)) + "</span></td><td class=\"n\">" + Grouped(row.n) + "</td>";
    if (several) html += "<td>" + Grouped(row.test + 1) + "</td>";
    if (grouped) html += "<td>" + IsolatedHtml(row.group, kMostName) + "</td>";
    html += "<td>" + (row.spans.empty() ? "&ndash;" : SpansText(row)) + "</td><td>" + (row.baseline ? "known" : "new") + "</td></tr>\n";
    out(html);
    bytes += html.size();
    ++written;
  }
  out("</tbody></table></div>\n");
  if (findings_.seen() > written) {
    out("<p class=\"note\">" + Grouped(findings_.seen() - written) + " findings more are not on this page. They are in <code>" + Html(folder_, kMostName) + "/" +
        std::string(kResultsFile) + "</code>; <code>verdigris report --format csv</code> writes all of them.</p>\n");
  }
}

void CorpusPage::WriteGroups(const Sink& out) {
  const uint64_t seen = groups_.seen();
  const std::vector<GroupResult> rows = groups_.Take();
  if (rows.empty()) return;
  out("<h2>Groups</h2>\n<p>Each group is one test over the tuples of its documents, every tuple counted once. Holm over all groups: the chance that any that is found is found falsely is at most " +
      LevelText(summary_.alpha_log10) + ". " + Grouped(summary_.group_findings) + " of " + Grouped(summary_.groups) + " were found.</p>\n"
      "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Groups\"><table>\n<caption>By p, the smallest first. Inflation is how much wider a count that did not drop repeats would scatter.</caption>\n"
      "<thead><tr><th scope=\"col\">p</th><th scope=\"col\" class=\"name\">group</th><th scope=\"col\" class=\"n\">documents</th><th scope=\"col\" class=\"n\">tuples</th>"
      "<th scope=\"col\">sampled</th><th scope=\"col\" class=\"n\">inflation</th><th scope=\"col\">found</th></tr></thead>\n<tbody>\n");
  for (const GroupResult& row : rows) {
    const std::string sampled = (row.sample_log2 == 0 ? std::string("all") : "1 in 2<sup>" + std::to_string(row.sample_log2) + "</sup>") + (row.full ? ", the first kept" : "");
    char inflation[32];
    std::snprintf(inflation, sizeof inflation, "%.2f", row.inflation);
    out("<tr><th scope=\"row\">" + HtmlTenTo(row.log10_p) + "</th><td class=\"name\">" + IsolatedHtml(row.name, kMostName) + "</td><td class=\"n\">" + Grouped(row.documents) +
        "</td><td class=\"n\">" + Grouped(row.n) + "</td><td>" + sampled + "</td><td class=\"n\">" + inflation + "</td><td>" + (row.finding ? "&#9679; yes" : "&#9675; no") + "</td></tr>\n");
  }
  out("</tbody></table></div>\n");
  if (seen > rows.size()) {
    out("<p class=\"note\">" + Grouped(seen - rows.size()) + " groups more are in <code>" + Html(folder_, kMostName) + "/" + std::string(kGroupsFile) + "</code>.</p>\n");
  }
}

void CorpusPage::WriteErrors(const Sink& out) const {
  if (summary_.errors.empty() && error_rows_ == 0) return;
  out("<h2>What could not be read</h2>\n<p>These were not tested, and say nothing about what they hold.</p>\n"
      "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Errors by code\"><table>\n<caption>By code</caption>\n"
      "<thead><tr><th scope=\"col\">code</th><th scope=\"col\" class=\"n\">records</th></tr></thead>\n<tbody>\n");
  for (const auto& [code, count] : summary_.errors) out("<tr><th scope=\"row\"><code>" + Html(code) + "</code></th><td class=\"n\">" + Grouped(count) + "</td></tr>\n");
  out("</tbody></table></div>\n");
  if (errors_.empty()) return;
  out("<details><summary>The first " + Grouped(errors_.size()) + "</summary><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Errors\"><table>\n<caption>All " + Grouped(error_rows_) +
      " that were listed are in " + std::string(kErrorsFile) + "</caption>\n<thead><tr><th scope=\"col\">code</th><th scope=\"col\" class=\"name\">input</th><th scope=\"col\" class=\"n\">place</th></tr></thead>\n<tbody>\n");
  for (const ErrorResult& row : errors_) {
    out("<tr><th scope=\"row\"><code>" + Html(row.code) + "</code></th><td class=\"name\">" + IsolatedHtml(row.uri, kMostName) + "</td><td class=\"n\">" + (row.offset ? Grouped(*row.offset) : "all of it") + "</td></tr>\n");
  }
  out("</tbody></table></div></details>\n");
}

void CorpusPage::Write(size_t snippets, const std::function<Result<Snippet>(const DocumentResult&)>& read, const Sink& out) {
  WriteHead(out);
  const size_t shown = tail_.size();
  for (size_t at = 0; at < shown; ++at) WriteTest(at, out);
  if (shown < summary_.tests.size()) {
    out("<p class=\"note\">" + Grouped(summary_.tests.size() - shown) + " tests more have no pictures here; their numbers are in <code>" + std::string(kSummaryFile) + "</code>.</p>\n");
  }
  const std::vector<DocumentResult> rows = findings_.Take();
  snippets = std::min({snippets, rows.size(), kMostSnippets});
  WriteFindings(rows, snippets, out);
  for (size_t i = 0; i < snippets; ++i) {
    if (i == 0) out("<h2>Texts</h2>\n<p>Read again from their inputs; the digest of each is that of the document that was tested.</p>\n");
    const DocumentResult& row = rows[i];
    out("<h3 id=\"t" + std::to_string(i + 1) + "\">" + HtmlTenTo(row.log10_p) + " " + IsolatedHtml(row.uri, kMostName) + ", " + PlaceText(row) + "</h3>\n");
    const auto snippet = read(row);
    if (snippet) {
      WriteTokens(snippet->document, snippet->tokens, snippet->states, snippet->law, row.spans.empty() ? 0 : row.spans.front().tokens[0], kSnippetBytes, out);
    } else {
      out("<p class=\"note\">Not shown: " + Html(snippet.error().message, 400) + "</p>\n");
    }
  }
  WriteGroups(out);
  WriteErrors(out);
  WritePageEnd("<li>A document that is no finding may be marked all the same: it was too short, was changed, or carries another key's mark.</li>\n"
               "<li>A finding is a document that scores higher under the key than chance allows, not a proof of how the text came there. Copies of one marked text are as many findings.</li>\n"
               "<li>Documents of one corpus under one key share tuples. That moves all of them together: the numbers hold on average over keys, and scatter more for one (docs/statistics.md).</li>\n",
               "Made from the result files in <code>" + Html(folder_, kMostName) + "</code>, without looking at the corpus again" + (snippets > 0 ? " but for the texts shown" : "") +
                   ". Whoever has the corpus, the profile and the key gets the same evidence root from <code>verdigris scan</code>.",
               out);
}

}  // namespace verdigris::verify
