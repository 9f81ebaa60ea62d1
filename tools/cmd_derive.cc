// verdigris derive: from a master, scheme or epoch key to what lies below it (native-schemes.md N4).
// Tested by tests/cli/derive.sh.
#include <algorithm>

#include "tools/inputs.h"
#include "tools/terminal/message.h"
#include "tools/verbs.h"
#include "tools/write_key.h"
#include "verify/utc_time.h"

namespace verdigris::tools {
namespace {

struct Options {
  std::string from, profile, epoch, role, account, output;
  SecretOptions secrets;
};

struct Wanted {
  KeyRole role;
  std::optional<uint32_t> epoch;
  std::string account;
};

Result<Wanted> ParseWanted(const Options& options) {
  Wanted wanted{KeyRole::kAccount, {}, options.account};
  if (options.role.empty() == options.account.empty()) return Usage("give either --role or --account");
  if (!options.role.empty()) {
    static constexpr KeyRole kRoles[] = {KeyRole::kScheme, KeyRole::kEpoch, KeyRole::kProvider, KeyRole::kSelector};
    const auto role = std::find_if(std::begin(kRoles), std::end(kRoles), [&](KeyRole r) { return RoleName(r) == options.role; });
    if (role == std::end(kRoles)) return Usage("--role must be scheme, epoch, provider or selector, got " + Shown(options.role));
    wanted.role = *role;
  } else if (!IsAccountLabel(options.account)) {
    return Usage("--account must be 1 to 64 of A-Z a-z 0-9 . _ : @ / + -, the first a letter or digit");
  }
  if (!options.epoch.empty()) {
    if (!RoleHasEpoch(wanted.role)) return Usage("a scheme key has no epoch");
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t epoch, ParseInteger("--epoch", options.epoch, 0, UINT32_MAX));
    wanted.epoch = static_cast<uint32_t>(epoch);
  }
  return wanted;
}

// `parent` is left behind: each step down is one-way.
Result<KeyFile> DeriveBelow(KeyFile parent, const std::string& path, const Profile& profile, const Wanted& wanted) {
  const std::string role(RoleName(wanted.role)), parent_role(RoleName(parent.role));
  if (parent.role >= KeyRole::kProvider || parent.role >= wanted.role) {
    return Fail(ErrorKind::kMismatch, path + ": this " + parent_role + " key derives no " + role + " key");
  }
  if (RoleHasScheme(parent.role) && parent.scheme_id != profile.scheme_id()) {
    return Fail(ErrorKind::kMismatch, path + ": scheme_id of the key is " + Hex(parent.scheme_id) + ", of the profile " + Hex(profile.scheme_id()));
  }
  if (RoleHasEpoch(parent.role) && wanted.epoch && *wanted.epoch != parent.epoch) {
    return Fail(ErrorKind::kMismatch, path + ": the key is of epoch " + std::to_string(parent.epoch) + ", --epoch is " + std::to_string(*wanted.epoch));
  }
  if (RoleHasEpoch(wanted.role) && !RoleHasEpoch(parent.role) && !wanted.epoch) return Usage("--epoch is required");

  KeyFile key{wanted.role, profile.scheme_id(), RoleHasEpoch(parent.role) ? parent.epoch : wanted.epoch.value_or(0), wanted.account, verify::UtcNow(), std::move(parent.key)};
  if (parent.role == KeyRole::kMaster) key.key = DeriveSchemeKey(key.key, profile.scheme_id());
  if (wanted.role == KeyRole::kScheme) return key;
  if (parent.role < KeyRole::kEpoch) key.key = DeriveEpochKey(key.key, key.epoch);
  if (wanted.role == KeyRole::kEpoch) return key;
  key.key = wanted.role == KeyRole::kAccount ? DeriveAccountKey(key.key, wanted.account) : DeriveLayerKey(key.key, wanted.role);
  return key;
}

std::string NextStep(const KeyFile& key, const Profile& profile, const Options& options) {
  const std::string derive = "verdigris derive --from ", rest = " --profile " + options.profile;
  switch (key.role) {
    case KeyRole::kMaster:
    case KeyRole::kScheme: return derive + options.output + rest + " --epoch N --role provider -o provider.key";
    case KeyRole::kEpoch: return derive + options.output + rest + " --role provider -o provider.key";
    case KeyRole::kSelector: return "the selector key goes with every provider and account key of its epoch";
    case KeyRole::kProvider:
      if (!profile.has_provider_layer()) return "this profile has no provider layer: it uses account keys alone";
      break;
    case KeyRole::kAccount:
      if (!profile.has_account_layer()) return "this profile has no account layer (profile new --account-share): the key is not used";
      break;
  }
  if (profile.needs_selector()) return "this profile needs the selector key of the epoch too: --role selector";
  return "verdigris generate" + rest + " --key " + options.output + " --prompt TEXT; verdigris detect" + rest + " --key " + options.output + " FILE";
}

Result<ExitCode> DeriveKey(const Options& options, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const Wanted wanted, ParseWanted(options));
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(options.profile));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<SecretBytes> passphrase, ReadPassphrase(options.secrets));
  auto parent = LoadKey(options.from, options.secrets, passphrase);
  if (!parent) {
    context.hint = KeyHint(parent.error());
    return Unexpected(parent.error());
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const KeyFile key, DeriveBelow(std::move(*parent), options.from, profile, wanted));
  VERDIGRIS_RETURN_IF_ERROR(WriteKey(key, passphrase, options.output));
  if (options.secrets.insecure_permissions) PrintNote("--insecure-permissions: owner and mode of secret files were not checked");
  PrintNote(std::string(RoleName(key.role)) + " key " + key.kid() + (RoleHasEpoch(key.role) ? " of epoch " + std::to_string(key.epoch) : "") +
            " is in " + options.output + (passphrase ? ", protected by the passphrase" : ""));
  PrintHint(NextStep(key, profile, options));
  return kExitYes;
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--from", options->from, "master, scheme or epoch key")->type_name("KEY")->required();
  app.add_option("--profile", options->profile, "profile whose scheme the key is for")->type_name("FILE")->required();
  app.add_option("--epoch", options->epoch, "number of the epoch; an epoch key has its own")->type_name("N");
  app.add_option("--role", options->role, "what to derive")->type_name("scheme|epoch|provider|selector");
  app.add_option("--account", options->account, "derive the key of this account")->type_name("LABEL");
  app.add_option("-o,--output", options->output, "file to make, mode 0600; must not exist")->type_name("FILE")->required();
  AddSecretOptions(app, options->secrets, "passphrase of KEY; protects the new key too");
  return [options](Context& context) { return DeriveKey(*options, context); };
}

}  // namespace

const Verb kDerive = {"derive", "derives a key from the one above it",
                      "--from KEY --profile FILE --epoch N --role ROLE|--account LABEL -o FILE",
                      "verdigris derive --from master.key --profile profile.json --epoch 3 \\\n    --role provider -o provider.key", false, Add};

}  // namespace verdigris::tools
