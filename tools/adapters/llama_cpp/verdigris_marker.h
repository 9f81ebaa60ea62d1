// A marker from files, for hosts in C++: what a server does once at its start.
#pragma once

#include <verdigris.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace verdigris::llama {

struct MarkerDeleter {
  void operator()(vdg_marker* marker) const { vdg_marker_free(marker); }
};
using Marker = std::unique_ptr<vdg_marker, MarkerDeleter>;

// `vocab`: the model's number of ids; a profile of another is refused.
//
// Key files must be the user's own and closed to others, as `verdigris keygen` makes them. Protected ones are not read here.
//
// Throws std::runtime_error, with the file and the cause.
Marker LoadMarker(const std::string& profile, const std::vector<std::string>& keys, int32_t vocab);

// The marker of VERDIGRIS_PROFILE and VERDIGRIS_KEYS, paths with a colon between them. Made at the first call; both must be set.
const vdg_marker* EnvironmentMarker(int32_t vocab);

}  // namespace verdigris::llama
