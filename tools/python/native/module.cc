// verdigris._native: the libraries for Python. Each part has a file; classes are used through the package, verdigris.
#include "tools/python/native/errors.h"
#include "tools/python/native/parts.h"

NB_MODULE(_native, module) {
  module.attr("VERSION") = VERDIGRIS_VERSION;
  verdigris::python::RegisterErrors();
  verdigris::python::AddMarking(module);
  verdigris::python::AddSafeFiles(module);
  verdigris::python::AddSampling(module);
  module.attr("HAS_DETECT") = VERDIGRIS_HAS_DETECT != 0;
#if VERDIGRIS_HAS_DETECT
  verdigris::python::AddCorpus(module);
  verdigris::python::AddDetecting(module);
  verdigris::python::AddTokenizer(module);
  verdigris::python::AddPocket(module);
#endif
}
