// Expected keys: native.json `kdf` of the second implementation; HKDF of any length: OpenSSL's own.
#include "watermark/key.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "tests/watermark/testing.h"

using namespace verdigris;
using namespace verdigris::testing;

TEST_CASE("the derivation tree, draw keys and key ids are those of the vectors") {
  const auto file = ReadJsonFile("native_common.json");
  REQUIRE(file["kdf"].size() == 5);
  for (const auto& row : file["kdf"]) {
    const std::string canonical = WriteJson(ToJson(row["scheme"]));
    CHECK(canonical == row["canonical"]);
    const Digest scheme_id = TaggedHash("scheme-id", {AsBytes(canonical)});
    CHECK(Hex(scheme_id) == row["scheme_id"]);
    const auto& keys = row["keys"];
    const auto check = [&](const char* name, KeyRole role, const Key& key) {
      CAPTURE(name);
      CHECK(Hex(key.secret()) == keys[name]);
      CHECK(KeyId(role, key) == row["kid"][name]);
    };
    const Key master = KeyFromHex(keys["master"]);
    check("master", KeyRole::kMaster, master);
    const Key scheme = DeriveSchemeKey(master, scheme_id);
    check("scheme", KeyRole::kScheme, scheme);
    const Key epoch = DeriveEpochKey(scheme, row["epoch"].get<uint32_t>());
    check("epoch", KeyRole::kEpoch, epoch);
    const Key selector = DeriveLayerKey(epoch, KeyRole::kSelector);
    check("provider", KeyRole::kProvider, DeriveLayerKey(epoch, KeyRole::kProvider));
    check("selector", KeyRole::kSelector, selector);
    CHECK(Hex(DeriveSelectKey(selector).secret()) == row["select_key"]);
    for (const auto& [name, value] : row["draw"].items()) {
      const bool account = name != "provider";
      const std::string label = account ? name.substr(8) : "";
      const Key layer = account ? DeriveAccountKey(epoch, label) : DeriveLayerKey(epoch, KeyRole::kProvider);
      check(name.c_str(), account ? KeyRole::kAccount : KeyRole::kProvider, layer);
      const DrawKeys draw = DeriveDrawKeys(layer);
      CHECK(Hex(draw.context.secret()) == value["kctx"]);
      CHECK(Hex(draw.draw.secret()) == value["kdraw"]);
    }
  }
}

TEST_CASE("HKDF is OpenSSL's, for data of any length and output of 1 to 64 bytes, and the same through a Deriver") {
  const Key parent = TestKey("hkdf", 0);
  const Deriver deriver(parent);
  for (const size_t data_bytes : {0, 1, 64, 200, 1000}) {
    for (const size_t out_bytes : {1, 31, 32, 33, 64}) {
      CAPTURE(data_bytes);
      CAPTURE(out_bytes);
      std::vector<uint8_t> data(data_bytes, 0x5A), got(out_bytes), again(out_bytes), want(out_bytes);
      Derive(parent, "some label", data, got);
      deriver.Derive("some label", data, again);
      std::string info = "verdigris/1/some label";
      info += '\0';
      info.append(data.begin(), data.end());
      EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
      EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
      char digest[] = "SHA256", salt[] = "verdigris/1";
      std::array<uint8_t, kKeyBytes> key;
      std::copy(parent.secret().begin(), parent.secret().end(), key.begin());
      const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
                                   OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof salt - 1),
                                   OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
                                   OSSL_PARAM_construct_end()};
      REQUIRE(EVP_KDF_derive(context, want.data(), want.size(), params) == 1);
      EVP_KDF_CTX_free(context);
      EVP_KDF_free(kdf);
      CHECK(got == want);
      CHECK(again == want);
    }
  }
}

TEST_CASE("account labels are 1 to 64 of the label alphabet and begin with a letter or digit") {
  for (const char* good : {"a", "9", "acct-7", "org/Team_1@example.com:eu-west+9"}) CHECK(IsAccountLabel(good));
  CHECK(IsAccountLabel(std::string(64, 'x')));
  for (const char* bad : {"", "-a", ".a", "a b", "a\n", "a,b", "\xC3\xA9"}) CHECK(!IsAccountLabel(bad));
  CHECK(!IsAccountLabel(std::string(65, 'x')));
}
