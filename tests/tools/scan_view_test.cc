// What a scan says of its progress: the line of corpus.md C11, and numbers that are not known are left out.
#include "tools/scan_view.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace verdigris;
using namespace verdigris::tools;
using namespace verdigris::verify;

TEST_CASE("the line of progress: what was there before says nothing of the speed") {
  ScanProgress progress;
  progress.bytes_total = 1000;
  progress.bytes_done = 363;
  progress.text_bytes = uint64_t{38} << 30;
  progress.docs = 27900 * 425;
  progress.hits = 214;
  progress.inputs_failed = 1;
  progress.failed = 2;
  progress.units_done = 600;
  progress.units_passed = 13;
  progress.units_total = 1690;
  CHECK(ProgressLine(progress, 425) == "units 613/1690 36.3% text 38.0GiB 96.0MB/s docs 27900/s hits 214 failed 3 left 12:26");
  progress.bytes_passed = 263;
  CHECK(ProgressLine(progress, 425).ends_with("left 45:08"));
  progress.bytes_done = 1000;
  CHECK(ProgressLine(progress, 425).find(" 99.9% ") != std::string::npos);
  progress.bytes_total = progress.bytes_done = progress.bytes_passed = 0;  // standard input
  const std::string line = ProgressLine(progress, 425);
  CHECK(line.find('%') == std::string::npos);
  CHECK(line.find("left") == std::string::npos);
}

TEST_CASE("progress as JSON: the members of C11") {
  ScanProgress progress;
  progress.bytes_total = 1000;
  progress.bytes_done = 250;
  progress.docs = 7;
  const auto json = nlohmann::json::parse(ProgressJson(progress, 10));
  CHECK(json["schema"] == "verdigris.progress/1");
  for (const char* name : {"bytes_done", "bytes_total", "docs", "failed", "hits", "left_s", "text_bytes", "units_done", "units_total"}) {
    CAPTURE(name);
    CHECK(json.contains(name));
  }
  CHECK(json.size() == 10);
  CHECK(json["left_s"] == 30);
  progress.bytes_done = 0;
  CHECK(!nlohmann::json::parse(ProgressJson(progress, 10)).contains("left_s"));
}

TEST_CASE("bytes, times and sparklines") {
  CHECK(ByteText(0) == "0B");
  CHECK(ByteText(1023) == "1023B");
  CHECK(ByteText(1536) == "1.5KiB");
  CHECK(TimeText(0) == "0:00");
  CHECK(TimeText(59.2) == "1:00");
  CHECK(TimeText(3599) == "59:59");
  CHECK(TimeText(3600) == "1:00:00");
  CHECK(Sparkline(std::vector<uint64_t>{0, 1, 4, 8}) == "\u2581\u2582\u2585\u2588");
  CHECK(Sparkline({}) == "");
  CHECK(Sparkline(std::vector<uint64_t>{0, 0}) == "\u2581\u2581");
}
