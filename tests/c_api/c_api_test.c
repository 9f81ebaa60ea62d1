/* Every function of verdigris.h and every code that a C program can provoke, as C11. Codes 24 (callers that read
 * files), 30 (alloc_failure_test.cc) and 40 (a broken build) do not occur here.
 *
 * Expected numbers: native-schemes.md N13 and N8.1; scores of a text from the reference implementation of that
 * specification (seed 1 below; both rules, both layers, two accounts); everything else is computed here again from
 * masks.
 *
 * usage: c_api_test [slow]     with `slow` 10,000 instead of 1,000 random rows
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/c_api/fixture.h"
#include "watermark/verdigris.h"

static int passed, failed;
#define CHECK(condition) Check((condition) != 0, #condition, __LINE__)
#define CHECK_CODE(call, wanted) CheckCode((call), (wanted), #call, __LINE__)

static void Check(int good, const char* text, int line) {
  if (good) {
    ++passed;
    return;
  }
  ++failed;
  printf("c_api_test.c:%d: %s\n", line, text);
}

static vdg_error err;

/* A call's code, and that the error says the same. */
static void CheckCode(int32_t code, int32_t wanted, const char* text, int line) {
  if (code != wanted) printf("got %s (%s), wanted %s\n", vdg_code_name(code), err.message, vdg_code_name(wanted));
  Check(code == wanted, text, line);
  Check(err.code == code, text, line);
  Check(memchr(err.message, 0, sizeof err.message) != NULL, text, line);
  Check((err.message[0] == 0) == (code == VDG_OK), text, line);
  err.code = -1; /* so that a call that does not fill it is seen */
  memset(err.message, 'x', sizeof err.message);
}

static uint64_t seed = 1;
static uint32_t Random(uint32_t below) {
  seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(seed >> 33) % below;
}

/* ---- handles of the fixture -------------------------------------------------------------------------------------- */

static vdg_profile* ParseProfile(const char* text) {
  vdg_profile* profile = NULL;
  CHECK_CODE(vdg_profile_parse(text, strlen(text), &profile, &err), VDG_OK);
  return profile;
}

static vdg_key* ParseKey(const char* text) {
  vdg_key* key = NULL;
  CHECK_CODE(vdg_key_parse(text, strlen(text), NULL, 0, &key, &err), VDG_OK);
  return key;
}

/* Keys may go before the marker. */
static vdg_marker* MakeMarker(const char* profile_text, const char* const* key_texts, size_t n) {
  vdg_profile* profile = ParseProfile(profile_text);
  vdg_key* keys[4];
  vdg_marker* marker = NULL;
  size_t i;
  for (i = 0; i < n; ++i) keys[i] = ParseKey(key_texts[i]);
  CHECK_CODE(vdg_marker_new(profile, (const vdg_key* const*)keys, n, NULL, 0, &marker, &err), VDG_OK);
  for (i = 0; i < n; ++i) vdg_key_free(keys[i]);
  vdg_profile_free(profile);
  return marker;
}

static const char* const kThreeKeys[] = {kProvider, kSelector, kAccount7};
static const char* const kThreeKeys8[] = {kAccount8, kProvider, kSelector};
static const char* const kSmallKey[] = {kProviderSmall};

/* Of N13: windows of the provider's and of the account's layer. */
static const uint32_t kOfProvider[] = {3186, 31999};
static const uint32_t kOfAccount[] = {263, 3186};

enum { kVocab = 32000, kMaskBytes = 4000 };

static int Bit(const uint8_t* mask, size_t i) { return mask[i >> 3] >> (i & 7) & 1; }

static size_t Popcount(const uint8_t* mask, size_t bytes) {
  size_t i, count = 0;
  for (i = 0; i < 8 * bytes; ++i) count += (size_t)Bit(mask, i);
  return count;
}

static vdg_price NewPrice(void) {
  vdg_price price;
  memset(&price, 0, sizeof price);
  price.size = sizeof price;
  return price;
}

static vdg_row NewRow(int32_t mode, int32_t dtype, void* logits, size_t count) {
  vdg_row row;
  memset(&row, 0, sizeof row);
  row.size = sizeof row;
  row.mode = mode;
  row.dtype = dtype;
  row.logits = logits;
  row.count = count;
  row.scale = 1;
  return row;
}

/* ---- the library ------------------------------------------------------------------------------------------------- */

static void TestLibrary(void) {
  static const struct {
    int32_t code;
    const char* name;
  } kNames[] = {{0, "ok"},
                {10, "invalid_argument"},
                {11, "failed_precondition"},
                {12, "mismatch"},
                {13, "not_supported"},
                {20, "malformed"},
                {21, "unsupported"},
                {22, "limit"},
                {23, "auth"},
                {24, "unsafe"},
                {30, "no_memory"},
                {40, "internal"},
                {1, "unknown"},
                {-1, "unknown"},
                {2147483647, "unknown"}};
  static const char* const kFeatures[] = {"scheme.green", "scheme.gumbel", "scheme.tournament", "scheme.multichannel",
                                          "mode.bias",    "mode.distribution", "mode.mask",
                                          "profile.1",    "keyfile.1", "history.1"};
  static const char* const kNoFeatures[] = {"scheme.", "scheme.none", "mode", "", "profile.2", "aes"};
  unsigned major, minor, patch;
  size_t i;
  CHECK(vdg_abi() == 1 && VDG_ABI == 1);
  CHECK(sscanf(vdg_version(), "%u.%u.%u", &major, &minor, &patch) == 3);
  for (i = 0; i < sizeof kNames / sizeof kNames[0]; ++i)
    CHECK(strcmp(vdg_code_name(kNames[i].code), kNames[i].name) == 0);
  for (i = 0; i < sizeof kFeatures / sizeof kFeatures[0]; ++i) CHECK(vdg_has(kFeatures[i]) == 1);
  for (i = 0; i < sizeof kNoFeatures / sizeof kNoFeatures[0]; ++i) CHECK(vdg_has(kNoFeatures[i]) == 0);
  CHECK(vdg_has(NULL) == 0);
  CHECK(vdg_has("aes.hardware") == 0 || vdg_has("aes.hardware") == 1);
  CHECK_CODE(vdg_selftest(&err), VDG_OK);
  CHECK(err.row == -1);
  CHECK(vdg_selftest(NULL) == VDG_OK);
  /* The layout is the interface: these numbers never change. */
  CHECK(sizeof(vdg_error) == 256 && sizeof(vdg_row) == 64 && sizeof(vdg_price) == 64 && sizeof(vdg_score) == 24);
  CHECK(sizeof(vdg_total) == 48 && (sizeof(void*) != 8 || sizeof(vdg_batch) == 80));
}

/* ---- profiles and keys ------------------------------------------------------------------------------------------- */

static void CheckMember(int32_t code, const char* got, const size_t* need, const char* wanted) {
  CHECK_CODE(code, VDG_OK);
  CHECK(strcmp(got, wanted) == 0);
  CHECK(*need == strlen(wanted) + 1);
}

static void TestProfile(void) {
  static const char* const kMembers[][2] = {
      {"scheme", "green"},
      {"prf", "verdigris/1/aes256"},
      {"window", "2"},
      {"vocab", "32000"},
      {"provider_share", "128"},
      {"unmarked_ids", "[[0,2]]"},
      {"tokenizer_sha256", "5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d"},
      {"normaliser", "none/1"},
      {"planes", "2"},
      {"threshold", "1"},
      {"delta_milli", "2000"},
      {"specials", "preserve"},
      {"zero_temperature", "off"},
      {"unbiased", "false"},
      {"scheme_id", "ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a"},
      {"digest", "97e727b5df59fd5b435e294bf1bfad52276ba5fd1c61376ba8ce9b1abd773eb6"}, /* sha256sum of the file */
  };
  vdg_profile *profile = ParseProfile(kProfile), *plain = ParseProfile(kProfilePlain), *none = NULL;
  char buf[128];
  size_t i, need;
  for (i = 0; i < sizeof kMembers / sizeof kMembers[0]; ++i) {
    CheckMember(vdg_profile_get(profile, kMembers[i][0], buf, sizeof buf, &need, &err), buf, &need, kMembers[i][1]);
  }
  CheckMember(vdg_profile_get(plain, "specials", buf, sizeof buf, &need, &err), buf, &need, "plain");

  /* A buffer that is too short is left alone, and need says how long it must be. */
  strcpy(buf, "untouched");
  need = 0;
  CHECK_CODE(vdg_profile_get(profile, "scheme", buf, 5, &need, &err), VDG_LIMIT);
  CHECK(need == 6 && strcmp(buf, "untouched") == 0);
  CHECK_CODE(vdg_profile_get(profile, "scheme", buf, 6, NULL, &err), VDG_OK);
  need = 0;
  CHECK_CODE(vdg_profile_get(profile, "scheme", NULL, 0, &need, &err), VDG_LIMIT);
  CHECK(need == 6);
  CHECK_CODE(vdg_profile_get(profile, "scheme", NULL, 6, &need, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_profile_get(profile, "sampler", buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_profile_get(profile, "", buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_profile_get(profile, NULL, buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_profile_get(NULL, "scheme", buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);

  CHECK_CODE(vdg_profile_parse(kProfileVersion2, strlen(kProfileVersion2), &none, &err), VDG_UNSUPPORTED);
  CHECK_CODE(vdg_profile_parse(kProfileDepth, strlen(kProfileDepth), &none, &err), VDG_LIMIT);
  CHECK_CODE(vdg_profile_parse(kProfile, strlen(kProfile) - 1, &none, &err), VDG_MALFORMED);
  CHECK_CODE(vdg_profile_parse(NULL, 0, &none, &err), VDG_MALFORMED);
  CHECK_CODE(vdg_profile_parse(NULL, 1, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_profile_parse(kProfile, strlen(kProfile), NULL, &err), VDG_INVALID_ARGUMENT);
  CHECK(none == NULL);
  vdg_profile_free(plain);
  vdg_profile_free(profile);
  vdg_profile_free(NULL);
}

static void TestMessageIsUtf8(void) {
  /* Scheme names of 3-byte characters, too long to be shown whole, at every alignment. */
  size_t shift;
  for (shift = 0; shift < 3; ++shift) {
    char text[2048];
    const char* at = strstr(kProfile, "\"green\"") + 1;
    const size_t head = (size_t)(at - kProfile);
    vdg_profile* none = NULL;
    size_t length = head, i;
    memcpy(text, kProfile, head);
    memcpy(text + length, "abc", shift);
    length += shift;
    for (i = 0; i < 150; ++i) length += (size_t)sprintf(text + length, "\xE2\x82\xAC");
    strcpy(text + length, at + strlen("green"));
    CHECK(vdg_profile_parse(text, strlen(text), &none, &err) == VDG_MALFORMED);
    CHECK(strstr(err.message, "\xE2\x82\xAC") != NULL);
    for (i = 0; err.message[i] != 0;) {
      const int whole = memcmp(err.message + i, "\xE2\x82\xAC", 3) == 0;
      CHECK(whole || (unsigned char)err.message[i] < 0x80);
      i += whole ? 3 : 1;
    }
  }
}

static void TestKey(void) {
  static const char* const kMembers[][2] = {
      {"role", "account"},
      {"kid", "16b1e2a739223456"}, /* N13 */
      {"scheme_id", "ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a"},
      {"epoch", "3"},
      {"account", "acct-7"},
  };
  static const char* const kNoMembers[] = {"key", "secret", "mac", "created", "", "master"};
  vdg_key *key = ParseKey(kAccount7), *master = ParseKey(kMasterKey), *selector = ParseKey(kSelector), *none = NULL;
  char buf[128];
  size_t i, need;
  for (i = 0; i < sizeof kMembers / sizeof kMembers[0]; ++i) {
    CheckMember(vdg_key_get(key, kMembers[i][0], buf, sizeof buf, &need, &err), buf, &need, kMembers[i][1]);
  }
  for (i = 0; i < sizeof kNoMembers / sizeof kNoMembers[0]; ++i) {
    CHECK_CODE(vdg_key_get(key, kNoMembers[i], buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);
  }
  CheckMember(vdg_key_get(master, "role", buf, sizeof buf, &need, &err), buf, &need, "master");
  CheckMember(vdg_key_get(master, "scheme_id", buf, sizeof buf, &need, &err), buf, &need, "");
  CheckMember(vdg_key_get(master, "epoch", buf, sizeof buf, &need, &err), buf, &need, "");
  CheckMember(vdg_key_get(selector, "kid", buf, sizeof buf, &need, &err), buf, &need, "62901236e5ce7fe4");
  CheckMember(vdg_key_get(selector, "account", buf, sizeof buf, &need, &err), buf, &need, "");
  CHECK_CODE(vdg_key_get(key, "kid", buf, 16, &need, &err), VDG_LIMIT);
  CHECK(need == 17);
  CHECK_CODE(vdg_key_get(NULL, "kid", buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_key_get(key, NULL, buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);
  vdg_key_free(key);
  vdg_key_free(master);
  vdg_key_free(selector);
  vdg_key_free(NULL);

  CHECK_CODE(vdg_key_parse(kProtected, strlen(kProtected), "correct horse", 13, &key, &err), VDG_OK);
  CheckMember(vdg_key_get(key, "kid", buf, sizeof buf, &need, &err), buf, &need, "c8390ef4145558b3");
  vdg_key_free(key);
  CHECK_CODE(vdg_key_parse(kProtected, strlen(kProtected), "correct horsf", 13, &none, &err), VDG_AUTH);
  CHECK_CODE(vdg_key_parse(kProtected, strlen(kProtected), "", 0, &none, &err), VDG_AUTH);
  CHECK_CODE(vdg_key_parse(kProtected, strlen(kProtected), NULL, 0, &none, &err), VDG_AUTH);
  CHECK_CODE(vdg_key_parse(kProtected, strlen(kProtected), NULL, 1, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_key_parse(kKeyMac, strlen(kKeyMac), NULL, 0, &none, &err), VDG_AUTH);
  CHECK_CODE(vdg_key_parse(kKeyRole, strlen(kKeyRole), NULL, 0, &none, &err), VDG_UNSUPPORTED);
  CHECK_CODE(vdg_key_parse(kKeyLogN9, strlen(kKeyLogN9), "correct horse", 13, &none, &err), VDG_LIMIT);
  CHECK_CODE(vdg_key_parse(kAccount7, strlen(kAccount7) - 1, NULL, 0, &none, &err), VDG_MALFORMED);
  CHECK_CODE(vdg_key_parse(NULL, 1, NULL, 0, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_key_parse(kAccount7, strlen(kAccount7), NULL, 0, NULL, &err), VDG_INVALID_ARGUMENT);
  CHECK(none == NULL);
}

/* ---- markers ----------------------------------------------------------------------------------------------------- */

static void TestMarker(void) {
  static const vdg_param kMet[] = {
      {"epoch", "3"},
      {"vocab", "32000"},
      {"tokenizer_sha256", "5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d"},
      {"scheme_id", "ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a"}};
  static const struct {
    vdg_param params[2];
    size_t n;
    int32_t code;
  } kRefused[] = {
      {{{"epoch", "4"}, {0}}, 1, VDG_MISMATCH},
      {{{"vocab", "32001"}, {0}}, 1, VDG_MISMATCH},
      {{{"tokenizer_sha256", "5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003e"}, {0}},
       1,
       VDG_MISMATCH},
      {{{"scheme_id", "0000000000000000000000000000000000000000000000000000000000000000"}, {0}}, 1, VDG_MISMATCH},
      {{{"epoch", "3 "}, {0}}, 1, VDG_INVALID_ARGUMENT},
      {{{"epoch", ""}, {0}}, 1, VDG_INVALID_ARGUMENT},
      {{{"epoch", "-3"}, {0}}, 1, VDG_INVALID_ARGUMENT},
      {{{"epoch", "4294967296"}, {0}}, 1, VDG_INVALID_ARGUMENT},
      {{{"epoch", "3"}, {"epoch", "3"}}, 2, VDG_INVALID_ARGUMENT},
      {{{"scheme_id", "ff4d"}, {0}}, 1, VDG_INVALID_ARGUMENT},
      {{{"delta", "2"}, {0}}, 1, VDG_INVALID_ARGUMENT},
      {{{"epoch", NULL}, {0}}, 1, VDG_INVALID_ARGUMENT},
      {{{NULL, "3"}, {0}}, 1, VDG_INVALID_ARGUMENT},
  };
  vdg_profile* profile = ParseProfile(kProfile);
  vdg_key *provider = ParseKey(kProvider), *selector = ParseKey(kSelector), *account = ParseKey(kAccount7);
  vdg_key *account8 = ParseKey(kAccount8), *other_epoch = ParseKey(kAccount7Epoch4), *epoch_key = ParseKey(kEpochKey);
  vdg_key *other_scheme = ParseKey(kOtherScheme), *master = ParseKey(kMasterKey);
  const vdg_key* keys[4];
  vdg_marker *marker = NULL, *other = NULL, *none = NULL;
  char buf[64];
  size_t i, need;

  keys[0] = provider, keys[1] = selector, keys[2] = account;
  CHECK_CODE(vdg_marker_new(profile, keys, 3, kMet, 4, &marker, &err), VDG_OK);
  CheckMember(vdg_marker_get(marker, "window", buf, sizeof buf, &need, &err), buf, &need, "2");
  CheckMember(vdg_marker_get(marker, "mask_bytes", buf, sizeof buf, &need, &err), buf, &need, "4000");
  CheckMember(vdg_marker_get(marker, "epoch", buf, sizeof buf, &need, &err), buf, &need, "3");
  CheckMember(vdg_marker_get(marker, "kids", buf, sizeof buf, &need, &err), buf, &need,
              "090ebcf4285fc5fc,16b1e2a739223456");
  CHECK_CODE(vdg_marker_get(marker, "kids", buf, 33, &need, &err), VDG_LIMIT);
  CHECK(need == 34);
  CHECK_CODE(vdg_marker_get(marker, "key", buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_marker_get(marker, NULL, buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_marker_get(NULL, "kids", buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);

  CHECK_CODE(vdg_marker_account(marker, account8, &other, &err), VDG_OK);
  CheckMember(vdg_marker_get(other, "kids", buf, sizeof buf, &need, &err), buf, &need,
              "090ebcf4285fc5fc,9669529ffc432b56");
  CheckMember(vdg_marker_get(marker, "kids", buf, sizeof buf, &need, &err), buf, &need,
              "090ebcf4285fc5fc,16b1e2a739223456");
  CHECK_CODE(vdg_marker_account(marker, other_epoch, &none, &err), VDG_MISMATCH);
  CHECK_CODE(vdg_marker_account(marker, provider, &none, &err), VDG_MISMATCH);
  CHECK_CODE(vdg_marker_account(NULL, account8, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_marker_account(marker, NULL, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_marker_account(marker, account8, NULL, &err), VDG_INVALID_ARGUMENT);
  vdg_marker_free(other);
  vdg_marker_free(marker);
  vdg_marker_free(NULL);

  for (i = 0; i < sizeof kRefused / sizeof kRefused[0]; ++i) {
    CHECK_CODE(vdg_marker_new(profile, keys, 3, kRefused[i].params, kRefused[i].n, &none, &err), kRefused[i].code);
  }
  CHECK_CODE(vdg_marker_new(profile, keys, 2, NULL, 0, &none, &err), VDG_FAILED_PRECONDITION);     /* no account */
  CHECK_CODE(vdg_marker_new(profile, keys + 1, 2, NULL, 0, &none, &err), VDG_FAILED_PRECONDITION); /* no provider */
  CHECK_CODE(vdg_marker_new(profile, NULL, 0, NULL, 0, &none, &err), VDG_FAILED_PRECONDITION);
  keys[1] = account;
  CHECK_CODE(vdg_marker_new(profile, keys, 2, NULL, 0, &none, &err), VDG_FAILED_PRECONDITION); /* no selector */
  keys[1] = selector, keys[2] = other_epoch;
  CHECK_CODE(vdg_marker_new(profile, keys, 3, NULL, 0, &none, &err), VDG_MISMATCH);
  keys[2] = account, keys[3] = account8;
  CHECK_CODE(vdg_marker_new(profile, keys, 4, NULL, 0, &none, &err), VDG_MISMATCH);
  keys[0] = other_scheme;
  CHECK_CODE(vdg_marker_new(profile, keys, 3, NULL, 0, &none, &err), VDG_MISMATCH);
  keys[0] = epoch_key;
  CHECK_CODE(vdg_marker_new(profile, keys, 1, NULL, 0, &none, &err), VDG_MISMATCH);
  keys[0] = master;
  CHECK_CODE(vdg_marker_new(profile, keys, 1, NULL, 0, &none, &err), VDG_MISMATCH);
  keys[0] = NULL;
  CHECK_CODE(vdg_marker_new(profile, keys, 3, NULL, 0, &none, &err), VDG_INVALID_ARGUMENT);
  keys[0] = provider;
  CHECK_CODE(vdg_marker_new(NULL, keys, 3, NULL, 0, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_marker_new(profile, NULL, 3, NULL, 0, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_marker_new(profile, keys, 3, NULL, 1, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_marker_new(profile, keys, 3, NULL, 0, NULL, &err), VDG_INVALID_ARGUMENT);
  CHECK(none == NULL);
  vdg_profile_free(profile);
  vdg_key_free(provider), vdg_key_free(selector), vdg_key_free(account), vdg_key_free(account8);
  vdg_key_free(other_epoch), vdg_key_free(epoch_key), vdg_key_free(other_scheme), vdg_key_free(master);

  /* One layer: one key. */
  marker = MakeMarker(kProfileSmall, kSmallKey, 1);
  CheckMember(vdg_marker_get(marker, "kids", buf, sizeof buf, &need, &err), buf, &need, "249a6417b115f9f7");
  CheckMember(vdg_marker_get(marker, "mask_bytes", buf, sizeof buf, &need, &err), buf, &need, "125");
  vdg_marker_free(marker);
}

/* ---- masks and states -------------------------------------------------------------------------------------------- */

static void TestMask(void) {
  static const uint32_t kGreen[] = {6, 7, 12, 13, 18, 22, 25, 31, 35, 44};
  static const uint32_t kRepeats[] = {263, 3186, 31999, 5, 3186, 31999};
  static const uint32_t kSpecial[] = {2, 5}, kPadding[] = {32000, 5};
  vdg_marker* marker = MakeMarker(kProfile, kThreeKeys, 3);
  uint32_t output[18];
  uint8_t mask[kMaskBytes], zeros[kMaskBytes] = {0};
  vdg_price price = NewPrice();
  size_t i, next = 0;
  CHECK_CODE(vdg_mask(marker, kOfProvider, 2, VDG_REPEAT_FIND, mask, sizeof mask, &price, &err), VDG_OK);
  CHECK(price.code == 0 && price.state == VDG_STATE_MARKED && price.layer == VDG_LAYER_PROVIDER);
  CHECK(price.size == sizeof price && price.has_masses == 0 && price.green == 0 && price.kl_qp == 0);
  /* N13: 8,081 are green; 0 and 2 of them are special, so they are not in the applied mask. */
  CHECK(Popcount(mask, sizeof mask) == 8079);
  mask[0] |= 5;
  CHECK(Popcount(mask, sizeof mask) == 8081);
  for (i = 3; i < 45; ++i) {
    CHECK(Bit(mask, i) == (next < 10 && kGreen[next] == i));
    next += next < 10 && kGreen[next] == i;
  }
  /* The account's layer: 7,995 ids without the special ones, by the reference implementation. */
  CHECK_CODE(vdg_mask(marker, kOfAccount, 2, VDG_REPEAT_NEW, mask, sizeof mask, &price, &err), VDG_OK);
  CHECK(price.state == VDG_STATE_MARKED && price.layer == VDG_LAYER_ACCOUNT);
  CHECK(Popcount(mask, sizeof mask) == 7995);

#define CHECK_UNMARKED(ids, n, repeat, wanted)                                             \
  do {                                                                                     \
    memset(mask, 255, sizeof mask);                                                        \
    CHECK_CODE(vdg_mask(marker, ids, n, repeat, mask, sizeof mask, &price, &err), VDG_OK); \
    CHECK(price.state == (wanted) && price.layer == VDG_LAYER_NONE);                       \
    CHECK(memcmp(mask, zeros, sizeof mask) == 0);                                          \
  } while (0)
  CHECK_UNMARKED(NULL, 0, VDG_REPEAT_FIND, VDG_STATE_SHORT);
  CHECK_UNMARKED(kOfProvider, 1, VDG_REPEAT_NEW, VDG_STATE_SHORT);
  CHECK_UNMARKED(kOfProvider, 1, VDG_REPEAT_REPEATED, VDG_STATE_SHORT);
  CHECK_UNMARKED(kRepeats, 6, VDG_REPEAT_FIND, VDG_STATE_REPEATED);
  CHECK_UNMARKED(kOfProvider, 2, VDG_REPEAT_REPEATED, VDG_STATE_REPEATED);
  CHECK_UNMARKED(kSpecial, 2, VDG_REPEAT_FIND, VDG_STATE_SPECIAL);
  CHECK_UNMARKED(kSpecial, 2, VDG_REPEAT_REPEATED, VDG_STATE_SPECIAL);
  CHECK_UNMARKED(kPadding, 2, VDG_REPEAT_FIND, VDG_STATE_SPECIAL);
#undef CHECK_UNMARKED
  /* The caller's word counts: the same ids, said to be new. */
  CHECK_CODE(vdg_mask(marker, kRepeats, 6, VDG_REPEAT_NEW, mask, sizeof mask, &price, &err), VDG_OK);
  CHECK(price.state == VDG_STATE_MARKED);

  for (i = 0; i < 18; ++i) output[i] = 100 + (uint32_t)i;
  output[17] = 4294967295u;
  price.state = 77;
  memset(mask, 255, sizeof mask);
  CHECK(vdg_mask(marker, output, 18, VDG_REPEAT_FIND, mask, sizeof mask, &price, &err) == VDG_INVALID_ARGUMENT);
  CHECK(strcmp(err.message, "output id 4294967295 at 17") == 0);
  CHECK(price.state == 77 && mask[0] == 255); /* outputs on success only */
  output[17] = 1u << 24;
  CHECK_CODE(vdg_mask(marker, output, 18, VDG_REPEAT_FIND, mask, sizeof mask, &price, &err), VDG_INVALID_ARGUMENT);
  output[17] = (1u << 24) - 1;
  CHECK_CODE(vdg_mask(marker, output, 18, VDG_REPEAT_FIND, mask, sizeof mask, &price, &err), VDG_OK);
  CHECK(price.state == VDG_STATE_SPECIAL);

  CHECK_CODE(vdg_mask(NULL, kOfProvider, 2, 0, mask, sizeof mask, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask(marker, NULL, 2, 0, mask, sizeof mask, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask(marker, kOfProvider, 2, 3, mask, sizeof mask, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask(marker, kOfProvider, 2, -1, mask, sizeof mask, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask(marker, kOfProvider, 2, 0, NULL, sizeof mask, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask(marker, kOfProvider, 2, 0, mask, sizeof mask - 1, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask(marker, kOfProvider, 2, 0, mask, sizeof mask, NULL, &err), VDG_OK);
  CHECK(vdg_mask(marker, kOfProvider, 2, 0, mask, sizeof mask, NULL, NULL) == VDG_OK);
  price.size = sizeof price - 8;
  CHECK_CODE(vdg_mask(marker, kOfProvider, 2, 0, mask, sizeof mask, &price, &err), VDG_INVALID_ARGUMENT);
  vdg_marker_free(marker);

  /* Padding bits: 1,000 ids in 125 bytes, 990 to 995 and 50 special, so nothing there. */
  marker = MakeMarker(kProfileSmall, kSmallKey, 1);
  price = NewPrice();
  output[0] = 7, output[1] = 8, output[2] = 9;
  CHECK_CODE(vdg_mask(marker, output, 3, 0, mask, 125, &price, &err), VDG_OK);
  CHECK(price.state == VDG_STATE_MARKED && price.layer == VDG_LAYER_PROVIDER);
  for (i = 990; i < 996; ++i) CHECK(!Bit(mask, i));
  CHECK(!Bit(mask, 50));
  /* Binomial(990, 1/2): |z| < 5. False alarm: 5.7e-7. */
  CHECK(fabs((double)Popcount(mask, 125) - 495) < 5 * sqrt(990 * .25));
  vdg_marker_free(marker);
}

/* ---- one row ------------------------------------------------------------------------------------------------------
 */

/* Conversions for values that all three types hold exactly, and back. */
static uint32_t Bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
static uint16_t ToBf16(float value) { return (uint16_t)(Bits(value) >> 16); }
static uint16_t ToF16(float value) {
  const uint32_t bits = Bits(value);
  const uint32_t sign = bits >> 16 & 0x8000;
  const int exponent = (int)(bits >> 23 & 255);
  if (exponent == 0) return (uint16_t)sign;
  if (exponent == 255) return (uint16_t)(sign | 0x7C00 | (bits & 0x7FFFFF ? 0x200 : 0));
  return (uint16_t)(sign | (uint32_t)(exponent - 127 + 15) << 10 | (bits >> 13 & 0x3FF));
}
static float FromBf16(uint16_t stored) {
  const uint32_t bits = (uint32_t)stored << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
static float FromF16(uint16_t stored) {
  const float sign = stored & 0x8000 ? -1.f : 1.f;
  const int exponent = stored >> 10 & 31;
  const float fraction = (float)(stored & 0x3FF);
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * (exponent == 0 ? ldexpf(fraction, -24) : ldexpf(1024 + fraction, exponent - 25));
}
static void Put(void* base, size_t stride, size_t i, int32_t dtype, float value) {
  char* at = (char*)base + stride * i;
  const uint16_t half = dtype == VDG_DTYPE_F16 ? ToF16(value) : ToBf16(value);
  if (dtype == VDG_DTYPE_F32)
    memcpy(at, &value, 4);
  else
    memcpy(at, &half, 2);
}
static float Read(const void* base, size_t stride, size_t i, int32_t dtype) {
  const char* at = (const char*)base + stride * i;
  float value;
  uint16_t half;
  memcpy(&value, at, dtype == VDG_DTYPE_F32 ? 4 : 2);
  memcpy(&half, at, 2);
  return dtype == VDG_DTYPE_F32 ? value : dtype == VDG_DTYPE_F16 ? FromF16(half) : FromBf16(half);
}
static size_t SizeOfType(int32_t dtype) { return dtype == VDG_DTYPE_F32 ? 4 : 2; }

/* ln Q of one row by N8.1, from the mask alone; -inf stays. Specials as in kProfile (preserve) or kProfilePlain. */
typedef struct {
  double green, special, kl_qp, kl_pq, tv;
} Reference;
static Reference MarkReference(const double* logits, const uint32_t* ids, size_t n, const uint8_t* mask, int plain,
                               double* ln_q) {
  const double delta = 2, a = exp(delta);
  double max = -INFINITY, all = 0, special = 0, green = 0, g, share, z;
  Reference r;
  size_t i;
  for (i = 0; i < n; ++i) max = logits[i] > max ? logits[i] : max;
#define IS_SPECIAL(id) ((id) <= 2 || (id) >= kVocab)
  for (i = 0; i < n; ++i) {
    const double p = exp(logits[i] - max);
    all += p;
    if (IS_SPECIAL(ids[i]))
      special += p;
    else if (Bit(mask, ids[i]))
      green += p;
  }
  r.special = special / all;
  r.green = green / (all - special);
  g = plain ? green / all : r.green;
  share = plain ? 1 : 1 - r.special;
  z = 1 + (a - 1) * g;
  for (i = 0; i < n; ++i) {
    const int is_special = IS_SPECIAL(ids[i]);
    const double factor = is_special ? (plain ? 1 / z : 1) : (Bit(mask, ids[i]) ? a : 1) / z;
    ln_q[i] = logits[i] - max - log(all) + log(factor);
  }
#undef IS_SPECIAL
  r.kl_qp = share * (delta * a * g / z - log(z));
  r.kl_pq = share * (log(z) - delta * g);
  r.tv = share * (a - 1) * g * (1 - g) / z;
  return r;
}

static void CheckPrice(const vdg_price* price, const Reference* wanted) {
  CHECK(price->has_masses == 1);
  CHECK(fabs(price->green - wanted->green) < 1e-9 && fabs(price->special - wanted->special) < 1e-9);
  CHECK(fabs(price->kl_qp - wanted->kl_qp) < 1e-9 && fabs(price->kl_pq - wanted->kl_pq) < 1e-9);
  CHECK(fabs(price->tv - wanted->tv) < 1e-9);
}

static void TestPriceNumbers(vdg_marker* marker) {
  /* Mass 1/4 on green id 6, delta 2: N8.1 says KL 0.468, TV 0.461, green 0.711. */
  static const uint32_t kIds[] = {3, 4, 5, 6};
  float logits[] = {1, 1, 1, 1};
  vdg_price price = NewPrice();
  vdg_row row = NewRow(VDG_MODE_DISTRIBUTION, VDG_DTYPE_F32, logits, 4);
  row.ids = kIds;
  CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, &row, &price, &err), VDG_OK);
  CHECK(price.code == 0 && price.state == VDG_STATE_MARKED && price.layer == VDG_LAYER_PROVIDER &&
        price.has_masses == 1);
  CHECK(fabs(price.green - .25) < 1e-12 && price.special == 0);
  CHECK(fabs(price.kl_qp - .468) < 5e-4 && fabs(price.tv - .461) < 5e-4);
  CHECK(fabs(exp(logits[3]) - .711) < 5e-4 && fabs(exp(logits[0]) - (1 - .711) / 3) < 5e-4);
}

/* Random rows of every type, stride, width and order of candidates, against MarkReference. */
static void TestRandomRows(vdg_marker* marker, int plain) {
  enum { kMost = 33000 };
  uint8_t mask[kMaskBytes];
  double *exact = malloc(kMost * sizeof *exact), *ln_q = malloc(kMost * sizeof *ln_q);
  uint32_t* ids = malloc(kMost * sizeof *ids);
  unsigned char *memory = malloc(kMost * 16), *before = malloc(kMost * 16);
  int trial;
  for (trial = 0; trial < 120; ++trial) {
    static const size_t kWidths[] = {2, 3, 7, 8, 9, 63, 127, 129, 500, 31999, 32000, 32001, 33000};
    const int listed = trial % 3 == 1;
    const int32_t dtype = 1 + (int32_t)Random(3);
    const size_t n = listed ? 2 + Random(200) : kWidths[Random(13)];
    const size_t size = SizeOfType(dtype), stride = trial % 2 ? size + Random(12) : size;
    const double tolerance = dtype == VDG_DTYPE_F32 ? 1e-6 : dtype == VDG_DTYPE_F16 ? 1. / 2048 : 1. / 256;
    const uint32_t window[2] = {3 + Random(31000), 3 + Random(31000)};
    vdg_price price = NewPrice();
    vdg_row row = NewRow(VDG_MODE_DISTRIBUTION, dtype, memory + trial % 2, n);
    Reference wanted;
    size_t i;
    for (i = 0; i < kMost * 16; ++i) memory[i] = (unsigned char)i;
    for (i = 0; i < n; ++i) {
      /* Multiples of 1/8, which all types hold; some absent. */
      const float value = i > 1 && Random(5) == 0 ? -INFINITY : (float)(int)Random(128) / 8 - 8;
      Put(row.logits, stride, i, dtype, value);
      exact[i] = value;
      ids[i] = listed ? (uint32_t)(i * 167 + 3) % 33000 : (uint32_t)i;
    }
    if (trial % 2) row.logit_stride = stride;
    if (listed) row.ids = ids;
    CHECK_CODE(vdg_mask(marker, window, 2, 0, mask, sizeof mask, NULL, &err), VDG_OK);
    wanted = MarkReference(exact, ids, n, mask, plain, ln_q);
    memcpy(before, memory, kMost * 16);
    CHECK_CODE(vdg_mark(marker, window, 2, 0, &row, &price, &err), VDG_OK);
    if (price.state == VDG_STATE_NO_CHOICE) { /* widths of 2 and 3 hold special ids alone */
      CHECK(n <= 3 && !listed && memcmp(before, memory, kMost * 16) == 0);
      continue;
    }
    CHECK(price.state == VDG_STATE_MARKED);
    CheckPrice(&price, &wanted);
    for (i = 0; i < n; ++i) {
      const double got = Read(row.logits, stride, i, dtype);
      const int good = isinf(exact[i]) ? isinf(got) && got < 0 : fabs(got - ln_q[i]) <= tolerance * (1 + fabs(ln_q[i]));
      if (!good) printf("trial %d, entry %zu: got %g, wanted %g\n", trial, i, got, ln_q[i]);
      if (!good || i == 0) CHECK(good);
      memcpy((char*)row.logits + stride * i, before + ((unsigned char*)row.logits - memory) + stride * i, size);
    }
    CHECK(memcmp(memory, before, kMost * 16) == 0); /* nothing between the entries was touched */
  }
  free(exact), free(ln_q), free(ids), free(memory), free(before);
}

typedef struct {
  uint32_t id;
  float logit;
  float p;
} Candidate; /* as engines keep them: stride 12 */

static void TestCandidates(vdg_marker* marker) {
  enum { kCount = 64 };
  Candidate forward[kCount], backward[kCount];
  float full[kVocab];
  vdg_price price = NewPrice(), other = NewPrice();
  vdg_row row;
  size_t i;
  for (i = 0; i < kVocab; ++i) full[i] = -INFINITY;
  for (i = 0; i < kCount; ++i) {
    forward[i].id = (uint32_t)(3 + 401 * i) % 32100;
    forward[i].logit = (float)((int)Random(100)) / 16;
    forward[i].p = .5f;
    if (forward[i].id < kVocab) full[forward[i].id] = forward[i].logit;
    backward[kCount - 1 - i] = forward[i];
  }
  row = NewRow(VDG_MODE_DISTRIBUTION, VDG_DTYPE_F32, &forward[0].logit, kCount);
  row.ids = &forward[0].id;
  row.logit_stride = row.id_stride = sizeof(Candidate);
  CHECK(sizeof(Candidate) == 12);
  CHECK_CODE(vdg_mark(marker, kOfAccount, 2, 0, &row, &price, &err), VDG_OK);
  CHECK(price.state == VDG_STATE_MARKED && price.layer == VDG_LAYER_ACCOUNT);
  row.logits = &backward[0].logit;
  row.ids = &backward[0].id;
  CHECK_CODE(vdg_mark(marker, kOfAccount, 2, 0, &row, &other, &err), VDG_OK);
  for (i = 0; i < kCount; ++i) {
    CHECK(forward[i].id == (uint32_t)(3 + 401 * i) % 32100 && forward[i].p == .5f);
    CHECK(fabsf(forward[i].logit - backward[kCount - 1 - i].logit) < 1e-6f);
  }
  CHECK(fabs(price.kl_qp - other.kl_qp) < 1e-12);
  /* The whole row with the rest absent gives the same. */
  row = NewRow(VDG_MODE_DISTRIBUTION, VDG_DTYPE_F32, full, kVocab);
  CHECK_CODE(vdg_mark(marker, kOfAccount, 2, 0, &row, &other, &err), VDG_OK);
  for (i = 0; i < kCount; ++i) CHECK(fabsf(full[forward[i].id] - forward[i].logit) < 1e-6f);
  CHECK(fabs(price.tv - other.tv) < 1e-12);

  /* Refused lists stay as they are. */
  backward[5].id = backward[40].id;
  backward[0].logit = 1;
  row = NewRow(VDG_MODE_DISTRIBUTION, VDG_DTYPE_F32, &backward[0].logit, kCount);
  row.ids = &backward[0].id;
  row.logit_stride = row.id_stride = sizeof(Candidate);
  memcpy(forward, backward, sizeof forward);
  CHECK_CODE(vdg_mark(marker, kOfAccount, 2, 0, &row, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK(memcmp(forward, backward, sizeof forward) == 0);
}

static void TestRefusedRows(vdg_marker* marker) {
  float logits[8] = {1, 2, 3, 4, 5, 6, 7, 8}, before[8];
  unsigned char large[sizeof(vdg_row) + 16] = {0};
  const uint32_t placeholder[] = {5, 4294967295u};
  vdg_price price = NewPrice();
  vdg_row row = NewRow(VDG_MODE_DISTRIBUTION, VDG_DTYPE_F32, logits, 8), bad;
  size_t i;
  price.state = 77;
  memcpy(before, logits, sizeof before);
#define REFUSED(member, value)                                                                 \
  do {                                                                                         \
    bad = row;                                                                                 \
    bad.member = value;                                                                        \
    CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, &bad, &price, &err), VDG_INVALID_ARGUMENT); \
    CHECK(memcmp(before, logits, sizeof before) == 0 && price.state == 77);                    \
  } while (0)
  REFUSED(size, sizeof row - 8);
  REFUSED(size, 0);
  REFUSED(size, sizeof row + 4);
  REFUSED(size, 65536);
  REFUSED(mode, 0);
  REFUSED(mode, 3);
  REFUSED(dtype, 0);
  REFUSED(dtype, 4);
  REFUSED(dtype, 64); /* the library's own binary64 is no part of the interface */
  REFUSED(reserved, 1);
  REFUSED(logits, NULL);
  REFUSED(count, 0);
  REFUSED(count, SIZE_MAX);
  REFUSED(logit_stride, 3);
  REFUSED(id_stride, 3);
#undef REFUSED
  CHECK_CODE(vdg_mark(NULL, kOfProvider, 2, 0, &row, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mark(marker, NULL, 2, 0, &row, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, NULL, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 3, &row, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mark(marker, placeholder, 2, 0, &row, &price, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mark(marker, placeholder, 2, VDG_REPEAT_REPEATED, &row, &price, &err), VDG_INVALID_ARGUMENT);
  price.size = 8;
  CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, &row, &price, &err), VDG_INVALID_ARGUMENT);
  price.size = sizeof price;
  CHECK(memcmp(before, logits, sizeof before) == 0);

  /* NaN, +inf, nothing finite: also where the position would not be marked. */
  for (i = 0; i < 3; ++i) {
    size_t j;
    memcpy(logits, before, sizeof before);
    if (i == 0) logits[7] = NAN;
    if (i == 1) logits[3] = INFINITY;
    for (j = 0; i == 2 && j < 8; ++j) logits[j] = -INFINITY;
    CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, &row, &price, &err), VDG_INVALID_ARGUMENT);
    CHECK_CODE(vdg_mark(marker, kOfProvider, 1, 0, &row, &price, &err), VDG_INVALID_ARGUMENT);
    CHECK(i != 0 || (isnan(logits[7]) && logits[0] == 1));
  }
  memcpy(logits, before, sizeof before);

  /* A caller of a later header: accepted as long as what is not known here is not used. */
  row.size = sizeof large;
  memcpy(large, &row, sizeof row);
  CHECK_CODE(vdg_mark(marker, kOfProvider, 1, 0, (const vdg_row*)(const void*)large, &price, &err), VDG_OK);
  CHECK(price.state == VDG_STATE_SHORT && memcmp(before, logits, sizeof before) == 0);
  large[sizeof(vdg_row) + 9] = 1;
  CHECK_CODE(vdg_mark(marker, kOfProvider, 1, 0, (const vdg_row*)(const void*)large, &price, &err),
             VDG_INVALID_ARGUMENT);

  /* No choice: one finite candidate, special ids only. */
  row.size = sizeof row;
  for (i = 0; i < 8; ++i) logits[i] = i == 6 ? 2.f : -INFINITY;
  memcpy(before, logits, sizeof before);
  CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, &row, &price, &err), VDG_OK);
  CHECK(price.state == VDG_STATE_NO_CHOICE && price.has_masses == 0 && memcmp(before, logits, sizeof before) == 0);
  row.count = 1;
  logits[0] = 3;
  CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, &row, &price, &err), VDG_OK);
  CHECK(price.state == VDG_STATE_NO_CHOICE && logits[0] == 3);
  row.count = 3;
  logits[1] = 1;
  CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, &row, &price, &err), VDG_OK);
  CHECK(price.state == VDG_STATE_NO_CHOICE && logits[0] == 3 && logits[1] == 1);
}

/* Special ids hold nearly all of P: what is left for the others may vanish in the sums, but never gives NaN. */
static void TestTinyMarkableMass(vdg_marker* marker) {
  enum { kCount = 12 };
  static const uint32_t kIds[kCount] = {5, 0, 6, 7, 8, 9, 10, 11, 1, 2, 32000, 32001};
  int trial, good = 1;
  for (trial = 0; good && trial < 4000; ++trial) {
    float logits[kCount];
    vdg_price price = NewPrice();
    vdg_row row = NewRow(VDG_MODE_DISTRIBUTION, VDG_DTYPE_F32, logits, kCount);
    double sum = 0;
    int i;
    row.ids = kIds;
    for (i = 0; i < kCount; ++i) {
      const int special = kIds[i] < 3 || kIds[i] >= kVocab;
      logits[i] =
          special ? -(float)Random(30000) / 10000 : -34 - (float)Random(8000) / 1000 - (trial % 8 == 0 ? 700.f : 0);
    }
    good = vdg_mark(marker, kOfProvider, 2, 0, &row, &price, &err) == VDG_OK && price.state == VDG_STATE_MARKED;
    for (i = 0; i < kCount; ++i) sum += exp(logits[i]);
    good = good && fabs(sum - 1) < 1e-5 && price.kl_qp >= 0 && price.kl_pq >= 0 && price.tv >= 0;
    good = good && price.green >= 0 && price.green <= 1 && price.special <= 1;
    if (!good) printf("trial %d: sum %g green %g kl %g tv %g\n", trial, sum, price.green, price.kl_qp, price.tv);
  }
  CHECK(good);
}

static void TestBias(vdg_marker* plain, vdg_marker* preserve) {
  uint8_t mask[kMaskBytes];
  float logits[40];
  int32_t dtype;
  size_t i;
  vdg_price price = NewPrice();
  vdg_row row = NewRow(VDG_MODE_BIAS, VDG_DTYPE_F32, logits, 40);
  for (i = 0; i < 40; ++i) logits[i] = (float)i;
  CHECK_CODE(vdg_mark(preserve, kOfProvider, 2, 0, &row, &price, &err), VDG_NOT_SUPPORTED);
  CHECK(logits[6] == 6);
  CHECK_CODE(vdg_mask(plain, kOfProvider, 2, 0, mask, sizeof mask, NULL, &err), VDG_OK);
  for (dtype = VDG_DTYPE_F32; dtype <= VDG_DTYPE_BF16; ++dtype) {
    unsigned char memory[40 * 7 + 1], untouched[40 * 7 + 1];
    const size_t stride = dtype == VDG_DTYPE_F32 ? 7 : 3;
    int finite = 0;
    memset(memory, 0xA5, sizeof memory);
    row = NewRow(VDG_MODE_BIAS, dtype, memory + 1, 40);
    row.logit_stride = stride;
    row.scale = 1.5; /* delta * T = 3 */
    for (i = 0; i < 40; ++i)
      Put(memory + 1, stride, i, dtype, i % 7 == 3 ? -INFINITY : i % 7 == 4 ? -0.f : (float)i / 8 - 2);
    memcpy(untouched, memory, sizeof memory);
    CHECK_CODE(vdg_mark(plain, kOfProvider, 2, 0, &row, &price, &err), VDG_OK);
    CHECK(price.state == VDG_STATE_MARKED && price.layer == VDG_LAYER_PROVIDER && price.has_masses == 0);
    for (i = 0; i < 40; ++i) {
      const float old = Read(untouched + 1, stride, i, dtype);
      const float wanted = Bit(mask, i) ? old + 3.f : old;
      CHECK(Bits(Read(memory + 1, stride, i, dtype)) == Bits(wanted)); /* -0 stays -0 where not green */
      finite += Bit(mask, i) && !isinf(old);
      memcpy(memory + 1 + stride * i, untouched + 1 + stride * i, SizeOfType(dtype));
    }
    CHECK(finite > 3 && memcmp(memory, untouched, sizeof memory) == 0);
  }
  /* Bias does not look at values. */
  row = NewRow(VDG_MODE_BIAS, VDG_DTYPE_F32, logits, 40);
  logits[8] = NAN, logits[9] = INFINITY;
  CHECK_CODE(vdg_mark(plain, kOfProvider, 2, 0, &row, &price, &err), VDG_OK);
  CHECK(isnan(logits[8]) && isinf(logits[9]) && logits[6] == 8 && logits[5] == 5);
  for (i = 0; i < 4; ++i) {
    static const double kScales[] = {0, -1, 100.5, NAN};
    row.scale = kScales[i];
    CHECK_CODE(vdg_mark(plain, kOfProvider, 2, 0, &row, &price, &err), VDG_INVALID_ARGUMENT);
    CHECK(logits[6] == 8);
  }
  row.scale = 100;
  CHECK_CODE(vdg_mark(plain, kOfProvider, 2, 0, &row, &price, &err), VDG_OK);
  CHECK(logits[6] == 208);
}

static void TestRows(void) {
  vdg_marker *preserve = MakeMarker(kProfile, kThreeKeys, 3), *plain = MakeMarker(kProfilePlain, kThreeKeys, 3);
  TestPriceNumbers(preserve);
  TestPriceNumbers(plain);
  TestRandomRows(preserve, 0);
  TestRandomRows(plain, 1);
  TestCandidates(preserve);
  TestRefusedRows(preserve);
  TestTinyMarkableMass(preserve);
  TestTinyMarkableMass(plain);
  TestBias(plain, preserve);
  vdg_marker_free(preserve);
  vdg_marker_free(plain);
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

static vdg_batch NewBatch(size_t rows, const vdg_marker* const* markers, const uint32_t* windows,
                          const uint8_t* states) {
  vdg_batch batch;
  memset(&batch, 0, sizeof batch);
  batch.size = sizeof batch;
  batch.rows = rows;
  batch.markers = markers;
  batch.windows = windows;
  batch.states = states;
  return batch;
}

/* A later header's price: its entries lie farther apart. */
typedef struct {
  vdg_price price;
  double later[2];
} LaterPrice;

static void TestBatchEqualsSingle(int rows_wanted) {
  enum { kRows = 50, kMost = 1200 };
  vdg_marker* all[4];
  int done, marked = 0, faulty = 0, off = 0;
  unsigned char *batch_memory = malloc(kRows * kMost * 4), *single_memory = malloc(kRows * kMost * 4);
  uint8_t *masks = malloc(kRows * (kMaskBytes + 8)), *single_mask = malloc(kMaskBytes);
  all[0] = MakeMarker(kProfile, kThreeKeys, 3), all[1] = MakeMarker(kProfile, kThreeKeys8, 3);
  all[2] = MakeMarker(kProfilePlain, kThreeKeys, 3), all[3] = MakeMarker(kProfilePlain, kThreeKeys8, 3);
  for (done = 0; done < rows_wanted; done += kRows) {
    const vdg_marker* markers[kRows];
    uint32_t windows[2 * kRows];
    uint8_t states[kRows];
    double scales[kRows];
    LaterPrice prices[kRows], mask_prices[kRows];
    const int32_t dtype = 1 + (int32_t)Random(3), mode = 1 + (int32_t)Random(2);
    const size_t size = SizeOfType(dtype), count = 1 + Random(kMost - 8), stride = (count + Random(8)) * size;
    const size_t mask_stride = Random(2) ? kMaskBytes + 8 : 0;
    int32_t first_code = 0, first_row = -1, first_mask_code = 0, first_mask_row = -1;
    vdg_batch batch = NewBatch(kRows, markers, windows, states);
    size_t r, i;
    batch.mode = mode, batch.dtype = dtype, batch.count = count, batch.row_stride = stride, batch.logits = batch_memory;
    batch.threads = (int32_t)Random(6);
    batch.scale = Random(2) ? scales : NULL;
    memset(batch_memory, 0xA5, kRows * kMost * 4);
    memset(masks, 0xA5, kRows * (kMaskBytes + 8));
    memset(prices, 0, sizeof prices);
    memset(mask_prices, 0, sizeof mask_prices);
    prices[0].price.size = mask_prices[0].price.size = sizeof prices[0];
    for (r = 0; r < kRows; ++r) {
      const uint32_t kind = Random(40);
      markers[r] = Random(8) == 0 ? NULL : all[2 * (mode == VDG_MODE_BIAS ? Random(20) != 0 : Random(2)) + Random(2)];
      windows[2 * r] = Random(32000), windows[2 * r + 1] = Random(32000);
      states[r] = (uint8_t)(kind < 30   ? VDG_WINDOW_NEW
                            : kind < 33 ? VDG_WINDOW_REPEATED
                            : kind < 36 ? VDG_WINDOW_SHORT
                                        : 1);
      if (kind == 36) windows[2 * r + 1] = 4294967295u;
      if (kind == 37) windows[2 * r] = 1;
      scales[r] = kind == 38 ? 0 : .25 * (1 + Random(8));
      for (i = 0; i < count; ++i) {
        Put(batch_memory + r * stride, size, i, dtype, Random(6) == 0 ? -INFINITY : (float)(int)Random(128) / 8 - 8);
      }
      if (kind == 39) Put(batch_memory + r * stride, size, Random((uint32_t)count), dtype, NAN);
    }
    memcpy(single_memory, batch_memory, kRows * kMost * 4);
    const int32_t code = vdg_mark_batch(&batch, &prices[0].price, &err);
    const int32_t code_row = err.row;
    const int32_t mask_code = vdg_mask_batch(&batch, masks, mask_stride, &mask_prices[0].price, &err);
    const int32_t mask_row = err.row;
    for (r = 0; r < kRows; ++r) {
      vdg_price price = NewPrice(), mask_price = NewPrice();
      vdg_row row = NewRow(mode, dtype, single_memory + r * stride, count);
      const size_t n = states[r] == VDG_WINDOW_SHORT ? 0 : 2;
      const int32_t repeat = states[r] == VDG_WINDOW_REPEATED ? VDG_REPEAT_REPEATED : VDG_REPEAT_NEW;
      int32_t single_code = 0, single_mask_code = 0;
      if (batch.scale != NULL) row.scale = scales[r];
      memset(single_mask, 0xA5, kMaskBytes);
      if (markers[r] == NULL) {
        price.state = mask_price.state = VDG_STATE_OFF;
        memset(single_mask, 0, kMaskBytes);
        ++off;
      } else {
        single_code = vdg_mark(markers[r], windows + 2 * r, n, repeat, &row, &price, NULL);
        single_mask_code = vdg_mask(markers[r], windows + 2 * r, n, repeat, single_mask, kMaskBytes, &mask_price, NULL);
      }
      if (single_code != 0) price.code = single_code;
      if (single_mask_code != 0) mask_price.code = single_mask_code;
      if (single_code != 0 && first_code == 0) first_code = single_code, first_row = (int32_t)r;
      if (single_mask_code != 0 && first_mask_code == 0)
        first_mask_code = single_mask_code, first_mask_row = (int32_t)r;
      price.size = mask_price.size = sizeof(LaterPrice);
      CHECK(memcmp(&price, &prices[r].price, sizeof price) == 0);
      CHECK(memcmp(&mask_price, &mask_prices[r].price, sizeof price) == 0);
      CHECK(prices[r].later[0] == 0 && prices[r].later[1] == 0);
      CHECK(memcmp(single_mask, masks + r * (mask_stride ? mask_stride : kMaskBytes), kMaskBytes) == 0);
      marked += price.state == VDG_STATE_MARKED;
      faulty += price.code != 0;
    }
    CHECK(memcmp(batch_memory, single_memory, kRows * kMost * 4) == 0);
    CHECK(code == first_code && code_row == first_row);
    CHECK(mask_code == first_mask_code && mask_row == first_mask_row);
    if (mask_stride) {
      for (r = 0; r < kRows; ++r) CHECK(masks[r * mask_stride + kMaskBytes] == 0xA5);
    }
  }
  CHECK(marked > rows_wanted / 2 && faulty > rows_wanted / 100 && off > rows_wanted / 20);
  for (done = 0; done < 4; ++done) vdg_marker_free(all[done]);
  free(batch_memory), free(single_memory), free(masks), free(single_mask);
}

static void TestBatchRefused(void) {
  vdg_marker *marker = MakeMarker(kProfile, kThreeKeys, 3), *small = MakeMarker(kProfileSmall, kSmallKey, 1);
  const vdg_marker *markers[2], *mixed[2], *none[2] = {NULL, NULL};
  const uint32_t windows[] = {3186, 31999, 263, 3186};
  uint8_t states[] = {1, 1}, masks[2 * kMaskBytes];
  float logits[8] = {1, 2, 3, 4, 5, 6, 7, 8}, before[8];
  vdg_price prices[2];
  vdg_batch batch, bad;
  markers[0] = markers[1] = mixed[0] = marker;
  mixed[1] = small;
  memcpy(before, logits, sizeof before);
  memset(prices, 0, sizeof prices);
  prices[0].size = sizeof prices[0];
  batch = NewBatch(2, markers, windows, states);
  batch.mode = VDG_MODE_DISTRIBUTION, batch.dtype = VDG_DTYPE_F32, batch.count = 4, batch.logits = logits;
#define REFUSED(member, value)                                                                  \
  do {                                                                                          \
    bad = batch;                                                                                \
    bad.member = value;                                                                         \
    CHECK_CODE(vdg_mark_batch(&bad, prices, &err), VDG_INVALID_ARGUMENT);                       \
    CHECK(err.row == -1 && memcmp(before, logits, sizeof before) == 0 && prices[0].state == 0); \
  } while (0)
  REFUSED(size, sizeof batch - 8);
  REFUSED(mode, 0);
  REFUSED(mode, 3);
  REFUSED(dtype, 0);
  REFUSED(dtype, 64);
  REFUSED(threads, -1);
  REFUSED(rows, SIZE_MAX);
  REFUSED(count, 0);
  REFUSED(row_stride, 15);
  REFUSED(row_stride, SIZE_MAX);
  REFUSED(logits, NULL);
  REFUSED(markers, NULL);
  REFUSED(markers, mixed);
  REFUSED(windows, NULL);
  REFUSED(states, NULL);
#undef REFUSED
  CHECK_CODE(vdg_mark_batch(NULL, prices, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask_batch(NULL, masks, 0, prices, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask_batch(&batch, NULL, 0, prices, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask_batch(&batch, masks, kMaskBytes - 1, prices, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask_batch(&batch, masks, SIZE_MAX, prices, &err), VDG_INVALID_ARGUMENT);
  prices[0].size = 8;
  CHECK_CODE(vdg_mark_batch(&batch, prices, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_mask_batch(&batch, masks, 0, prices, &err), VDG_INVALID_ARGUMENT);
  prices[0].size = sizeof prices[0];
  CHECK(memcmp(before, logits, sizeof before) == 0);

  /* A row's fault leaves the others done. */
  states[0] = 9;
  CHECK(vdg_mark_batch(&batch, prices, &err) == VDG_INVALID_ARGUMENT && err.row == 0);
  CHECK(prices[0].code == VDG_INVALID_ARGUMENT && prices[0].state == 0 && memcmp(before, logits, 16) == 0);
  CHECK(prices[1].code == 0 && prices[1].state == VDG_STATE_MARKED && memcmp(before + 4, logits + 4, 16) != 0);
  CHECK(vdg_mask_batch(&batch, masks, 0, NULL, &err) == VDG_INVALID_ARGUMENT && err.row == 0);
  CHECK(vdg_mask_batch(&batch, masks, 0, NULL, NULL) == VDG_INVALID_ARGUMENT);

  /* No rows; no marker at all. */
  memset(&bad, 0, sizeof bad);
  bad.size = sizeof bad, bad.mode = VDG_MODE_BIAS, bad.dtype = VDG_DTYPE_F16;
  CHECK_CODE(vdg_mark_batch(&bad, NULL, &err), VDG_OK);
  CHECK_CODE(vdg_mask_batch(&bad, NULL, 0, NULL, &err), VDG_OK);
  batch.markers = none;
  batch.windows = NULL, batch.states = NULL;
  memcpy(logits, before, sizeof before);
  CHECK_CODE(vdg_mark_batch(&batch, prices, &err), VDG_OK);
  CHECK(prices[0].state == VDG_STATE_OFF && prices[1].state == VDG_STATE_OFF &&
        memcmp(before, logits, sizeof before) == 0);
  CHECK_CODE(vdg_mask_batch(&batch, masks, 0, prices, &err), VDG_INVALID_ARGUMENT);
  memset(masks, 255, sizeof masks);
  CHECK_CODE(vdg_mask_batch(&batch, masks, kMaskBytes, prices, &err), VDG_OK);
  CHECK(Popcount(masks, sizeof masks) == 0 && prices[1].state == VDG_STATE_OFF);
  vdg_marker_free(marker);
  vdg_marker_free(small);
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

static void TestScores(void) {
  enum { kIds = 400 };
  /* n and statistic of provider and account, from the reference implementation. */
  static const struct {
    int32_t rule;
    int account;
    uint64_t provider_n, provider_statistic, account_n, account_statistic;
  } kWanted[] = {{VDG_RULE_TUPLE, 0, 136, 29, 152, 41},
                 {VDG_RULE_FIRST, 0, 99, 23, 110, 33},
                 {VDG_RULE_TUPLE, 1, 136, 29, 152, 36},
                 {VDG_RULE_FIRST, 1, 99, 23, 110, 28}};
  vdg_marker* markers[2];
  uint32_t ids[kIds], repeats[kIds];
  vdg_score score, *each = calloc(kIds, sizeof *each);
  vdg_total totals[2];
  size_t i, c;
  markers[0] = MakeMarker(kProfile, kThreeKeys, 3), markers[1] = MakeMarker(kProfile, kThreeKeys8, 3);
  seed = 1;
  for (i = 0; i < kIds; ++i) ids[i] = Random(24);
  memset(&score, 0, sizeof score);
  memset(totals, 0, sizeof totals);
  score.size = sizeof score;
  each[0].size = sizeof *each;
  totals[0].size = sizeof *totals;

  /* N13: id 3186 is green after the provider's window and red after the account's. */
  CHECK_CODE(vdg_score_token(markers[0], kOfProvider, 3186, &score, &err), VDG_OK);
  CHECK(score.state == VDG_STATE_MARKED && score.layer == VDG_LAYER_PROVIDER && score.score == 1);
  CHECK_CODE(vdg_score_token(markers[0], kOfAccount, 3186, &score, &err), VDG_OK);
  CHECK(score.state == VDG_STATE_MARKED && score.layer == VDG_LAYER_ACCOUNT && score.score == 0);
  CHECK_CODE(vdg_score_token(markers[0], kOfProvider, 2, &score, &err), VDG_OK);
  CHECK(score.state == VDG_STATE_SPECIAL && score.layer == 0 && score.score == 0 && score.size == sizeof score);
  CHECK_CODE(vdg_score_token(markers[0], kOfProvider, 32000, &score, &err), VDG_OK);
  CHECK(score.state == VDG_STATE_SPECIAL);
  CHECK_CODE(vdg_score_token(markers[0], kOfProvider, 1u << 24, &score, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_score_token(NULL, kOfProvider, 5, &score, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_score_token(markers[0], NULL, 5, &score, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_score_token(markers[0], kOfProvider, 5, NULL, &err), VDG_INVALID_ARGUMENT);
  score.size = 4;
  CHECK_CODE(vdg_score_token(markers[0], kOfProvider, 5, &score, &err), VDG_INVALID_ARGUMENT);
  score.size = sizeof score;

  for (c = 0; c < 4; ++c) {
    vdg_marker* marker = markers[kWanted[c].account];
    uint64_t n[3] = {0}, statistic[3] = {0};
    CHECK_CODE(vdg_score_sequence(marker, ids, kIds, kWanted[c].rule, each, totals, &err), VDG_OK);
    CHECK(totals[0].layer == VDG_LAYER_PROVIDER && strcmp(totals[0].kid, "090ebcf4285fc5fc") == 0);
    CHECK(totals[1].layer == VDG_LAYER_ACCOUNT);
    CHECK(strcmp(totals[1].kid, kWanted[c].account ? "9669529ffc432b56" : "16b1e2a739223456") == 0);
    CHECK(totals[0].n == kWanted[c].provider_n && totals[0].statistic == kWanted[c].provider_statistic);
    CHECK(totals[1].n == kWanted[c].account_n && totals[1].statistic == kWanted[c].account_statistic);
    CHECK(totals[1].size == sizeof *totals);
    /* Position by position, against score_token and a search of what came before. */
    for (i = 0; i < kIds; ++i) {
      int32_t wanted = VDG_STATE_MARKED;
      size_t j;
      CHECK(each[i].size == sizeof *each);
      n[each[i].layer] += 1;
      statistic[each[i].layer] += each[i].score;
      if (i < 2) {
        CHECK(each[i].state == VDG_STATE_SHORT);
        continue;
      }
      CHECK_CODE(vdg_score_token(marker, ids + i - 2, ids[i], &score, &err), VDG_OK);
      if (score.state == VDG_STATE_SPECIAL) wanted = VDG_STATE_SPECIAL;
      for (j = 2; wanted == VDG_STATE_MARKED && j < i; ++j) {
        const int same_window = ids[j - 2] == ids[i - 2] && ids[j - 1] == ids[i - 1];
        if (same_window && (kWanted[c].rule == VDG_RULE_FIRST || ids[j] == ids[i])) wanted = VDG_STATE_REPEATED;
      }
      CHECK(each[i].state == wanted);
      if (wanted == VDG_STATE_MARKED)
        CHECK(each[i].score == score.score && each[i].layer == score.layer);
      else
        CHECK(each[i].score == 0 && each[i].layer == 0);
    }
    CHECK(n[1] == totals[0].n && n[2] == totals[1].n);
    CHECK(statistic[1] == totals[0].statistic && statistic[2] == totals[1].statistic);
  }
  /* 20 ids over and over have 20 tuples (statistics.md P3). */
  for (i = 0; i < kIds; ++i) repeats[i] = 1000 + (uint32_t)(i % 20);
  for (c = 0; c < 2; ++c) {
    CHECK_CODE(vdg_score_sequence(markers[0], repeats, kIds, c ? VDG_RULE_FIRST : VDG_RULE_TUPLE, NULL, totals, &err), VDG_OK);
    CHECK(totals[0].n + totals[1].n == 20);
  }
  CHECK_CODE(vdg_score_sequence(markers[0], NULL, 0, 0, NULL, totals, &err), VDG_OK);
  CHECK(totals[0].n == 0 && totals[1].n == 0);
  CHECK_CODE(vdg_score_sequence(markers[0], ids, 1, 0, each, totals, &err), VDG_OK);
  CHECK_CODE(vdg_score_sequence(NULL, ids, kIds, 0, each, totals, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_score_sequence(markers[0], NULL, kIds, 0, each, totals, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_score_sequence(markers[0], ids, kIds, 2, each, totals, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_score_sequence(markers[0], ids, kIds, 0, each, NULL, &err), VDG_INVALID_ARGUMENT);
  ids[17] = 4294967295u;
  CHECK(vdg_score_sequence(markers[0], ids, kIds, 0, each, totals, &err) == VDG_INVALID_ARGUMENT);
  CHECK(strcmp(err.message, "output id 4294967295 at 17") == 0);
  ids[17] = 5;
  each[0].size = 16;
  CHECK_CODE(vdg_score_sequence(markers[0], ids, kIds, 0, each, totals, &err), VDG_INVALID_ARGUMENT);
  totals[0].size = 16;
  CHECK_CODE(vdg_score_sequence(markers[0], ids, kIds, 0, NULL, totals, &err), VDG_INVALID_ARGUMENT);
  vdg_marker_free(markers[0]);
  vdg_marker_free(markers[1]);
  free(each);
}

/* ---- schemes that keep the distribution ------------------------------------------------------------------------- */

/* Scores of N13; Q, KL and TV from the reference implementation. */
static void TestUnbiased(void) {
  static const struct {
    const char *profile, *key, *param, *value;
    uint64_t score;
    double q[5], green, kl_qp, kl_pq, tv;
  } kSchemes[] = {
      {kProfileGumbel, kProviderGumbel, NULL, NULL, 449964090, {.85, 0, 0, 0, .15}, .2 / .85, 1.2298811354958765,
       INFINITY, .65},
      {kProfileTournament, kProviderTournament, "layers", "30", 28,
       {.0004806412122193325, .751836588099713, 1.9585508798947313e-05, .09766318517926868, .15},
       -1, .5958766173957414, 2.0193669711865185, .45183658809971305},
      {kProfileMultichannel, kProviderMultichannel, "segments", "20", 0, {0, 0, 0, .85, .15}, .25 / .85,
       1.0402091168787984, INFINITY, .6},
  };
  static const uint32_t kIds[] = {3, 6, 4, 61, 2};
  static const double kP[] = {.2, .3, .1, .25, .15};
  size_t s, i;
  for (s = 0; s < sizeof kSchemes / sizeof kSchemes[0]; ++s) {
    const char* keys[1];
    vdg_marker* marker;
    vdg_profile* profile = NULL;
    vdg_price price = NewPrice();
    vdg_score score;
    float logits[5];
    uint8_t mask[kMaskBytes];
    vdg_row row = NewRow(VDG_MODE_DISTRIBUTION, VDG_DTYPE_F32, logits, 5);
    char buf[32];
    size_t need;
    keys[0] = kSchemes[s].key;
    marker = MakeMarker(kSchemes[s].profile, keys, 1);
    CHECK_CODE(vdg_profile_parse(kSchemes[s].profile, strlen(kSchemes[s].profile), &profile, &err), VDG_OK);
    CheckMember(vdg_profile_get(profile, "unbiased", buf, sizeof buf, &need, &err), buf, &need, "true");
    CHECK_CODE(vdg_profile_get(profile, "delta_milli", buf, sizeof buf, &need, &err), VDG_INVALID_ARGUMENT);
    if (kSchemes[s].param != NULL) {
      CheckMember(vdg_profile_get(profile, kSchemes[s].param, buf, sizeof buf, &need, &err), buf, &need,
                  kSchemes[s].value);
    }
    vdg_profile_free(profile);
    memset(&score, 0, sizeof score);
    score.size = sizeof score;
    CHECK_CODE(vdg_score_token(marker, kOfProvider, 3186, &score, &err), VDG_OK);
    CHECK(score.state == VDG_STATE_MARKED && score.score == kSchemes[s].score);
    for (i = 0; i < 5; ++i) logits[i] = (float)log(kP[i]);
    row.ids = kIds;
    CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, &row, &price, &err), VDG_OK);
    CHECK(price.state == VDG_STATE_MARKED && price.has_masses == 1 && fabs(price.special - .15) < 1e-7);
    for (i = 0; i < 5; ++i) CHECK(fabs(exp(logits[i]) - kSchemes[s].q[i]) < 1e-6);
    if (kSchemes[s].green >= 0) CHECK(fabs(price.green - kSchemes[s].green) < 1e-6);
    CHECK(fabs(price.kl_qp - kSchemes[s].kl_qp) < 1e-5 && fabs(price.tv - kSchemes[s].tv) < 1e-6);
    CHECK(isinf(kSchemes[s].kl_pq) ? isinf(price.kl_pq) : fabs(price.kl_pq - kSchemes[s].kl_pq) < 1e-5);
    /* No bias mode and no mask. */
    row.mode = VDG_MODE_BIAS;
    CHECK_CODE(vdg_mark(marker, kOfProvider, 2, 0, &row, &price, &err), VDG_NOT_SUPPORTED);
    CHECK_CODE(vdg_mask(marker, kOfProvider, 2, 0, mask, sizeof mask, &price, &err), VDG_NOT_SUPPORTED);
    vdg_marker_free(marker);
  }
}

/* ---- histories --------------------------------------------------------------------------------------------------- */

/* State of the next position by rule N5.4, the slow way. */
static uint8_t NextState(const uint32_t* ids, size_t n, size_t h) {
  size_t p;
  if (n < h) return VDG_WINDOW_SHORT;
  for (p = h; p < n; ++p) {
    if (memcmp(ids + p - h, ids + n - h, h * sizeof *ids) == 0) return VDG_WINDOW_REPEATED;
  }
  return VDG_WINDOW_NEW;
}

static void TestHistoryAgainstQuadratic(size_t h) {
  enum { kMost = 400, kDrafts = 5 };
  uint32_t ids[kMost + kDrafts], windows[(kDrafts + 1) * VDG_MAX_WINDOW];
  uint8_t states[kDrafts + 1], bytes[10 + 4 * kMost];
  vdg_history *history = NULL, *other = NULL;
  size_t n = 0, need, i;
  int step;
  CHECK_CODE(vdg_history_new(h, &history, &err), VDG_OK);
  for (step = 0; step < 600; ++step) {
    const uint32_t kind = Random(10);
    if (kind < 5 && n + 4 < kMost) { /* append */
      const size_t more = Random(4);
      for (i = 0; i < more; ++i) ids[n + i] = Random(step % 200 < 100 ? 3 : 12);
      CHECK_CODE(vdg_history_push(history, ids + n, more, &err), VDG_OK);
      n += more;
    } else if (kind == 5) { /* roll back */
      n -= Random(8) == 0 ? n : n == 0 ? 0 : Random((uint32_t)(n < 6 ? n : 6));
      CHECK_CODE(vdg_history_truncate(history, n, &err), VDG_OK);
    } else if (kind == 6) { /* go on with a copy */
      CHECK_CODE(vdg_history_clone(history, &other, &err), VDG_OK);
      ids[n] = 9;
      CHECK_CODE(vdg_history_push(history, ids + n, 1, &err), VDG_OK);
      CHECK(vdg_history_length(history) == n + 1);
      vdg_history_free(history);
      history = other;
    } else if (kind == 7) { /* go on with what was written */
      CHECK_CODE(vdg_history_write(history, bytes, sizeof bytes, &need, &err), VDG_OK);
      CHECK(need == 10 + 4 * n);
      CHECK_CODE(vdg_history_read(bytes, need, &other, &err), VDG_OK);
      vdg_history_free(history);
      history = other;
    } else { /* look ahead */
      const size_t drafts = Random(kDrafts + 1);
      for (i = 0; i < drafts; ++i) ids[n + i] = Random(3);
      CHECK_CODE(vdg_history_peek(history, ids + n, drafts, windows, states, &err), VDG_OK);
      for (i = 0; i <= drafts; ++i) {
        static const uint32_t kZeros[VDG_MAX_WINDOW] = {0};
        const uint8_t wanted = NextState(ids, n + i, h);
        const uint32_t* window = wanted == VDG_WINDOW_SHORT ? kZeros : ids + n + i - h;
        CHECK(states[i] == wanted && memcmp(windows + i * h, window, h * sizeof *window) == 0);
      }
    }
    CHECK(vdg_history_length(history) == n);
  }
  vdg_history_free(history);
}

static void TestHistory(void) {
  static const uint8_t kBytes[] = {'V', 'D', 'G', 'H', 1, 2,    0,    0, 0,    3,    0,
                                   0,   1,   7,   0,   0, 0x0C, 0x72, 0, 0xFF, 0xFF, 0xFF};
  static const uint32_t kIds[] = {263, 3186, 16777215};
  uint8_t bytes[64], states[2];
  uint32_t windows[4], bad[] = {5, 1u << 24};
  vdg_history *history = NULL, *none = NULL;
  size_t h, i, need = 0;
  for (h = 1; h <= VDG_MAX_WINDOW; ++h) TestHistoryAgainstQuadratic(h);

  CHECK_CODE(vdg_history_new(0, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_new(9, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_new(2, NULL, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_new(2, &history, &err), VDG_OK);
  CHECK(vdg_history_length(history) == 0 && vdg_history_length(NULL) == 0);
  CHECK_CODE(vdg_history_push(history, NULL, 0, &err), VDG_OK);
  CHECK_CODE(vdg_history_push(history, NULL, 1, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_push(NULL, kIds, 1, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_push(history, bad, 2, &err), VDG_INVALID_ARGUMENT);
  CHECK(vdg_history_length(history) == 0);
  CHECK_CODE(vdg_history_push(history, kIds, 3, &err), VDG_OK);
  /* Above 2^31 ids: refused before a byte is read. */
  CHECK_CODE(vdg_history_push(history, kIds, ((size_t)1 << 31) - 2, &err), VDG_LIMIT);
  CHECK_CODE(vdg_history_push(history, kIds, SIZE_MAX, &err), VDG_LIMIT);
  CHECK_CODE(vdg_history_peek(history, kIds, SIZE_MAX, windows, states, &err), VDG_LIMIT);
  CHECK_CODE(vdg_history_truncate(history, 4, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_truncate(NULL, 0, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_peek(history, bad + 1, 1, windows, states, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_peek(history, NULL, 1, windows, states, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_peek(history, NULL, 0, NULL, states, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_peek(history, NULL, 0, windows, NULL, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_peek(NULL, NULL, 0, windows, states, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_peek(history, NULL, 0, windows, states, &err), VDG_OK);
  CHECK(states[0] == VDG_WINDOW_NEW && windows[0] == 3186 && windows[1] == 16777215);
  CHECK_CODE(vdg_history_clone(NULL, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_clone(history, NULL, &err), VDG_INVALID_ARGUMENT);

  CHECK_CODE(vdg_history_write(history, NULL, 0, &need, &err), VDG_LIMIT);
  CHECK(need == sizeof kBytes);
  memset(bytes, 0xA5, sizeof bytes);
  CHECK_CODE(vdg_history_write(history, bytes, need - 1, &need, &err), VDG_LIMIT);
  CHECK(bytes[0] == 0xA5);
  CHECK_CODE(vdg_history_write(history, bytes, need, NULL, &err), VDG_OK);
  CHECK(memcmp(bytes, kBytes, sizeof kBytes) == 0 && bytes[sizeof kBytes] == 0xA5);
  CHECK_CODE(vdg_history_write(history, NULL, 5, &need, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_write(NULL, bytes, sizeof bytes, &need, &err), VDG_INVALID_ARGUMENT);
  vdg_history_free(history);
  vdg_history_free(NULL);

  for (i = 0; i < sizeof kBytes; ++i) CHECK_CODE(vdg_history_read(kBytes, i, &none, &err), VDG_MALFORMED);
  bytes[sizeof kBytes] = 0;
  CHECK_CODE(vdg_history_read(bytes, sizeof kBytes + 1, &none, &err), VDG_MALFORMED);
  for (i = 0; i < 10; ++i) { /* each byte of the head */
    const int32_t wanted = i == 4 ? VDG_UNSUPPORTED : i == 6 ? VDG_LIMIT : VDG_MALFORMED;
    memcpy(bytes, kBytes, sizeof kBytes);
    bytes[i] = (uint8_t)(bytes[i] ^ 0xFF);
    CHECK_CODE(vdg_history_read(bytes, sizeof kBytes, &none, &err), wanted);
  }
  memcpy(bytes, kBytes, sizeof kBytes);
  bytes[18] = 1; /* an id of 2^24 and more */
  CHECK_CODE(vdg_history_read(bytes, sizeof kBytes, &none, &err), VDG_MALFORMED);
  CHECK_CODE(vdg_history_read(NULL, 10, &none, &err), VDG_INVALID_ARGUMENT);
  CHECK_CODE(vdg_history_read(NULL, 0, &none, &err), VDG_MALFORMED);
  CHECK_CODE(vdg_history_read(kBytes, sizeof kBytes, NULL, &err), VDG_INVALID_ARGUMENT);
  CHECK(none == NULL);
}

/* ---- the example of the header ------------------------------------------------------------------------------------
 */

static int32_t mark_row(const char* profile_bytes, size_t profile_n, const vdg_key* const* keys, size_t keys_n,
                        const uint32_t* output_ids, size_t output_n, float* logits, size_t vocab, vdg_error* error) {
  vdg_profile* profile = NULL;
  vdg_marker* marker = NULL;
  vdg_row row = {0};
  vdg_price price = {0};
  row.size = sizeof row;
  row.mode = VDG_MODE_DISTRIBUTION;
  row.dtype = VDG_DTYPE_F32;
  row.logits = logits;
  row.count = vocab;
  price.size = sizeof price;
  int32_t code = vdg_profile_parse(profile_bytes, profile_n, &profile, error);
  if (code == VDG_OK) code = vdg_marker_new(profile, keys, keys_n, NULL, 0, &marker, error);
  vdg_profile_free(profile);
  if (code == VDG_OK) code = vdg_mark(marker, output_ids, output_n, VDG_REPEAT_FIND, &row, &price, error);
  vdg_marker_free(marker);
  return code;  // price.state says whether the row was marked; it now holds ln Q: draw at temperature 1
}

static void TestExample(void) {
  vdg_key* keys[3];
  float* logits = calloc(kVocab, sizeof *logits);
  double sum = 0;
  size_t i;
  for (i = 0; i < 3; ++i) keys[i] = ParseKey(kThreeKeys[i]);
  CHECK_CODE(mark_row(kProfile, strlen(kProfile), (const vdg_key* const*)keys, 3, kOfProvider, 2, logits, kVocab, &err),
             VDG_OK);
  for (i = 0; i < kVocab; ++i) sum += exp(logits[i]);
  CHECK(fabs(sum - 1) < 1e-5 && fabs(logits[6] - logits[5] - 2) < 1e-5);
  CHECK_CODE(mark_row(kProfile, 10, (const vdg_key* const*)keys, 3, kOfProvider, 2, logits, kVocab, &err),
             VDG_MALFORMED);
  for (i = 0; i < 3; ++i) vdg_key_free(keys[i]);
  free(logits);
}

int main(int argc, char** argv) {
  const int slow = argc > 1 && strcmp(argv[1], "slow") == 0;
  TestLibrary();
  TestProfile();
  TestMessageIsUtf8();
  TestKey();
  TestMarker();
  TestMask();
  TestRows();
  TestBatchEqualsSingle(slow ? 10000 : 1000);
  TestBatchRefused();
  TestScores();
  TestUnbiased();
  TestHistory();
  TestExample();
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
