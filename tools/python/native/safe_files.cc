// Files whose owner and mode matter, read for the package by the checks of verify/file.h (keys-and-evidence.md E10).
//
// Tested by tests/python/serving_test.py; the checks themselves by tests/verify/file_test.cc.
#include <cstddef>
#include <string>

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "tools/python/native/errors.h"
#include "tools/python/native/parts.h"
#include "verify/file.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace verdigris::python {
namespace {

nb::bytes ReadSecret(const std::string& path, size_t max_bytes) {
  SecretBytes bytes;
  {
    const nb::gil_scoped_release release;
    bytes = Unwrap(verify::ReadSecretFile(path, max_bytes));
  }
  return nb::bytes(bytes.data(), bytes.size());
}

nb::bytes ReadTrusted(const std::string& path, size_t max_bytes) {
  std::string bytes;
  {
    const nb::gil_scoped_release release;
    bytes = Unwrap(verify::ReadTrustedFile(path, max_bytes));
  }
  return nb::bytes(bytes.data(), bytes.size());
}

}  // namespace

void AddSafeFiles(nb::module_& module) {
  module.def("read_secret", &ReadSecret, "path"_a, "max_bytes"_a, "The bytes of a file that its owner alone can read.");
  module.def("read_trusted", &ReadTrusted, "path"_a, "max_bytes"_a, "The bytes of a file that its owner and root alone can write.");
}

}  // namespace verdigris::python
