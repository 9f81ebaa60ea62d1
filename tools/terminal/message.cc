// One write() a line, so that lines of several processes do not mix. Tested by tests/cli/.
#include "tools/terminal/message.h"

#include <unistd.h>

#include <string>

#include "tools/terminal/printable.h"

namespace verdigris::tools {
namespace {

void PrintLine(const std::string& line) {
  const std::string safe = "verdigris: " + Printable(line) + "\n";
  // Nobody is left to be told where standard error is gone.
  [[maybe_unused]] const ssize_t put = ::write(STDERR_FILENO, safe.data(), safe.size());
}

}  // namespace

void PrintError(const Error& error) { PrintFault(ErrorClass(error.kind), error.message); }
void PrintFault(std::string_view fault_class, std::string_view text) { PrintLine("error: " + std::string(fault_class) + ": " + std::string(text)); }
void PrintHint(std::string_view text) { PrintLine("hint: " + std::string(text)); }
void PrintNote(std::string_view text) { PrintLine(std::string(text)); }

}  // namespace verdigris::tools
