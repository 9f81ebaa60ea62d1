// What a scan shows while it runs and when it ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "verify/corpus/result_files.h"
#include "verify/corpus/scan.h"

namespace verdigris::tools {

// "38.0GiB"
std::string ByteText(double bytes);
// "11:52", "3:02:11"
std::string TimeText(double seconds);
// Heights of counts: eight steps from the smallest nothing to the largest.
std::string Sparkline(std::span<const uint64_t> counts);

// "units 613/1690 36.3% text 38.0GiB 96.1MB/s docs 27900/s hits 214 failed 3 left 11:52". Numbers are of this scan; the percentage
// is of the files' bytes, at most 99.9, and with the time left only where these are known.
std::string ProgressLine(const verify::ScanProgress& progress, double seconds);
// verdigris.progress/1, one line.
std::string ProgressJson(const verify::ScanProgress& progress, double seconds);

// On standard error: a bar on a terminal, a line every 30 seconds elsewhere, or a line of JSON every second.
class ScanView {
 public:
  enum class Form { kAuto, kJson };
  explicit ScanView(Form form);
  ~ScanView();
  ScanView(const ScanView&) = delete;

  void Update(const verify::ScanProgress& progress);
  // Makes room for a message.
  void Clear();
  // The last line of JSON.
  void End(const verify::ScanProgress& progress);
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  Form form_;
  bool terminal_, shown_ = false;
  Clock::time_point start_, next_;
};

// Tested, short and failed documents, p-values, findings, root, and what to do next.
std::string SummaryText(const verify::CorpusSummary& summary, const std::string& directory);

}  // namespace verdigris::tools
