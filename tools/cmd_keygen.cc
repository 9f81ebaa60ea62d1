// verdigris keygen: a master key, from which all others are derived. Tested by tests/cli/keygen.sh.
#include <openssl/rand.h>

#include "tools/inputs.h"
#include "tools/terminal/message.h"
#include "tools/verbs.h"
#include "tools/write_key.h"
#include "verify/utc_time.h"

namespace verdigris::tools {
namespace {

struct Options {
  std::string output;
  SecretOptions secrets;
};

Result<ExitCode> Keygen(const Options& options) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<SecretBytes> passphrase, ReadPassphrase(options.secrets));
  SecretBytes bytes(kKeyBytes);
  if (RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return Fail(ErrorKind::kInternal, "no random numbers");
  const KeyFile key{KeyRole::kMaster, {}, 0, {}, verify::UtcNow(), Key(std::span<const uint8_t, kKeyBytes>(bytes.data(), kKeyBytes))};
  VERDIGRIS_RETURN_IF_ERROR(WriteKey(key, passphrase, options.output));
  PrintNote("master key " + key.kid() + " is in " + options.output + (passphrase ? ", protected by the passphrase" : ""));
  PrintHint("whoever has it can make every other key: keep it apart; then verdigris profile new, and verdigris derive");
  return kExitYes;
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("-o,--output", options->output, "file to make, mode 0600; must not exist")->type_name("FILE")->required();
  AddSecretOptions(app, options->secrets, "protect the key with this passphrase");
  return [options](Context&) { return Keygen(*options); };
}

}  // namespace

const Verb kKeygen = {"keygen",       "makes a master key from the system's random numbers", "-o FILE [options]",
                      "verdigris keygen -o master.key", false, Add};

}  // namespace verdigris::tools
