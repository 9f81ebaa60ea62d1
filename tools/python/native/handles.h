// The handles of the C header as the Python classes hold them. Marking goes through the functions of that header (vdg_*); who needs the
// C++ objects, such as the detector, finds them behind the same handles.
#pragma once

#include <memory>
#include <string>

#include "tools/python/native/errors.h"
#include "watermark/c_handles.h"

namespace verdigris::python {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* handle) const {
    Free(handle);
  }
};

struct PythonProfile {
  std::shared_ptr<const vdg_profile> handle;
  std::string path;  // of the file it was read from, which a tokenizer may lie beside; else empty
  const Profile& get() const { return handle->profile; }
};

struct PythonKey {
  std::unique_ptr<vdg_key, Freed<&vdg_key_free>> handle;
  const KeyFile& get() const { return handle->file; }
};

struct PythonMarker {
  std::unique_ptr<vdg_marker, Freed<&vdg_marker_free>> handle;
  const Marker& get() const { return handle->marker; }
};

struct PythonHistory {
  std::unique_ptr<vdg_history, Freed<&vdg_history_free>> handle;
};

// VDG_REPEAT_... of auto, new or repeated.
int32_t RepeatOf(const std::string& repeat);

// What a function of the header said, as an exception where that is an error.
inline void Check(int32_t code, const vdg_error& error) {
  if (code != VDG_OK) throw Raised({static_cast<ErrorKind>(code), error.message});
}

}  // namespace verdigris::python
