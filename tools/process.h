// What the process asks of the system before it reads anything (keys-and-evidence.md E10).
#pragma once

#include <signal.h>

#include <cstddef>

namespace verdigris::tools {

// No core image, since it would hold keys; descriptors 0 to 2 taken, so that no file is opened in the place of a closed
// one and then written messages; SIGPIPE ignored, so that a closed pipe is an error that can be dealt with; SIGINT and
// SIGTERM end with 130 and 143.
void PrepareProcess();

// OpenSSL's secure heap, large enough for the keys that `arguments` arguments can name. Where the system gives none,
// secrets lie on the ordinary heap and are wiped all the same.
void MakeSecureHeap(size_t arguments);

// While it lives, the first SIGINT or SIGTERM is only remembered, so that the program can end in order; a second one ends it at
// once. One at a time.
class SignalWatch {
 public:
  SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  ~SignalWatch();

  // The signal that came, or 0.
  int caught() const;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM};
  struct sigaction old_[2] {};
};

}  // namespace verdigris::tools
