// Names of the error kinds, as the command line prints them (command-line.md L5).
#include "watermark/result.h"

namespace verdigris {

std::string_view ErrorClass(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return "usage";
    case ErrorKind::kFailedPrecondition: return "mismatch";
    case ErrorKind::kMismatch: return "mismatch";
    case ErrorKind::kNotSupported: return "unsupported";
    case ErrorKind::kMalformed: return "malformed";
    case ErrorKind::kUnsupported: return "unsupported";
    case ErrorKind::kLimit: return "limit";
    case ErrorKind::kAuth: return "auth";
    case ErrorKind::kUnsafe: return "unsafe";
    case ErrorKind::kNoMemory: return "internal";
    case ErrorKind::kInternal: return "internal";
    case ErrorKind::kNotFound: return "unreadable";
    case ErrorKind::kIo: return "unreadable";
  }
  return "internal";
}

}  // namespace verdigris
