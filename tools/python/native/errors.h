// Errors of the libraries as Python exceptions.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include <nanobind/nanobind.h>

#include "watermark/result.h"

namespace verdigris::python {

// On its way to Python; becomes the class of verdigris.errors that has its number.
struct Raised final : std::exception {
  explicit Raised(Error e) : error(std::move(e)) {}
  const char* what() const noexcept override { return error.message.c_str(); }
  Error error;
};

template <class T>
T Unwrap(Result<T> result) {
  if (!result) throw Raised(std::move(result).error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// With the file's name before the message.
template <class T>
T UnwrapIn(const std::string& path, Result<T> result) {
  if (!result) throw Raised({result.error().kind, path + ": " + result.error().message});
  return std::move(*result);
}

// Precondition: the package verdigris can be imported where an error is raised.
void RegisterErrors();

}  // namespace verdigris::python
