// What stands in a page is checked here; how a browser shows it, by tests/report/browser_test.py.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "verify/limits.h"
#include "verify/report/corpus_page.h"
#include "verify/report/html.h"
#include "verify/report/text_page.h"

namespace verdigris::verify {
namespace {

const std::string kHostile = "<script>alert(1)</script>\n\x1b[2J\xE2\x80\xAE\"'&\xFF";

// Elements are closed in the order in which they were opened, and attributes are quoted.
std::string FaultOf(const std::string& page) {
  static const std::map<std::string, bool> kVoid = {{"meta", true}, {"br", true}};
  std::vector<std::string> open;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    if (page.compare(at, 2, "<!") == 0) continue;
    const size_t end = page.find('>', at);
    if (end == std::string::npos) return "a tag without end";
    std::string tag = page.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return "< inside of <" + tag;
    if (tag.ends_with("/")) continue;
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    if (name.starts_with("/")) {
      if (open.empty() || "/" + open.back() != name) return name + " closes " + (open.empty() ? "nothing" : open.back());
      open.pop_back();
    } else if (!kVoid.count(name)) {
      open.push_back(name);
      if (name == "style") at = page.find("</style>", at) - 1;
    }
  }
  return open.empty() ? "" : open.back() + " stays open";
}

size_t CountOf(const std::string& text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

CorpusSummary Summary(uint64_t m, uint64_t rows) {
  CorpusSummary summary;
  summary.run = summary.root = summary.profile = std::string(64, 'a');
  summary.scheme = "green";
  summary.alpha_log10 = -2, summary.tau_log10 = -3;
  summary.control = "bh";
  summary.counts = {{"documents", m}, {"tested", m}};
  TestSummary test;
  test.kids = {"090ebcf4285fc5fc"};
  test.variant = "as-is";
  test.m = m, test.rows = test.findings = rows;
  test.histogram.assign(300, m / 300), test.uniform.assign(20, m / 20), test.lengths = {0, 0, 0, 0, 0, 0, m};
  test.power = TestSummary::AtMedian{431, 0.394, -4.5, 0.95, 381};
  summary.tests = {test};
  return summary;
}

DocumentResult Row(const std::string& name, double log10_p) {
  DocumentResult row;
  row.uri = row.id = row.group = name;
  row.kids = {"090ebcf4285fc5fc"};
  row.s = "1";
  row.log10_p = log10_p;
  row.finding = true;
  return row;
}

std::string PageOf(CorpusPage& page, size_t snippets = 0, const std::function<Result<Snippet>(const DocumentResult&)>& read = {}) {
  std::string out;
  page.Write(snippets, read, [&](std::string_view bytes) { out += bytes; });
  return out;
}

TEST_CASE("html: what comes from outside is escaped, controls and changes of direction are spelled out") {
  CHECK(Html(kHostile) == "&lt;script&gt;alert(1)&lt;/script&gt;\\x0a\\x1b[2J\\u202e&quot;&#39;&amp;\xEF\xBF\xBD");
  CHECK(HtmlLines("a\n<") == "a\n&lt;");
  CHECK(IsolatedHtml("x") == "<bdi>x</bdi>");
}

TEST_CASE("html: a long text is cut between characters, and both ends stay") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "\xC3\xA9";
  const std::string cut = Html("start" + text + "end.txt", 33);
  CHECK(cut.starts_with("start\xC3\xA9"));
  CHECK(cut.ends_with("end.txt"));
  CHECK(cut.find("\xEF\xBF\xBD") == std::string::npos);
  CHECK(cut.size() <= 33 + 8);
}

TEST_CASE("html: exponents are rounded towards less evidence") {
  CHECK(HtmlTenTo(-21.69) == "10<sup>&minus;21.6</sup>");
  CHECK(HtmlTenTo(-21.6) == "10<sup>&minus;21.6</sup>");
  CHECK(HtmlTenTo(-0.04) == "1");
  CHECK(HtmlTenTo(0) == "1");
}

TEST_CASE("corpus page: hostile names stay text, the page is well formed and asks for nothing") {
  CorpusPage page(Summary(100'000, 3), kHostile);
  for (int i = 0; i < 3; ++i) page.Add(Row(kHostile, -10 - i));
  GroupResult group;
  group.name = kHostile, group.s = "1";
  page.Add(group);
  page.Add(ErrorResult{kHostile, "json", {}, {}, {}});
  const std::string html = PageOf(page);
  CHECK(FaultOf(html) == "");
  CHECK(html.find("<script") == std::string::npos);
  for (const char* fetch : {"src=", "http:", "https:", "url(", "@import", "<link", "<img", "<iframe"}) {
    CAPTURE(fetch);
    CHECK(html.find(fetch) == std::string::npos);
  }
  CHECK(html.find('\x1b') == std::string::npos);
  CHECK(html.find("\xE2\x80\xAE") == std::string::npos);
  CHECK(html.find("default-src 'none'") != std::string::npos);
  for (const std::string_view limit : kLimits) CHECK(html.find(Html(limit)) != std::string::npos);
  CHECK(CountOf(html, "<svg") == CountOf(html, "<title>") - 1);
  CHECK(CountOf(html, "<svg") == CountOf(html, "<desc>"));
  CHECK(CountOf(html, "<table>") == CountOf(html, "<caption>"));
}

TEST_CASE("corpus page: a million findings with names that grow are below 5 MB, the least p first, and the page says what is left out") {
  std::string name;
  while (name.size() < 1000) name += "\"'<>&\x1b";
  CorpusPage page(Summary(2'000'000, 1'000'000), "results");
  for (int64_t i = 0; i < 1'000'000; ++i) page.Add(Row(name, -4 - static_cast<double>(i * 7919 % 1'000'000) / 1e5));
  const std::string html = PageOf(page);
  CHECK(html.size() < 5'000'000);
  CHECK(FaultOf(html) == "");
  CHECK(html.find("findings more are not on this page") != std::string::npos);
  CHECK(html.find("<th scope=\"row\">10<sup>&minus;13.9</sup></th>") != std::string::npos);
}

TEST_CASE("corpus page: no findings, nothing tested, partial results") {
  CorpusSummary summary = Summary(0, 0);
  summary.partial = true;
  summary.root.clear();
  summary.tests[0].power.reset();
  CorpusPage page(summary, "results");
  const std::string html = PageOf(page);
  CHECK(FaultOf(html) == "");
  CHECK(html.find("<b>Partial.</b>") != std::string::npos);
  CHECK(html.find("No document was long enough") != std::string::npos);
  CHECK(html.find("no evidence that the corpus holds none") != std::string::npos);
}

TEST_CASE("corpus page: texts are shown where they can be read, and why not where they cannot") {
  CorpusPage page(Summary(1000, 2), "results");
  page.Add(Row("a", -10));
  page.Add(Row("b", -9));
  const std::string html = PageOf(page, 5, [](const DocumentResult& row) -> Result<Snippet> {
    if (row.uri == "b") return Fail(ErrorKind::kMismatch, "b: <changed>");
    return Snippet{"<b>", {{1, 0, 3}}, {{TokenState::Kind::kScored, Layer::kProvider, 1, 0}}, NullLaw::Bernoulli(1, 4)};
  });
  CHECK(FaultOf(html) == "");
  CHECK(html.find("<b>&lt;b&gt;</b>") != std::string::npos);
  CHECK(html.find("Not shown: b: &lt;changed&gt;") != std::string::npos);
  CHECK(CountOf(html, "href=\"#t") == 2);
}

TEST_CASE("text page: a hostile text and name stay text; of a long text the part around the best segment is shown") {
  Finding finding;
  finding.input = kHostile;
  finding.alpha = 1e-6;
  finding.scheme = "green";
  finding.law = NullLaw::Bernoulli(1, 4);
  std::string document;
  std::vector<Token> tokens;
  std::vector<TokenState> states;
  for (uint32_t i = 0; i < 700'000; ++i) {
    tokens.push_back({1, static_cast<uint32_t>(document.size()), static_cast<uint32_t>(document.size() + 3)});
    document += i == 650'000 ? "<x>" : "ab ";
    states.push_back({TokenState::Kind::kScored, Layer::kProvider, i % 2, i / 1e5});
  }
  finding.n = finding.counts.scored = finding.counts.tokens = tokens.size();
  finding.localized = Localized{-12, {{650'000, 650'100, std::nullopt, -12}}};
  std::string html;
  WriteTextPage({document, {{&finding, tokens, states}}}, [&](std::string_view bytes) { html += bytes; });
  CHECK(FaultOf(html) == "");
  CHECK(html.size() < 5'000'000);
  CHECK(html.find("&lt;x&gt;") != std::string::npos);
  CHECK(html.find("Tokens 649,940 to ") != std::string::npos);
  CHECK(html.find("<script") == std::string::npos);
  CHECK(CountOf(html, "<svg") == 2);
}

}  // namespace
}  // namespace verdigris::verify
