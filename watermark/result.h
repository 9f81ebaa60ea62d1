// Result<T> and Error: how every part of Verdigris says "could not".
//
// Three things never mix: an error (this file), a verdict (a value, such as "not detected") and a bug (an assert).
// Messages name the thing, the value and the bound, and never hold a key or the user's text.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace verdigris {

// Numbers up to 40 are those of the C header (serving.md S2) and never change; the two of file access stay inside C++.
enum class ErrorKind : int {
  kInvalidArgument = 10,     // a value out of its range, by the caller
  kFailedPrecondition = 11,  // something needed is missing, such as a key
  kMismatch = 12,            // two things that do not belong together
  kNotSupported = 13,        // this scheme or mode cannot do that here
  kMalformed = 20,           // bytes that are not what they should be
  kUnsupported = 21,         // a version or feature that this build does not know
  kLimit = 22,               // larger than a stated limit
  kAuth = 23,                // wrong passphrase, or a damaged secret
  kUnsafe = 24,              // a secret file that others can read or replace
  kNoMemory = 30,
  kInternal = 40,
  kNotFound = 50,
  kIo = 51,
};

struct Error {
  ErrorKind kind;
  std::string message;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

using Unexpected = tl::unexpected<Error>;

inline Unexpected Fail(ErrorKind kind, std::string message) {
  return Unexpected(Error{kind, std::move(message)});
}

// The class printed to people and scripts (command-line.md L5), such as "malformed".
std::string_view ErrorClass(ErrorKind kind);

}  // namespace verdigris

// Binds the value of a Result or returns its error from the enclosing function.
#define VERDIGRIS_CONCAT_INNER(a, b) a##b
#define VERDIGRIS_CONCAT(a, b) VERDIGRIS_CONCAT_INNER(a, b)
#define VERDIGRIS_ASSIGN_OR_RETURN(lhs, expr) \
  VERDIGRIS_ASSIGN_OR_RETURN_IMPL(VERDIGRIS_CONCAT(result_, __LINE__), lhs, expr)
#define VERDIGRIS_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr)              \
  auto tmp = (expr);                                                 \
  if (!tmp) return ::verdigris::Unexpected(std::move(tmp).error());  \
  lhs = std::move(*tmp)
#define VERDIGRIS_RETURN_IF_ERROR(expr) \
  do {                                  \
    if (auto status = (expr); !status) return ::verdigris::Unexpected(std::move(status).error()); \
  } while (false)
