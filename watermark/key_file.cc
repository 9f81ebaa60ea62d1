// Ten lines in a fixed order, so the reader is a walk with an exact expectation for each; nothing is looked up by name
// and nothing depends on a length in the file. Lengths and the work factor are checked before scrypt runs.
//
// Tested by tests/watermark/key_file_test.cc (evidence.json `cases` of kind "key file"; every prefix and every
// single-bit flip of each good file is refused) and tests/fuzz/fuzz_key_file.cc.
#include "watermark/key_file.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace verdigris {
namespace {

constexpr std::string_view kFirstLine = "verdigris-secret-key/1";
constexpr size_t kSaltBytes = 16, kNonceBytes = 12, kAeadTagBytes = 16, kMacBytes = 32;
constexpr size_t kSealedBytes = kNonceBytes + kKeyBytes + kAeadTagBytes;
constexpr int kMinLogN = 10, kMaxLogN = 20;

constexpr KeyRole kRoles[] = {KeyRole::kMaster,   KeyRole::kScheme,   KeyRole::kEpoch,
                              KeyRole::kProvider, KeyRole::kSelector, KeyRole::kAccount};

Unexpected Malformed(const char* what) { return Fail(ErrorKind::kMalformed, what); }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Standard base64 with padding of exactly out.size() bytes, and only its canonical spelling.
bool ParseBase64(std::string_view text, std::span<uint8_t> out) {
  if (text.size() != (out.size() + 2) / 3 * 4) return false;
  SecretBytes decoded(text.size() / 4 * 3 + 1), again(text.size() + 1);
  const auto* in = reinterpret_cast<const uint8_t*>(text.data());
  if (EVP_DecodeBlock(decoded.data(), in, static_cast<int>(text.size())) < 0) return false;
  EVP_EncodeBlock(again.data(), decoded.data(), static_cast<int>(out.size()));
  if (CRYPTO_memcmp(again.data(), text.data(), text.size()) != 0) return false;
  std::memcpy(out.data(), decoded.data(), out.size());
  return true;
}

void AppendBase64(std::span<const uint8_t> bytes, SecretBytes& out, size_t& size) {
  size += static_cast<size_t>(EVP_EncodeBlock(out.data() + size, bytes.data(), static_cast<int>(bytes.size())));
}

// Decimal without leading zero, 0..2^32-1.
std::optional<uint32_t> ParseU32(std::string_view text) {
  if (text.empty() || text.size() > 10 || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(value);
}

struct CipherContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

Result<SecretBytes> KeyEncryptionKey(std::span<const uint8_t> passphrase, std::span<const uint8_t> salt, int log_n) {
  SecretBytes kek(kKeyBytes);
  const uint64_t n = uint64_t{1} << log_n;
  const uint64_t memory = (n << 10) + (uint64_t{1} << 22);  // 128 * r * N bytes, and some room
  if (EVP_PBE_scrypt(reinterpret_cast<const char*>(passphrase.data()), passphrase.size(), salt.data(), salt.size(), n, 8,
                     1, memory, kek.data(), kek.size()) != 1) {
    return Fail(ErrorKind::kNoMemory, "scrypt needs " + std::to_string(memory >> 20) + " MiB of memory");
  }
  return kek;
}

// ChaCha20-Poly1305; `sealed` is nonce || ciphertext || tag.
bool Unseal(const SecretBytes& kek, std::span<const uint8_t> sealed, std::string_view associated, std::span<uint8_t> out) {
  const std::unique_ptr<EVP_CIPHER_CTX, CipherContextDeleter> context(EVP_CIPHER_CTX_new());
  // Only the tag can be wrong; what fails before has no memory.
  if (!context || EVP_DecryptInit_ex2(context.get(), EVP_chacha20_poly1305(), kek.data(), sealed.data(), nullptr) != 1) {
    throw std::bad_alloc();
  }
  uint8_t tag[kAeadTagBytes];
  std::memcpy(tag, sealed.data() + kNonceBytes + kKeyBytes, kAeadTagBytes);
  int n = 0;
  return EVP_DecryptUpdate(context.get(), nullptr, &n, AsBytes(associated).data(), static_cast<int>(associated.size())) == 1 &&
         EVP_DecryptUpdate(context.get(), out.data(), &n, sealed.data() + kNonceBytes, kKeyBytes) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, tag) == 1 &&
         EVP_DecryptFinal_ex(context.get(), out.data() + n, &n) == 1;
}

bool Seal(const SecretBytes& kek, std::span<const uint8_t> nonce, std::span<const uint8_t> plain, std::string_view associated,
          std::span<uint8_t> sealed) {
  const std::unique_ptr<EVP_CIPHER_CTX, CipherContextDeleter> context(EVP_CIPHER_CTX_new());
  if (!context) throw std::bad_alloc();
  std::memcpy(sealed.data(), nonce.data(), kNonceBytes);
  int n = 0;
  return EVP_EncryptInit_ex2(context.get(), EVP_chacha20_poly1305(), kek.data(), nonce.data(), nullptr) == 1 &&
         EVP_EncryptUpdate(context.get(), nullptr, &n, AsBytes(associated).data(), static_cast<int>(associated.size())) == 1 &&
         EVP_EncryptUpdate(context.get(), sealed.data() + kNonceBytes, &n, plain.data(), static_cast<int>(plain.size())) == 1 &&
         EVP_EncryptFinal_ex(context.get(), sealed.data() + kNonceBytes + n, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, sealed.data() + kNonceBytes + kKeyBytes) == 1;
}

std::array<uint8_t, kMacBytes> FileMac(const Key& key, std::string_view signed_part) {
  SecretBytes mac_key(kKeyBytes);
  Derive(key, "key-file", {}, mac_key.span());
  std::array<uint8_t, kMacBytes> mac;
  unsigned length = 0;
  if (HMAC(EVP_sha256(), mac_key.data(), static_cast<int>(mac_key.size()), AsBytes(signed_part).data(), signed_part.size(),
           mac.data(), &length) == nullptr) {
    throw std::bad_alloc();
  }
  return mac;
}

// "scrypt LOGN 8 1 SALT"
struct ScryptLine {
  int log_n;
  std::array<uint8_t, kSaltBytes> salt;
};
Result<ScryptLine> ParseScryptLine(std::string_view text) {
  constexpr std::string_view kName = "scrypt ", kShape = " 8 1 ";
  if (!text.starts_with(kName)) return Malformed("enc must be none or scrypt LOGN 8 1 SALT");
  text.remove_prefix(kName.size());
  const size_t digits = text.find(' ');
  if (digits < 1 || digits > 2 || !IsDigit(text[0]) || text[0] == '0' || !IsDigit(text[digits - 1]) ||
      text.substr(digits, kShape.size()) != kShape) {
    return Malformed("enc must be none or scrypt LOGN 8 1 SALT");
  }
  ScryptLine line;
  line.log_n = static_cast<int>(*ParseU32(text.substr(0, digits)));
  if (line.log_n < kMinLogN || line.log_n > kMaxLogN) {
    return Fail(ErrorKind::kLimit, "the scrypt work factor must be in [10,20], got " + std::to_string(line.log_n));
  }
  if (!ParseBase64(text.substr(digits + kShape.size()), line.salt)) return Malformed("the scrypt salt is not base64 of 16 bytes");
  return line;
}

}  // namespace

bool RoleHasScheme(KeyRole role) { return role != KeyRole::kMaster; }
bool RoleHasEpoch(KeyRole role) { return role != KeyRole::kMaster && role != KeyRole::kScheme; }

bool IsUtcTime(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00Z";
  if (text.size() != kShape.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (kShape[i] == '0' ? !IsDigit(text[i]) : text[i] != kShape[i]) return false;
  }
  const auto number = [&](size_t at, size_t length) {
    int value = 0;
    for (const char c : text.substr(at, length)) value = value * 10 + (c - '0');
    return value;
  };
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1970 || month < 1 || month > 12) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  const int days = kDays[month - 1] + (month == 2 && leap ? 1 : 0);
  return day >= 1 && day <= days && number(11, 2) < 24 && number(14, 2) < 60 && number(17, 2) < 60;
}

Result<KeyFile> ParseKeyFile(std::string_view bytes, std::optional<std::span<const uint8_t>> passphrase) {
  if (bytes.size() > kMaxKeyFileBytes) return Fail(ErrorKind::kLimit, "key file above 4096 bytes");
  std::string_view rest = bytes;
  const auto next_line = [&rest]() -> std::optional<std::string_view> {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return line;
  };
  const auto first = next_line();
  if (!first || !first->starts_with("verdigris-secret-key/") || first->ends_with('\r')) return Malformed("line 1: not a key file");
  if (*first != kFirstLine) return Fail(ErrorKind::kUnsupported, "line 1: a key file of another version");

  static constexpr std::string_view kFields[] = {"role", "kid", "scheme", "epoch", "account", "created", "enc", "key", "mac"};
  std::string_view value[std::size(kFields)];
  size_t offset[std::size(kFields)];  // of each line in `bytes`
  for (size_t i = 0; i < std::size(kFields); ++i) {
    offset[i] = bytes.size() - rest.size();
    const auto line = next_line();
    const std::string_view name = kFields[i];
    if (!line || line->size() < name.size() + 2 || !line->starts_with(name) || line->substr(name.size(), 2) != ": ") {
      return Fail(ErrorKind::kMalformed, "line " + std::to_string(i + 2) + ": '" + std::string(name) + ": ' is expected");
    }
    value[i] = line->substr(name.size() + 2);
  }
  if (!rest.empty()) return Malformed("bytes after the line of the mac");
  const auto [role_text, kid, scheme, epoch, account, created, enc, key_text, mac_text] =
      std::to_array<std::string_view, std::size(kFields)>({value[0], value[1], value[2], value[3], value[4], value[5], value[6], value[7], value[8]});

  const auto role = std::find_if(std::begin(kRoles), std::end(kRoles), [text = role_text](KeyRole r) { return RoleName(r) == text; });
  if (role == std::end(kRoles)) return Fail(ErrorKind::kUnsupported, "line 2: an unknown role");
  KeyFile file{*role, {}, 0, {}, std::string(created), Key(std::array<uint8_t, kKeyBytes>{})};
  std::array<uint8_t, 8> kid_bytes;
  if (!ParseHex(kid, kid_bytes)) return Malformed("line 3: kid must be 16 lower-case hex digits");
  if (RoleHasScheme(file.role) ? !ParseHex(scheme, file.scheme_id) : scheme != "-") {
    return Malformed("line 4: scheme must be 64 lower-case hex digits, or - for a master key");
  }
  if (RoleHasEpoch(file.role)) {
    const auto number = ParseU32(epoch);
    if (!number) return Malformed("line 5: epoch must be in [0,4294967295]");
    file.epoch = *number;
  } else if (epoch != "-") {
    return Malformed("line 5: this role has no epoch");
  }
  if (file.role == KeyRole::kAccount) {
    if (!IsAccountLabel(account)) return Malformed("line 6: not an account label");
    file.account = account;
  } else if (account != "-") {
    return Malformed("line 6: this role has no account");
  }
  if (!IsUtcTime(created)) return Malformed("line 7: created is not a time YYYY-MM-DDThh:mm:ssZ that exists");

  SecretBytes key_bytes(kKeyBytes);
  if (enc == "none") {
    if (!ParseBase64(key_text, key_bytes.span())) return Malformed("line 9: key is not base64 of 32 bytes");
  } else {
    VERDIGRIS_ASSIGN_OR_RETURN(const ScryptLine line, ParseScryptLine(enc));
    std::array<uint8_t, kSealedBytes> sealed;
    if (!ParseBase64(key_text, sealed)) return Malformed("line 9: key is not base64 of 60 bytes");
    std::array<uint8_t, kMacBytes> unused;
    if (!ParseBase64(mac_text, unused)) return Malformed("line 10: mac is not base64 of 32 bytes");
    if (!passphrase) return Fail(ErrorKind::kAuth, "the key is protected: a passphrase is needed");
    VERDIGRIS_ASSIGN_OR_RETURN(const SecretBytes kek, KeyEncryptionKey(*passphrase, line.salt, line.log_n));
    if (!Unseal(kek, sealed, bytes.substr(0, offset[7]), key_bytes.span())) {
      return Fail(ErrorKind::kAuth, "wrong passphrase, or a damaged file");
    }
  }
  std::array<uint8_t, kMacBytes> mac;
  if (!ParseBase64(mac_text, mac)) return Malformed("line 10: mac is not base64 of 32 bytes");
  file.key = Key(std::span<const uint8_t, kKeyBytes>(key_bytes.data(), kKeyBytes));
  const auto expected = FileMac(file.key, bytes.substr(0, offset[8]));
  if (CRYPTO_memcmp(mac.data(), expected.data(), kMacBytes) != 0) {
    return Fail(ErrorKind::kAuth, "the mac does not fit: the file was changed or damaged");
  }
  if (kid != file.kid()) return Fail(ErrorKind::kAuth, "the key id is not that of the key");
  return file;
}

Result<SecretBytes> WriteKeyFile(const KeyFile& file, const KeyProtection* protection) {
  if (file.role == KeyRole::kAccount ? !IsAccountLabel(file.account) : !file.account.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "account must be a label for an account key, and empty otherwise");
  }
  if (!IsUtcTime(file.created)) return Fail(ErrorKind::kInvalidArgument, "created must be a time YYYY-MM-DDThh:mm:ssZ");
  if (protection && (protection->log_n < kMinLogN || protection->log_n > kMaxLogN)) {
    return Fail(ErrorKind::kInvalidArgument, "the scrypt work factor must be in [10,20], got " + std::to_string(protection->log_n));
  }
  SecretBytes out(kMaxKeyFileBytes);
  size_t size = 0;
  const auto append = [&](std::string_view text) {
    std::memcpy(out.data() + size, text.data(), text.size());
    size += text.size();
  };
  append(kFirstLine);
  append("\nrole: ");
  append(RoleName(file.role));
  append("\nkid: ");
  append(file.kid());
  append("\nscheme: ");
  append(RoleHasScheme(file.role) ? Hex(file.scheme_id) : "-");
  append("\nepoch: ");
  append(RoleHasEpoch(file.role) ? std::to_string(file.epoch) : "-");
  append("\naccount: ");
  append(file.role == KeyRole::kAccount ? file.account : "-");
  append("\ncreated: ");
  append(file.created);
  append("\nenc: ");
  if (protection) {
    append("scrypt " + std::to_string(protection->log_n) + " 8 1 ");
    AppendBase64(protection->salt, out, size);
    append("\n");
    VERDIGRIS_ASSIGN_OR_RETURN(const SecretBytes kek, KeyEncryptionKey(protection->passphrase, protection->salt, protection->log_n));
    std::array<uint8_t, kSealedBytes> sealed;
    if (!Seal(kek, protection->nonce, file.key.secret(), out.view().substr(0, size), sealed)) throw std::bad_alloc();
    append("key: ");
    AppendBase64(sealed, out, size);
  } else {
    append("none\nkey: ");
    AppendBase64(file.key.secret(), out, size);
  }
  append("\n");
  const auto mac = FileMac(file.key, out.view().substr(0, size));
  append("mac: ");
  AppendBase64(mac, out, size);
  append("\n");
  return SecretBytes::Copy(out.span().first(size));
}

}  // namespace verdigris
