// Profile, Key and Marker. A key goes in as a file and never comes out: no attribute, text or copy has its bytes.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "tools/python/native/errors.h"
#include "tools/python/native/parts.h"
#include "verify/file.h"
#include "watermark/json.h"
#include "watermark/key_file.h"
#include "watermark/marker.h"
#include "watermark/profile.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace verdigris::python {
namespace {

Profile LoadProfile(const std::string& path) {
  const nb::gil_scoped_release release;
  return UnwrapIn(path, Profile::Parse(Unwrap(verify::ReadFile(path, Json::kMaxBytes))));
}

KeyFile LoadKey(const std::string& path, const std::optional<nb::bytes>& passphrase, bool insecure_permissions) {
  std::optional<SecretBytes> secret;
  if (passphrase) secret = SecretBytes::Copy({static_cast<const uint8_t*>(passphrase->data()), passphrase->size()});
  const nb::gil_scoped_release release;
  const SecretBytes bytes = Unwrap(verify::ReadSecretFile(path, kMaxKeyFileBytes, insecure_permissions));
  return UnwrapIn(path, ParseKeyFile(bytes.view(), secret ? std::optional(secret->span()) : std::nullopt));
}

std::string RoleOf(const KeyFile& key) { return std::string(RoleName(key.role)); }

}  // namespace

void AddMarking(nb::module_& module) {
  nb::class_<Profile>(module, "Profile", "What the marking and the detecting side agree on. Immutable.")
      .def_static("load", &LoadProfile, "path"_a)
      .def_static(
          "parse", [](const nb::bytes& bytes) { return Unwrap(Profile::Parse({bytes.c_str(), bytes.size()})); }, "data"_a)
      .def_prop_ro("scheme", [](const Profile& profile) { return std::string(profile.scheme().name); })
      .def_prop_ro("window", &Profile::window)
      .def_prop_ro("vocab", &Profile::vocab)
      .def_prop_ro("provider_share", &Profile::provider_share, "Of 256 windows, those of the provider's layer.")
      .def_prop_ro("scheme_id", [](const Profile& profile) { return Hex(profile.scheme_id()); })
      .def_prop_ro("tokenizer_sha256", [](const Profile& profile) { return Hex(profile.tokenizer_sha256()); })
      .def_prop_ro("argmax_at_zero_temperature", [](const Profile& profile) { return profile.sampler().argmax_at_zero_temperature; })
      .def_prop_ro("digest", [](const Profile& profile) { return Hex(profile.digest()); }, "SHA-256 of the file.");

  nb::class_<KeyFile>(module, "Key", "A key and what it is for. Its bytes cannot be read.")
      .def_static("load", &LoadKey, "path"_a, "passphrase"_a = nb::none(), "insecure_permissions"_a = false,
                  "Reads a key file that only its owner can read.")
      .def_prop_ro("role", &RoleOf)
      .def_prop_ro("kid", &KeyFile::kid, "The public name of the key.")
      .def_prop_ro("scheme_id", [](const KeyFile& key) { return RoleHasScheme(key.role) ? Hex(key.scheme_id) : std::string(); })
      .def_ro("epoch", &KeyFile::epoch)
      .def_ro("account", &KeyFile::account)
      .def("__repr__", [](const KeyFile& key) { return "<verdigris.Key " + RoleOf(key) + " " + key.kid() + ">"; });

  nb::class_<Marker>(module, "Marker", "Marks under a profile and its keys. Immutable; any number of threads.")
      .def(
          "__init__",
          [](Marker* self, const Profile& profile, const std::vector<const KeyFile*>& keys) {
            for (const KeyFile* key : keys) {  // which is how None arrives
              if (key == nullptr) throw nb::type_error("keys must be of verdigris.Key");
            }
            new (self) Marker(Unwrap(Marker::Create(profile, keys)));
          },
          "profile"_a, "keys"_a)
      .def(
          "with_account", [](const Marker& marker, const KeyFile& account) { return Unwrap(marker.WithAccount(account)); },
          "account"_a, "The same provider and selector, another account.")
      .def_prop_ro("profile", &Marker::profile)
      .def_prop_ro("account", [](const Marker& marker) { return marker.layers().account_label(); });
}

}  // namespace verdigris::python
