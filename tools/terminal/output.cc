// A full disk may show only when the descriptor is closed (NFS, quotas), so that is asked too.
// Tested by tests/cli/output.sh.
#include "tools/terminal/output.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tools/terminal/message.h"

namespace verdigris::tools {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 16;

}  // namespace

void Output::Write(std::string_view text) {
  if (lost()) return;
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) Flush();
}

void Output::Flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && !lost()) {
    const ssize_t put = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (put >= 0) {
      rest.remove_prefix(static_cast<size_t>(put));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  buffer_.clear();
}

ExitCode Output::Finish(ExitCode code) {
  const bool used = !buffer_.empty() || lost();
  Flush();
  if (used && !lost() && ::close(STDOUT_FILENO) != 0 && errno != EINTR) error_ = errno;
  if (!lost()) return code;
  if (error_ != EPIPE && error_ != EBADF) {
    PrintError({ErrorKind::kInternal, "standard output could not be written: " + std::error_code(error_, std::generic_category()).message()});
  }
  return kExitInternal;
}

}  // namespace verdigris::tools
