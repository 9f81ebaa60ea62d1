// Nothing is shown in the first second: most work is done by then.
#include "tools/terminal/progress.h"

#include <unistd.h>

#include <cstdio>

#include "tools/terminal/message.h"

namespace verdigris::tools {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kFirst{1000}, kBarEvery{100}, kLineEvery{30000};
constexpr int kBarCells = 30;

}  // namespace

Progress::Progress(std::string what, uint64_t total, uint64_t already)
    : what_(std::move(what)), total_(total), already_(already), terminal_(::isatty(STDERR_FILENO) == 1), start_(Clock::now()),
      next_(start_ + (terminal_ ? kFirst : kLineEvery)) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::Update(uint64_t done, std::string_view more) {
  const Clock::time_point now = Clock::now();
  if (now < next_ || done <= already_ || done >= total_) return;
  next_ = now + (terminal_ ? kBarEvery : kLineEvery);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double left = seconds / static_cast<double>(done - already_) * static_cast<double>(total_ - done);
  char text[128];
  std::snprintf(text, sizeof text, "%llu of %llu %s, about %.0f s left", static_cast<unsigned long long>(done),
                static_cast<unsigned long long>(total_), what_.c_str(), left);
  const std::string line = std::string(text) + (more.empty() ? "" : "; ") + std::string(more);
  if (!terminal_) return PrintNote(line);
  const int cells = static_cast<int>(static_cast<double>(kBarCells) * static_cast<double>(done) / static_cast<double>(total_));
  std::fprintf(stderr, "\r[%s%s] %s\x1b[K", std::string(static_cast<size_t>(cells), '#').c_str(),
               std::string(static_cast<size_t>(kBarCells - cells), ' ').c_str(), line.c_str());
  shown_ = true;
}

}  // namespace verdigris::tools
