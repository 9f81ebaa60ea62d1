// Arrow data as Python hands it over: capsules, of which each is taken once.
#pragma once

#include <nanobind/nanobind.h>

#include "tools/python/native/arrow_strings.h"
#include "tools/python/native/errors.h"

namespace verdigris::python {

template <class T>
T* FromCapsule(const nanobind::object& capsule, const char* name) {
  auto* held = static_cast<T*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (held == nullptr) throw nanobind::python_error();
  if (held->release == nullptr) throw Raised({ErrorKind::kInvalidArgument, "this Arrow data was already taken"});
  return held;
}

}  // namespace verdigris::python
