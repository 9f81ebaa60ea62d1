// The keys and the profile of a marked teacher as files, for command lines that judge its students.
//
//   distillation_keys DIR SEED [ACCOUNTS]
//
// DIR gets profile.json and provider.key; with ACCOUNTS also selector.key and account-0.key, account-1.key, ...
#include <cstdio>
#include <cstdlib>

#include "tests/experiments/distillation/marked_world.h"
#include "verify/file.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

void Write(const std::string& path, const KeyFile& key) { Must(verify::WriteSecretFile(path, Must(WriteKeyFile(key, nullptr)).span())); }

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) return std::fprintf(stderr, "distillation_keys DIR SEED [ACCOUNTS]\n"), 2;
  const std::string folder = argv[1];
  const auto seed = static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10));
  const uint32_t accounts = argc > 3 ? static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10)) : 0;
  const PocketWorld world = LoadPocketWorld();
  const Profile profile = DistillationProfile(world, 2, accounts != 0);
  Must(verify::WriteFileAtomic(folder + "/profile.json", profile.bytes()));
  Write(folder + "/provider.key", DistillationKeys(profile, seed, {})[0]);
  for (uint32_t account = 0; account < accounts; ++account) {
    const auto keys = DistillationKeys(profile, seed, account);
    if (account == 0) Write(folder + "/selector.key", keys[1]);
    Write(folder + "/account-" + std::to_string(account) + ".key", keys[2]);
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
