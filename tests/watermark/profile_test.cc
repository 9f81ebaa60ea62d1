// Cases and classes: native.json `scheme_errors`, evidence.json `cases` of kind "profile".
#include "watermark/profile.h"

#include <openssl/evp.h>

#include "tests/watermark/testing.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;

TEST_CASE("scheme ids are those of the vectors") {
  const auto file = ReadJsonFile("native_common.json");
  REQUIRE(file["kdf"].size() == 5);
  for (const auto& row : file["kdf"]) {
    const auto profile = MakeProfile(row["scheme"]);
    REQUIRE(profile.has_value());
    CHECK(Hex(profile->scheme_id()) == row["scheme_id"]);
    CHECK(WriteJson(profile->scheme_object()) == row["canonical"]);
  }
}

TEST_CASE("refused scheme objects name the member of the vectors") {
  const auto file = ReadJsonFile("scheme_green.json");
  REQUIRE(file["scheme_errors"].size() == 31);
  for (const auto& row : file["scheme_errors"]) {
    const std::string field = row["field"];
    CAPTURE(row["message"].get<std::string>());
    const auto profile = MakeProfile(row["scheme"]);
    REQUIRE(!profile.has_value());
    CHECK(profile.error().kind == ErrorKind::kInvalidArgument);
    CHECK(profile.error().message.substr(0, field.size()) == field);
  }
}

TEST_CASE("profile files of the vectors give their class, and good ones are written again byte for byte") {
  int good = 0;
  const auto file = ReadJsonFile("profiles.json");
  REQUIRE(file["cases"].size() == 32);
  for (const auto& c : file["cases"]) {
    std::string bytes;
    if (c["input"].contains("text")) {
      bytes = c["input"]["text"];
    } else {
      const std::string encoded = c["input"]["base64"];
      bytes.resize(encoded.size());
      const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                       reinterpret_cast<const unsigned char*>(encoded.data()), static_cast<int>(encoded.size()));
      bytes.resize(static_cast<size_t>(size) - static_cast<size_t>(std::count(encoded.begin(), encoded.end(), '=')));
    }
    const std::string name = c["name"], expect = c["expect"];
    CAPTURE(name);
    const auto profile = Profile::Parse(bytes);
    if (expect == "ok") {
      REQUIRE_MESSAGE(profile.has_value(), profile.error().message);
      CHECK(profile->bytes() == bytes);
      CHECK(Hex(profile->digest()) == Sha256Hex(AsBytes(bytes)));
      ++good;
    } else {
      REQUIRE(!profile.has_value());
      CHECK(ErrorClass(profile.error().kind) == expect);
    }
  }
  CHECK(good == 4);
}

TEST_CASE("every proper prefix of a profile is refused; a flipped bit is refused or gives another scheme or profile") {
  const auto profile = MakeProfile(SchemeObject(*FindScheme("green"), 32000, 128));
  REQUIRE(profile.has_value());
  const std::string bytes = profile->bytes();
  for (size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    CHECK(!Profile::Parse(bytes.substr(0, length)).has_value());
  }
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const auto other = Profile::Parse(changed);
    CAPTURE(bit);
    if (other.has_value()) CHECK(other->digest() != profile->digest());
  }
}

TEST_CASE("P16: any member of the scheme object that differs gives another scheme id") {
  const auto base = SchemeObject(*FindScheme("green"), 32000, 128);
  const auto id = MakeProfile(base)->scheme_id();
  const std::pair<const char*, nlohmann::json> changes[] = {
      {"window", 3}, {"vocab", 32001}, {"provider_share", 127}, {"planes", 3}, {"threshold", 2}, {"normaliser", "none/2"},
      {"tokenizer_sha256", std::string(64, 'b')}, {"unmarked_ids", nlohmann::json::array({{0, 3}})}};
  for (const auto& [member, value] : changes) {
    CAPTURE(member);
    auto changed = base;
    changed[member] = value;
    const auto profile = MakeProfile(changed);
    REQUIRE(profile.has_value());
    CHECK(profile->scheme_id() != id);
  }
  SamplerSettings stronger;
  stronger.delta_milli = 3000;
  CHECK(MakeProfile(base, stronger)->scheme_id() == id);
  CHECK(MakeProfile(base, stronger)->digest() != MakeProfile(base)->digest());
}
