// Tested by tests/tools/scan_view_test.cc and tests/cli/scan*.sh.
#include "tools/scan_view.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "tools/terminal/figures.h"
#include "tools/terminal/message.h"

namespace verdigris::tools {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kFirst{1000}, kBarEvery{200}, kLineEvery{30000}, kJsonEvery{1000};
constexpr int kBarCells = 16;
constexpr double kMostPercent = 99.9;  // until results are written

double Share(const verify::ScanProgress& progress) {
  if (progress.bytes_total == 0) return 0;
  return static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total);
}

// Of what this scan did, since what was there before says nothing of its speed.
double SecondsLeft(const verify::ScanProgress& progress, double seconds) {
  const uint64_t done = progress.bytes_done - progress.bytes_passed;
  if (done == 0 || progress.bytes_total < progress.bytes_done) return -1;
  return seconds / static_cast<double>(done) * static_cast<double>(progress.bytes_total - progress.bytes_done);
}

std::string Formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string CountText(uint64_t count) { return std::to_string(count); }

}  // namespace

std::string ByteText(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return Formatted(unit == 0 ? "%.0f" : "%.1f", bytes) + kUnits[unit];
}

std::string TimeText(double seconds) {
  const auto whole = static_cast<uint64_t>(std::max(0.0, std::ceil(seconds)));
  char text[48];
  if (whole < 3600) {
    std::snprintf(text, sizeof text, "%llu:%02llu", static_cast<unsigned long long>(whole / 60), static_cast<unsigned long long>(whole % 60));
  } else {
    std::snprintf(text, sizeof text, "%llu:%02llu:%02llu", static_cast<unsigned long long>(whole / 3600), static_cast<unsigned long long>(whole / 60 % 60),
                  static_cast<unsigned long long>(whole % 60));
  }
  return text;
}

std::string Sparkline(std::span<const uint64_t> counts) {
  constexpr const char* kSteps[] = {"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
  const uint64_t largest = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  std::string out;
  for (const uint64_t count : counts) {
    const double share = largest == 0 ? 0 : static_cast<double>(count) / static_cast<double>(largest);
    out += kSteps[static_cast<size_t>(std::min(7.0, std::floor(share * 8)))];
  }
  return out;
}

std::string ProgressLine(const verify::ScanProgress& p, double seconds) {
  const double time = std::max(seconds, 1e-3);
  std::string line = "units " + CountText(p.units_done + p.units_passed) + "/" + CountText(std::max(p.units_total, p.units_done + p.units_passed));
  if (p.bytes_total > 0) line += " " + Formatted("%.1f%%", std::min(kMostPercent, 100 * Share(p)));
  line += " text " + ByteText(static_cast<double>(p.text_bytes));
  line += p.text_bytes > 0 ? Formatted(" %.1fMB/s", static_cast<double>(p.text_bytes) / 1e6 / time) : Formatted(" %.1fMtokens/s", static_cast<double>(p.tokens) / 1e6 / time);
  line += Formatted(" docs %.0f/s", static_cast<double>(p.docs) / time) + " hits " + CountText(p.hits) + " failed " + CountText(p.failed + p.inputs_failed);
  const double left = SecondsLeft(p, seconds);
  if (p.bytes_total > 0 && left >= 0) line += " left " + TimeText(left);
  return line;
}

std::string ProgressJson(const verify::ScanProgress& p, double seconds) {
  nlohmann::ordered_json json = {{"schema", "verdigris.progress/1"}, {"bytes_done", p.bytes_done}, {"bytes_total", p.bytes_total}, {"docs", p.docs},
                                 {"failed", p.failed + p.inputs_failed}, {"hits", p.hits}};
  const double left = SecondsLeft(p, seconds);
  if (left >= 0) json["left_s"] = std::round(left);
  json["text_bytes"] = p.text_bytes;
  json["units_done"] = p.units_done + p.units_passed;
  json["units_total"] = std::max(p.units_total, p.units_done + p.units_passed);
  return json.dump();
}

ScanView::ScanView(Form form)
    : form_(form), terminal_(::isatty(STDERR_FILENO) == 1), start_(Clock::now()),
      next_(start_ + (form == Form::kJson ? kJsonEvery : terminal_ ? kFirst : kLineEvery)) {}

ScanView::~ScanView() { Clear(); }

double ScanView::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

void ScanView::Clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

void ScanView::Update(const verify::ScanProgress& progress) {
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  if (form_ == Form::kJson) {
    next_ = now + kJsonEvery;
    std::fprintf(stderr, "%s\n", ProgressJson(progress, seconds()).c_str());
    return;
  }
  const std::string line = ProgressLine(progress, seconds());
  if (!terminal_) {
    next_ = now + kLineEvery;
    return PrintNote("scan: " + line);
  }
  next_ = now + kBarEvery;
  const int cells = static_cast<int>(kBarCells * std::min(1.0, Share(progress)));
  std::fprintf(stderr, "\r[%s%s] %s\x1b[K", std::string(static_cast<size_t>(cells), '#').c_str(),
               std::string(static_cast<size_t>(kBarCells - cells), ' ').c_str(), line.c_str());
  std::fflush(stderr);
  shown_ = true;
}

void ScanView::End(const verify::ScanProgress& progress) {
  Clear();
  if (form_ == Form::kJson) std::fprintf(stderr, "%s\n", ProgressJson(progress, seconds()).c_str());
}

std::string SummaryText(const verify::CorpusSummary& summary, const std::string& directory) {
  const auto count = [&](const char* name) {
    const auto at = summary.counts.find(name);
    return at == summary.counts.end() ? uint64_t{0} : at->second;
  };
  std::string out = std::to_string(count("documents")) + " documents, " + std::to_string(count("tokens")) + " tokens, " + std::to_string(summary.units) + " units\n";
  out += std::to_string(count("tested")) + " tested, " + std::to_string(count("untested")) + (summary.first_seen ? " with too little of their own, " : " too short, ") + std::to_string(count("failed")) + " failed";
  std::string codes;
  for (const auto& [code, number] : summary.errors) codes += (codes.empty() ? " (" : ", ") + code + " " + std::to_string(number);
  out += codes + (codes.empty() ? "\n" : ")\n");
  for (const verify::TestSummary& test : summary.tests) {
    std::string kids;
    for (const std::string& kid : test.kids) kids += (kids.empty() ? "" : " + ") + kid;
    out += "\nkey " + kids + (test.variant == "as-is" ? "" : ", " + test.variant) + "\n";
    out += "  p from 0 to 1  " + Sparkline(test.uniform) + "   flat where nothing is marked\n";
    out += "  findings       " + std::to_string(test.findings - std::min(test.findings, test.baseline)) + " of " + std::to_string(test.m) + " tests";
    if (test.baseline > 0) out += ", and " + std::to_string(test.baseline) + " known before";
    out += ", " + std::to_string(test.distinct_texts) + " distinct texts\n";
    if (test.power) {
      out += "  power          " + Percent(test.power->power) + " at the median length, " + std::to_string(test.power->length) + " tokens\n";
    }
  }
  if (summary.groups > 0) out += "\ngroups: " + std::to_string(summary.group_findings) + " findings of " + std::to_string(summary.groups) + "\n";
  if (summary.calibration) {
    out += "\ncalibration: documents share " + Percent(summary.calibration->rho) + " of their tuples; at " + Percent(summary.calibration->alpha) + ", 5 to 95 % of keys err " +
           Percent(summary.calibration->from) + " to " + Percent(summary.calibration->to) + "; the keys are " + std::to_string(summary.calibration->tests) + " tests\n";
  }
  out += "\n" + (summary.partial ? std::string("partial: units are missing, and there is no evidence root\n") : "evidence root " + summary.root + "\n");
  out += "next: verdigris " + (summary.partial ? "scan --status " + directory : "report " + directory + " -o report.html") + "\n";
  return out;
}

}  // namespace verdigris::tools
