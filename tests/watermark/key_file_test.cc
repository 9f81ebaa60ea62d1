// Cases and their classes: evidence.json `cases` of kind "key file"; prefixes and bit flips: keys-and-evidence.md E14.3.
#include "watermark/key_file.h"

#include <openssl/evp.h>

#include "tests/watermark/testing.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

std::string CaseBytes(const nlohmann::json& input) {
  if (input.contains("text")) return input["text"];
  const std::string encoded = input["base64"];
  std::string out(encoded.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(encoded.data()),
                                   static_cast<int>(encoded.size()));
  REQUIRE(size >= 0);
  out.resize(static_cast<size_t>(size) - static_cast<size_t>(std::count(encoded.begin(), encoded.end(), '=')));
  return out;
}

std::optional<std::span<const uint8_t>> Passphrase(const nlohmann::json& c, std::string& storage) {
  if (!c.contains("passphrase") || c["passphrase"].is_null()) return std::nullopt;
  storage = c["passphrase"];
  return AsBytes(storage);
}

}  // namespace

TEST_CASE("every case of the vectors gives its class") {
  const auto file = ReadJsonFile("key_files.json");
  REQUIRE(file["cases"].size() == 47);
  for (const auto& c : file["cases"]) {
    const std::string name = c["name"], expect = c["expect"];
    CAPTURE(name);
    std::string storage;
    const auto key = ParseKeyFile(CaseBytes(c["input"]), Passphrase(c, storage));
    if (expect == "ok") {
      CHECK(key.has_value());
    } else {
      REQUIRE(!key.has_value());
      CHECK(ErrorClass(key.error().kind) == expect);
    }
  }
}

TEST_CASE("writing what was read gives the same bytes") {
  const auto file = ReadJsonFile("key_files.json");
  int written = 0;
  for (const auto& c : file["cases"]) {
    if (c["expect"] != "ok") continue;
    std::string storage;
    const std::string bytes = CaseBytes(c["input"]);
    const auto key = ParseKeyFile(bytes, Passphrase(c, storage));
    REQUIRE(key.has_value());
    KeyProtection protection{AsBytes(storage), 12, {}, {}};
    for (uint8_t i = 0; i < 16; ++i) protection.salt[i] = i;    // those of the vector
    for (uint8_t i = 0; i < 12; ++i) protection.nonce[i] = i;
    const auto again = WriteKeyFile(*key, storage.empty() ? nullptr : &protection);
    REQUIRE(again.has_value());
    CHECK(again->view() == bytes);
    ++written;
  }
  CHECK(written == 7);
}

TEST_CASE("every proper prefix and every single-bit flip of a good file is refused, without a key byte in the message") {
  const auto file = ReadJsonFile("key_files.json");
  for (const auto& c : file["cases"]) {
    if (c["expect"] != "ok") continue;
    const std::string name = c["name"];
    CAPTURE(name);
    std::string storage;
    const std::string bytes = CaseBytes(c["input"]);
    const auto passphrase = Passphrase(c, storage);
    const size_t key_line = bytes.find("\nkey: ") + 6;
    const std::string secret = bytes.substr(key_line, 12);
    const auto refused = [&](const std::string& changed) {
      const auto key = ParseKeyFile(changed, passphrase);
      if (key.has_value()) return false;
      return key.error().message.find(secret) == std::string::npos;
    };
    for (size_t length = 0; length < bytes.size(); ++length) {
      if (!refused(bytes.substr(0, length))) FAIL("accepted a prefix of " << length);
    }
    // scrypt makes a flip behind the enc line cost 10 ms, so a protected file is sampled.
    const size_t step = storage.empty() ? 1 : 7;
    for (size_t bit = 0; bit < 8 * bytes.size(); bit += step) {
      std::string changed = bytes;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
      if (!refused(changed)) FAIL("accepted flip of bit " << bit);
    }
  }
}

TEST_CASE("times exist or are refused") {
  for (const char* good : {"1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "9999-12-31T00:00:00Z"}) CHECK(IsUtcTime(good));
  for (const char* bad : {"1969-12-31T23:59:59Z", "2001-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2027-13-01T00:00:00Z", "2027-00-01T00:00:00Z",
                          "2027-01-00T00:00:00Z", "2027-01-01T24:00:00Z", "2027-01-01T00:60:00Z", "2027-01-01T00:00:60Z", "2027-01-01 00:00:00Z",
                          "2027-01-01T00:00:00", "2027-01-01T00:00:00z", " 027-01-01T00:00:00Z"}) {
    CAPTURE(bad);
    CHECK(!IsUtcTime(bad));
  }
}
