// Progress of long work, on standard error: a bar on a terminal, elsewhere a plain line every 30 seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace verdigris::tools {

class Progress {
 public:
  // `what` is a plural, such as "tokens". `already`: done before this run, which says nothing of its speed.
  Progress(std::string what, uint64_t total, uint64_t already = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `more` stands behind the numbers.
  void Update(uint64_t done, std::string_view more = {});

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  uint64_t total_, already_;
  bool terminal_;
  bool shown_ = false;  // a bar stands on the line
  Clock::time_point start_, next_;
};

}  // namespace verdigris::tools
