/** Property: an accepted unprotected key file is written again byte for byte. Nothing crashes, and no error message holds
 *  the line of the key. Protected files run scrypt at 2^10 only, or every input would cost a second. */
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "watermark/key_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const bool cheap = bytes.find("enc: scrypt ") == bytes.npos || bytes.find("enc: scrypt 10 ") != bytes.npos;
  const auto file = ParseKeyFile(bytes, cheap ? std::optional(AsBytes("correct horse")) : std::nullopt);
  const size_t key_line = bytes.find("\nkey: ");
  if (!file) {
    if (key_line == bytes.npos || bytes.size() < key_line + 26) return 0;
    // Only what could be a key: a fuzzer finds out how to put the words of a message into that line.
    const std::string_view secret = bytes.substr(key_line + 6, 20);
    constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    if (secret.find_first_not_of(kBase64) == secret.npos && file.error().message.find(secret) != std::string::npos) std::abort();
    return 0;
  }
  if (bytes.find("enc: none") == bytes.npos) return 0;
  const auto again = WriteKeyFile(*file, nullptr);
  if (!again || again->view() != bytes) std::abort();
  return 0;
}
