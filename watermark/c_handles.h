// What lies behind the handles of the C header: for c_api.cc, and for tools/python, which calls the C functions and hands the same
// objects to the C++ library.
#pragma once

#include "watermark/key_file.h"
#include "watermark/marker.h"
#include "watermark/profile.h"
#include "watermark/verdigris.h"

struct vdg_profile {
  verdigris::Profile profile;
};
struct vdg_key {
  verdigris::KeyFile file;
};
struct vdg_marker {
  verdigris::Marker marker;
};
struct vdg_history {
  verdigris::History history;
};
