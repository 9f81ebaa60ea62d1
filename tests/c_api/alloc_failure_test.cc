// Each allocation failing in turn: every call of the C header then says no_memory or succeeds, sets no output unless it
// succeeds, and leaves nothing behind. Failing are operator new, where the library allocates, and OpenSSL's memory
// functions, once each by itself and once with everything after it.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tests/c_api/fixture.h"
#include "watermark/verdigris.h"

namespace {

// Allocations before the one that fails; far away: none does. The programs' threads share them.
constexpr long kNever = 1L << 60;
std::atomic<long> before_failure{kNever};
std::atomic<bool> failing_goes_on{false};
std::atomic<long> live{0};  // allocations not yet given back
int passed = 0, failed = 0;

void Check(bool good, const char* text, int line) {
  (good ? passed : failed) += 1;
  if (!good) std::printf("alloc_failure_test.cc:%d: %s\n", line, text);
}
#define CHECK(condition) Check(condition, #condition, __LINE__)

bool Fails() {
  const long left = before_failure.fetch_sub(1);
  return left == 0 || (left < 0 && failing_goes_on);
}

void* Allocate(size_t size) {
  if (Fails()) return nullptr;
  void* memory = std::malloc(size != 0 ? size : 1);
  if (memory != nullptr) ++live;
  return memory;
}

void Release(void* memory) {
  if (memory != nullptr) --live;
  std::free(memory);
}

void* OpensslAllocate(size_t size, const char*, int) { return size != 0 ? Allocate(size) : nullptr; }
void OpensslRelease(void* memory, const char*, int) { Release(memory); }
void* OpensslReallocate(void* memory, size_t size, const char*, int) {
  if (memory == nullptr) return Allocate(size);
  if (size == 0) {
    Release(memory);
    return nullptr;
  }
  return Fails() ? nullptr : std::realloc(memory, size);
}

bool OkOrNoMemory(int32_t code, const vdg_error& err) {
  if (code != VDG_OK && code != VDG_NO_MEMORY) std::printf("%s: %s\n", vdg_code_name(code), err.message);
  return (code == VDG_OK || code == VDG_NO_MEMORY) && err.code == code;
}

template <class Handle>
Handle* Made(int32_t code, const vdg_error& err, Handle* made) {
  CHECK(OkOrNoMemory(code, err));
  CHECK((made != nullptr) == (code == VDG_OK));
  return made;
}

vdg_profile* ParseProfile() {
  vdg_error err;
  vdg_profile* profile = nullptr;
  const int32_t code = vdg_profile_parse(kProfile, std::strlen(kProfile), &profile, &err);
  return Made(code, err, profile);
}

vdg_key* ParseKey(const char* text, const char* passphrase = nullptr) {
  vdg_error err;
  vdg_key* key = nullptr;
  const int32_t code = vdg_key_parse(text, std::strlen(text), passphrase,
                                     passphrase != nullptr ? std::strlen(passphrase) : 0, &key, &err);
  return Made(code, err, key);
}

const uint32_t kWindow[] = {3186, 31999, 263, 3186, 17, 18};

void MakeAndMark() {
  vdg_error err;
  vdg_profile* profile = ParseProfile();
  vdg_key *provider = ParseKey(kProvider), *selector = ParseKey(kSelector), *account = ParseKey(kAccount7),
          *other = ParseKey(kAccount8);
  vdg_marker *marker = nullptr, *second = nullptr;
  if (profile != nullptr && provider != nullptr && selector != nullptr && account != nullptr) {
    const vdg_key* keys[] = {provider, selector, account};
    const vdg_param params[] = {{"epoch", "3"}, {"vocab", "32000"}};
    const int32_t code = vdg_marker_new(profile, keys, 3, params, 2, &marker, &err);
    Made(code, err, marker);
  }
  if (profile != nullptr) {
    char buf[100] = "x";
    size_t need = 0;
    const int32_t code = vdg_profile_get(profile, "scheme_id", buf, sizeof buf, &need, &err);
    CHECK(OkOrNoMemory(code, err));
    CHECK((buf[0] == 'x') == (code != VDG_OK));
  }
  vdg_profile_free(profile);
  vdg_key_free(provider);
  vdg_key_free(selector);
  vdg_key_free(account);
  if (marker != nullptr && other != nullptr) {
    const int32_t code = vdg_marker_account(marker, other, &second, &err);
    Made(code, err, second);
  }
  vdg_key_free(other);

  if (marker != nullptr) {
    // A candidate list in bf16: all buffers of a workspace.
    uint16_t logits[] = {0x3F80, 0, 0x4000, 0xBF80}, untouched[4];
    const uint32_t ids[] = {6, 1, 5, 31000};
    std::memcpy(untouched, logits, sizeof logits);
    vdg_row row{};
    row.size = sizeof row;
    row.mode = VDG_MODE_DISTRIBUTION;
    row.dtype = VDG_DTYPE_BF16;
    row.logits = logits;
    row.ids = ids;
    row.count = 4;
    vdg_price price{};
    price.size = sizeof price;
    int32_t code = vdg_mark(marker, kWindow, 2, VDG_REPEAT_FIND, &row, &price, &err);
    CHECK(OkOrNoMemory(code, err));
    CHECK((std::memcmp(logits, untouched, sizeof logits) == 0) == (code != VDG_OK));
    CHECK((price.state == 0) == (code != VDG_OK));

    static uint8_t mask[4000];
    price.state = 0;
    code = vdg_mask(marker, kWindow, 2, VDG_REPEAT_NEW, mask, sizeof mask, &price, &err);
    CHECK(OkOrNoMemory(code, err));
    CHECK((price.state == 0) == (code != VDG_OK));

    vdg_score each[6]{};
    vdg_total totals[2]{};
    each[0].size = sizeof each[0];
    totals[0].size = sizeof totals[0];
    code = vdg_score_sequence(marker, kWindow, 6, VDG_RULE_FIRST, each, totals, &err);
    CHECK(OkOrNoMemory(code, err));
    CHECK((totals[0].layer == 0) == (code != VDG_OK) && (each[5].state == 0) == (code != VDG_OK));
    code = vdg_score_token(marker, kWindow, 5, &each[0], &err);
    CHECK(OkOrNoMemory(code, err));
  }
  if (marker != nullptr && second != nullptr) {
    // Rows on three threads, of which two may not start.
    const vdg_marker* markers[] = {marker, second, nullptr};
    const uint8_t states[] = {VDG_WINDOW_NEW, VDG_WINDOW_NEW, VDG_WINDOW_NEW};
    float logits[3][16] = {}, zeros[16] = {};
    vdg_price prices[3]{};
    prices[0].size = sizeof prices[0];
    vdg_batch batch{};
    batch.size = sizeof batch;
    batch.mode = VDG_MODE_DISTRIBUTION;
    batch.dtype = VDG_DTYPE_F32;
    batch.threads = 3;
    batch.rows = 3;
    batch.count = 16;
    batch.logits = logits;
    batch.markers = markers;
    batch.windows = kWindow;
    batch.states = states;
    const int32_t code = vdg_mark_batch(&batch, prices, &err);
    CHECK(OkOrNoMemory(code, err));
    bool any_row_failed = false;
    for (int r = 0; r < 3; ++r) {
      const bool marked = prices[r].state == VDG_STATE_MARKED;
      any_row_failed |= prices[r].code != VDG_OK;
      CHECK(marked == (std::memcmp(logits[r], zeros, sizeof zeros) != 0));
      if (code == VDG_OK) CHECK(marked == (r < 2));
    }
    if (code != VDG_OK) CHECK(any_row_failed == (err.row >= 0));
  }
  vdg_marker_free(second);
  vdg_marker_free(marker);
}

void Histories() {
  vdg_error err;
  vdg_history *history = nullptr, *copy = nullptr, *read = nullptr;
  int32_t code = vdg_history_new(2, &history, &err);
  if (Made(code, err, history) == nullptr) return;
  for (uint32_t i = 0; i < 10; ++i) {
    // Long enough for the table to grow several times.
    uint32_t ids[40];
    for (uint32_t k = 0; k < 40; ++k) ids[k] = (i * 40 + k) * 7919 % 1000;
    const size_t length = vdg_history_length(history);
    code = vdg_history_push(history, ids, 40, &err);
    CHECK(OkOrNoMemory(code, err));
    CHECK(vdg_history_length(history) == length + (code == VDG_OK ? 40 : 0));
    uint32_t windows[2 * 41];
    uint8_t states[41] = {};
    code = vdg_history_peek(history, ids, 40, windows, states, &err);
    CHECK(OkOrNoMemory(code, err));
    CHECK((states[0] == 0) == (code != VDG_OK));
    CHECK(vdg_history_length(history) >= length);
  }
  code = vdg_history_clone(history, &copy, &err);
  if (Made(code, err, copy) != nullptr) CHECK(vdg_history_length(copy) == vdg_history_length(history));
  static uint8_t bytes[2000];
  size_t need = 0;
  CHECK(vdg_history_write(history, bytes, sizeof bytes, &need, &err) == VDG_OK);
  code = vdg_history_read(bytes, need, &read, &err);
  Made(code, err, read);
  vdg_history_free(copy);
  vdg_history_free(read);
  vdg_history_free(history);
}

void SelfTest() {
  vdg_error err;
  const int32_t code = vdg_selftest(&err);
  CHECK(OkOrNoMemory(code, err));
}

void ProtectedKey() { vdg_key_free(ParseKey(kProtected, "correct horse")); }

// Runs `scenario` with its first, second, ... allocation failing until one run needs no more.
void FailEach(const char* name, void (*scenario)(), bool goes_on) {
  scenario();  // what a process allocates once
  ERR_clear_error();
  const long at_start = live;
  failing_goes_on = goes_on;
  long n = 0;
  for (;; ++n) {
    before_failure = n;
    scenario();
    const bool reached = before_failure < 0;
    before_failure = kNever;
    ERR_clear_error();
    if (live != at_start) std::printf("%s: allocation %ld failing: %ld left\n", name, n, live - at_start);
    CHECK(live == at_start);
    if (!reached || failed > 20) break;
  }
  std::printf("%s: %ld allocations\n", name, n);
  CHECK(n > 3);
}

}  // namespace

void* operator new(size_t size) {
  if (void* memory = Allocate(size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete[](void* memory) noexcept { Release(memory); }
void operator delete(void* memory, size_t) noexcept { Release(memory); }
void operator delete[](void* memory, size_t) noexcept { Release(memory); }

int main() {
  if (CRYPTO_set_mem_functions(OpensslAllocate, OpensslReallocate, OpensslRelease) != 1) {
    std::printf("OpenSSL was used before main\n");
    return 1;
  }
  for (const bool goes_on : {false, true}) {
    FailEach("self-test", SelfTest, goes_on);
    FailEach("make and mark", MakeAndMark, goes_on);
    FailEach("histories", Histories, goes_on);
    FailEach("protected key", ProtectedKey, goes_on);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
