// One row a scheme; each is defined in its own file beside this one.
// Tested by tests/watermark/all_schemes_test.cc, which walks the table.
#include "watermark/schemes.h"

namespace verdigris {

extern const Scheme kGreen;
extern const Scheme kGumbel;
extern const Scheme kTournament;
extern const Scheme kMultichannel;

namespace {
constexpr const Scheme* kTable[] = {
    &kGreen,
    &kGumbel,
    &kTournament,
    &kMultichannel,
};
}  // namespace

std::span<const Scheme* const> Schemes() { return kTable; }

const Scheme* FindScheme(std::string_view name) {
  for (const Scheme* scheme : kTable) {
    if (scheme->name == name) return scheme;
  }
  return nullptr;
}

std::string SchemeNames() {
  std::string names;
  for (const Scheme* scheme : kTable) names += (names.empty() ? "" : ", ") + std::string(scheme->name);
  return names;
}

}  // namespace verdigris
