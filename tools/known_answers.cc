// The worked example of native-schemes.md N13, whose numbers were computed by a second implementation and by the openssl
// command line; the example finding of command-line.md L4; and one power of four. They catch a library that was built
// wrongly, not mistakes in the code, which tests/ is for.
// Tested by tests/cli/selftest.sh.
#include "tools/known_answers.h"

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "verify/law.h"
#include "watermark/json.h"
#include "watermark/key.h"
#include "watermark/prf.h"
#include "watermark/profile.h"

namespace verdigris::tools {
namespace {

constexpr std::string_view kSchemeObject =
    R"({"normaliser":"none/1","planes":2,"prf":"verdigris/1/aes256","provider_share":128,"scheme":"green","threshold":1,)"
    R"("tokenizer_sha256":"5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d","unmarked_ids":[[0,2]],)"
    R"("vocab":32000,"window":2})";
constexpr uint32_t kWindow[] = {3186, 31999};

Key KeyOf(std::string_view hex) {
  std::array<uint8_t, kKeyBytes> bytes{};
  ParseHex(hex, bytes);
  return Key(bytes);
}

bool Is(const Key& key, std::string_view hex) { return Hex(key.secret()) == hex; }

Key ProviderKey() { return KeyOf("de08cfc445cd48ccb143777e995ed0c4aa552e46f28473f572412e4b2d18fc8c"); }

bool SchemeIdHolds() {
  return Hex(TaggedHash("scheme-id", {AsBytes(kSchemeObject)})) == "ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a";
}

bool CanonicalJsonHolds() {
  const auto value = ParseJson(" { \"b\" : [ -9007199254740991, \"\\u0041\\n\" ] ,\"a\":{} }");
  return value && WriteJson(*value) == R"({"a":{},"b":[-9007199254740991,"A\n"]})" && !ParseCanonicalJson(" {}") &&
         ParseCanonicalJson(kSchemeObject).has_value();
}

bool KeyTreeHolds() {
  Digest scheme_id;
  ParseHex("ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a", scheme_id);
  const Key master = KeyOf("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const Key epoch = DeriveEpochKey(DeriveSchemeKey(master, scheme_id), 3);
  const Key provider = DeriveLayerKey(epoch, KeyRole::kProvider);
  return Is(epoch, "b30bfe5b58ee4e6190eb3d2af644f4fccbaf49fa7868acd9a2cb95ead0d3b7bc") &&
         Is(provider, "de08cfc445cd48ccb143777e995ed0c4aa552e46f28473f572412e4b2d18fc8c") &&
         Is(DeriveLayerKey(epoch, KeyRole::kSelector), "9dbb5cd13608b7d75cfe171bc875f58ba714532073c67024873f9761a74c9fcf") &&
         Is(DeriveAccountKey(epoch, "acct-7"), "3e06d19504b0555cf205118d17d6288f3c0fe958026a15d6483434dd20239764") &&
         KeyId(KeyRole::kProvider, provider) == "090ebcf4285fc5fc";
}

bool DrawKeysHold() {
  const DrawKeys keys = DeriveDrawKeys(ProviderKey());
  return Is(keys.context, "9960a7be0f5e8ff03432cfd90f6983428af857d97b1cb25046fd9a81fa8a0a67") &&
         Is(keys.draw, "a157d11d756cc3f8574e12256cf683f1007c0cf9905f3a3997e1d195afb0d0d1");
}

bool CmacHolds() {
  const auto mac = WindowMac::Create(DeriveDrawKeys(ProviderKey()).context);
  if (!mac) return false;
  const Tag tag = mac->TagOf(kWindow, std::size(kWindow));
  return Hex(tag.bytes) == "64171f8cf728d81e746f66a9db2e3897" && tag.channel() == 2537041627u;
}

bool KeystreamHolds() {
  const auto prf = Prf::Create(ProviderKey());
  if (!prf) return false;
  std::array<uint8_t, 2 * kBlockBytes> blocks;
  prf->Keystream(prf->mac().TagOf(kWindow, std::size(kWindow)), 0, 2, blocks.data());
  return Hex(blocks) == "12c4bb0ce4afd7a8a1e829024f2590f92a0bb079d30ae5c765ab36038311df89";
}

bool GreenListHolds() {
  const auto object = ParseJson(kSchemeObject);
  const auto prf = Prf::Create(ProviderKey());
  if (!object || !prf) return false;
  const auto profile = Profile::Create(*object, {});
  if (!profile) return false;
  std::vector<uint8_t> mask((profile->vocab() + 7) / 8);
  profile->scheme().mask(*profile, *prf, prf->mac().TagOf(kWindow, std::size(kWindow)), nullptr, profile->vocab(), mask.data());
  return Hex(Sha256(mask)) == "bee5af5eb1e4f4edffd9f63e45c2a7f6ca70a2944eb881fbfd46398412d2e7a9";
}

bool BinomialTailHolds() {
  const double all_of_ten = verify::Log10BinomialUpperTail(10, 10, 1, 4);   // 4^-10
  const double example = verify::Log10BinomialUpperTail(431, 201, 1, 4);
  return std::fabs(all_of_ten + 6.020599913279624) < 1e-11 && std::fabs(example + 21.6388223073916) < 1e-11;
}

constexpr KnownAnswer kAnswers[] = {
    {"canonical JSON", CanonicalJsonHolds, true},
    {"SHA-256: scheme_id", SchemeIdHolds, true},
    {"HKDF-SHA256: key tree and key id", KeyTreeHolds, true},
    {"HKDF-SHA256: draw keys", DrawKeysHold, true},
    {"AES-256 CMAC: tag of a window", CmacHolds, true},
    {"AES-256 CTR: keystream", KeystreamHolds, true},
    {"green list of 32000 ids", GreenListHolds, false},
    {"binomial tail", BinomialTailHolds, false},
};

}  // namespace

std::span<const KnownAnswer> KnownAnswers() { return kAnswers; }

const char* QuickSelfTest() {
  for (const KnownAnswer& answer : kAnswers) {
    if (answer.quick && !answer.holds()) return answer.name;
  }
  return nullptr;
}

}  // namespace verdigris::tools
