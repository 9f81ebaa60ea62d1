// The classes are written in Python (verdigris/errors.py), where a class that is also a ValueError takes one line.
#include "tools/python/native/errors.h"

namespace nb = nanobind;

namespace verdigris::python {

void RegisterErrors() {
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const Raised& raised) {
      const nb::object classes = nb::module_::import_("verdigris.errors").attr("CLASSES");
      const nb::object kind = classes[nb::int_(static_cast<int>(raised.error.kind))];
      PyErr_SetObject(kind.ptr(), nb::str(raised.error.message.c_str()).ptr());
    }
  });
}

}  // namespace verdigris::python
