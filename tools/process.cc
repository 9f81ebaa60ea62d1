// Tested by tests/cli/output.sh, interrupted.sh and scan_signals.sh.
#include "tools/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <csignal>
#include <iterator>
#include <initializer_list>

#include <openssl/crypto.h>

namespace verdigris::tools {
namespace {

constexpr size_t kSecureHeapBytes = size_t{1} << 16;
constexpr size_t kSecureBytesPerArgument = 512;  // a key with what is derived from it

void EndOnSignal(int signal) { _exit(128 + signal); }

volatile std::sig_atomic_t g_signal = 0;

void RememberSignal(int signal) {
  if (g_signal != 0) _exit(128 + signal);
  g_signal = signal;
}

}  // namespace

void PrepareProcess() {
  const struct rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  for (int fd = 0; fd <= 2; ++fd) {
    // Open the wrong way round: reading standard input or writing standard output then fails, as on a closed one.
    if (::fcntl(fd, F_GETFD) < 0) [[maybe_unused]] const int taken = ::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
  }
  ::signal(SIGPIPE, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction old {};
    ::sigaction(signal, nullptr, &old);
    if (old.sa_handler == SIG_IGN) continue;  // as nohup and background jobs want it
    struct sigaction action {};
    action.sa_handler = EndOnSignal;
    ::sigaction(signal, &action, nullptr);
  }
}

SignalWatch::SignalWatch() {
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    struct sigaction action {};
    action.sa_handler = RememberSignal;
    ::sigaction(kSignals[i], nullptr, &old_[i]);
    if (old_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

SignalWatch::~SignalWatch() {
  for (size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &old_[i], nullptr);
}

int SignalWatch::caught() const { return g_signal; }

void MakeSecureHeap(size_t arguments) {
  CRYPTO_secure_malloc_init(std::bit_ceil(kSecureHeapBytes + arguments * kSecureBytesPerArgument), 32);
}

}  // namespace verdigris::tools
