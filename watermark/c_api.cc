// The C header over the C++ library: handles, structs and codes are translated here, and nothing is decided. The only
// file that turns exceptions into codes: every function below runs inside Guard, every row of a batch inside Caught.
//
// Tested by tests/c_api/.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <openssl/crypto.h>

#include "watermark/c_args.h"
#include "watermark/c_handles.h"
#include "watermark/history_bytes.h"
#include "watermark/json.h"
#include "watermark/schemes.h"
#include "watermark/selftest.h"

namespace verdigris {
namespace {

static_assert(sizeof(vdg_error) == 256);

constexpr std::pair<int32_t, const char*> kCodeNames[] = {
    {VDG_OK, "ok"},
    {VDG_INVALID_ARGUMENT, "invalid_argument"},
    {VDG_FAILED_PRECONDITION, "failed_precondition"},
    {VDG_MISMATCH, "mismatch"},
    {VDG_NOT_SUPPORTED, "not_supported"},
    {VDG_MALFORMED, "malformed"},
    {VDG_UNSUPPORTED, "unsupported"},
    {VDG_LIMIT, "limit"},
    {VDG_AUTH, "auth"},
    {VDG_UNSAFE, "unsafe"},
    {VDG_NO_MEMORY, "no_memory"},
    {VDG_INTERNAL, "internal"},
};

// ---- errors ----

// The numbers of result.h up to 40 are those of the header; what lies above never comes from watermark/.
int32_t CodeOf(ErrorKind kind) {
  const auto code = static_cast<int32_t>(kind);
  return code <= VDG_INTERNAL ? code : VDG_INTERNAL;
}

int32_t Report(vdg_error* err, int32_t code, std::string_view message) {
  if (err == nullptr) return code;
  err->code = code;
  err->row = -1;
  size_t size = std::min(message.size(), sizeof err->message - 1);
  // Not inside a character: continuation bytes of UTF-8 are 10xxxxxx.
  while (size > 0 && size < message.size() && (static_cast<uint8_t>(message[size]) & 0xC0) == 0x80) --size;
  std::memcpy(err->message, message.data(), size);
  err->message[size] = '\0';
  return code;
}

// The result of `function`, an exception as an error. The two texts are short enough to need no memory.
template <class Function>
std::invoke_result_t<Function> Caught(Function&& function) noexcept {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return Fail(ErrorKind::kNoMemory, "out of memory");
  } catch (const std::length_error&) {
    return Fail(ErrorKind::kNoMemory, "out of memory");
  } catch (...) {
    return Fail(ErrorKind::kInternal, "internal fault");
  }
}

template <class Function>
int32_t Guard(vdg_error* err, Function&& function) noexcept {
  const Result<void> result = Caught([&]() -> Result<void> { return function(); });
  return result ? Report(err, VDG_OK, "") : Report(err, CodeOf(result.error().kind), result.error().message);
}

// ---- arguments by name ----

// The body of the _get functions; `find` gives the text of a name, or nothing.
template <class Handle, class Find>
Result<void> Get(const Handle* handle, const char* kind, const char* name, char* buf, size_t cap, size_t* need,
                 Find&& find) {
  VERDIGRIS_RETURN_IF_ERROR(NotNull(handle, kind));
  VERDIGRIS_RETURN_IF_ERROR(NotNull(name, "name"));
  const std::optional<std::string> text = find(std::string_view(name));
  if (!text) return Invalid("a " + std::string(kind) + " has no member " + Quoted(name));
  VERDIGRIS_RETURN_IF_ERROR(CheckRoom(text->size() + 1, buf, cap, need));
  std::memcpy(buf, text->c_str(), text->size() + 1);
  return {};
}

Result<uint32_t> ParseU32(std::string_view name, std::string_view text) {
  uint32_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault == std::errc() && end == text.data() + text.size()) return value;
  return Invalid(std::string(name) + " must be a decimal number in [0,4294967295]");
}

Result<Digest> ParseDigest(std::string_view name, std::string_view text) {
  Digest digest;
  if (ParseHex(text, digest)) return digest;
  return Invalid(std::string(name) + " must be 64 lower-case hex digits");
}

Result<Expectations> ReadExpectations(std::span<const vdg_param> params) {
  Expectations expected;
  for (const vdg_param& param : params) {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(param.name, "params.name"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(param.value, "params.value"));
    const std::string_view name = param.name;
    const auto set = [&](auto& member, auto&& parse) -> Result<void> {
      if (member) return Invalid("params: " + std::string(name) + " stands twice");
      VERDIGRIS_ASSIGN_OR_RETURN(member, parse(name, std::string_view(param.value)));
      return {};
    };
    if (name == "epoch")
      VERDIGRIS_RETURN_IF_ERROR(set(expected.epoch, ParseU32));
    else if (name == "vocab")
      VERDIGRIS_RETURN_IF_ERROR(set(expected.vocab, ParseU32));
    else if (name == "tokenizer_sha256")
      VERDIGRIS_RETURN_IF_ERROR(set(expected.tokenizer_sha256, ParseDigest));
    else if (name == "scheme_id")
      VERDIGRIS_RETURN_IF_ERROR(set(expected.scheme_id, ParseDigest));
    else
      return Invalid("params: there is no expectation " + Quoted(name));
  }
  return expected;
}

// ---- rows, prices, scores ----

Result<LogitType> DtypeOf(int32_t dtype) {
  if (dtype >= VDG_DTYPE_F32 && dtype <= VDG_DTYPE_BF16) return static_cast<LogitType>(dtype);
  return Invalid("dtype must be 1, 2 or 3, got " + std::to_string(dtype));
}

Result<Row> RowOf(const vdg_row* row) {
  VERDIGRIS_RETURN_IF_ERROR(StructSize(row, "row"));
  if (row->reserved != 0) return Invalid("row.reserved must be 0, got " + std::to_string(row->reserved));
  VERDIGRIS_ASSIGN_OR_RETURN(const LogitType type, DtypeOf(row->dtype));
  return Row{type, row->logits, row->count, row->logit_stride, row->ids, row->id_stride};
}

vdg_price CPrice(const Price& price) {
  vdg_price out{};
  out.state = static_cast<int32_t>(price.state);
  out.layer = static_cast<int32_t>(price.layer);
  if (price.masses) {
    out.has_masses = 1;
    out.green = price.masses->green;
    out.special = price.masses->special;
    out.kl_qp = price.masses->kl_qp;
    out.kl_pq = price.masses->kl_pq;
    out.tv = price.masses->tv;
  }
  return out;
}

vdg_score CScore(const PositionScore& score) {
  vdg_score out{};
  out.layer = static_cast<int32_t>(score.layer);
  out.score = score.score;
  switch (score.state) {
    case PositionState::kEligible:
      out.state = score.duplicate ? VDG_STATE_REPEATED : VDG_STATE_MARKED;
      break;
    case PositionState::kShort:
      out.state = VDG_STATE_SHORT;
      break;
    case PositionState::kSpecial:
      out.state = VDG_STATE_SPECIAL;
      break;
    case PositionState::kRepeated:
      out.state = VDG_STATE_REPEATED;
      break;
  }
  return out;
}

// ---- batches ----

// What all rows have in common: h and mask_bytes are 0 where no row has a marker.
struct BatchShape {
  size_t h = 0;
  size_t mask_bytes = 0;
};

Result<BatchShape> CheckBatch(const vdg_batch* batch) {
  VERDIGRIS_RETURN_IF_ERROR(StructSize(batch, "batch"));
  if (batch->threads < 0) return Invalid("threads must be at least 0, got " + std::to_string(batch->threads));
  if (batch->rows > size_t{std::numeric_limits<int32_t>::max()}) {
    return Invalid("rows must be below 2^31, got " + std::to_string(batch->rows));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const auto markers, Array(batch->markers, batch->rows, "markers"));
  BatchShape shape;
  const Marker* first = nullptr;
  for (const vdg_marker* marker : markers) {
    if (marker == nullptr) continue;
    if (first == nullptr) first = &marker->marker;
    if (&marker->marker != first && marker->marker.profile().scheme_id() != first->profile().scheme_id()) {
      return Invalid("the markers of a batch must be of one scheme_id");
    }
  }
  if (first == nullptr) return shape;
  VERDIGRIS_RETURN_IF_ERROR(NotNull(batch->windows, "windows"));
  VERDIGRIS_RETURN_IF_ERROR(NotNull(batch->states, "states"));
  return BatchShape{first->profile().window(), first->mask_bytes()};
}

Result<History::NextState> StateOf(const vdg_batch& batch, size_t r) {
  const uint8_t state = batch.states[r];
  if (state >= VDG_WINDOW_NEW && state <= VDG_WINDOW_SHORT) return static_cast<History::NextState>(state);
  return Invalid("state must be 1, 2 or 3, got " + std::to_string(state));
}

struct Fault {
  size_t row = std::numeric_limits<size_t>::max();
  Error error{ErrorKind::kInternal, {}};
};

// Calls mark_row(r) -> Result<Price> for every row on `threads` threads; the error of the first faulty row, and its
// number in `fault_row`.
template <class MarkRow>
Result<void> RunRows(const vdg_batch& batch, const Out<vdg_price>& prices, const MarkRow& mark_row,
                     int32_t& fault_row) {
  std::atomic<size_t> next{0};
  const auto work = [&](Fault& first) noexcept {
    for (size_t r; (r = next.fetch_add(1, std::memory_order_relaxed)) < batch.rows;) {
      Result<Price> price = Caught([&] { return mark_row(r); });
      vdg_price faulty{};
      if (!price) faulty.code = CodeOf(price.error().kind);
      prices.Set(r, price ? CPrice(*price) : faulty);
      if (!price && r < first.row) first = Fault{r, std::move(price).error()};
    }
  };
  const size_t workers = std::max<size_t>(1, std::min<size_t>(batch.rows, static_cast<size_t>(batch.threads)));
  std::vector<Fault> faults(workers);
  std::vector<std::thread> helpers;
  helpers.reserve(workers - 1);
  // Where the system gives fewer threads, the others do the work.
  (void)Caught([&]() -> Result<void> {
    while (helpers.size() + 1 < workers) helpers.emplace_back([&, i = helpers.size() + 1] { work(faults[i]); });
    return {};
  });
  work(faults[0]);
  for (std::thread& helper : helpers) helper.join();
  Fault& first =
      *std::min_element(faults.begin(), faults.end(), [](const Fault& a, const Fault& b) { return a.row < b.row; });
  if (first.row >= batch.rows) return {};
  fault_row = static_cast<int32_t>(first.row);
  return Unexpected(std::move(first.error));
}

// ---- members by name ----

// Whether OpenSSL, which does all AES here, uses the processor's instructions for it: it says which of the processor's
// features it has found and was not told to leave.
bool HasHardwareAes() {
  const char* settings = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS);
  if (settings == nullptr) return false;
  const auto number_after = [settings](const char* name) -> uint64_t {
    const char* found = std::strstr(settings, name);
    return found == nullptr ? 0 : std::strtoull(found + std::strlen(name), nullptr, 16);
  };
  // OPENSSL_ia32cap: bit 57 is AES-NI. OPENSSL_armcap: bit 2 is the ARMv8 AES extension.
  return (number_after("OPENSSL_ia32cap=") >> 57 & 1) != 0 || (number_after("OPENSSL_armcap=") >> 2 & 1) != 0;
}

int32_t Has(std::string_view name) {
  constexpr std::string_view kScheme = "scheme.";
  if (name.starts_with(kScheme)) return FindScheme(name.substr(kScheme.size())) != nullptr;
  if (name == "aes.hardware") return HasHardwareAes();
  constexpr std::string_view kAlways[] = {"mode.bias", "mode.distribution", "mode.mask",
                                          "profile.1", "keyfile.1",         "history.1"};
  return std::find(std::begin(kAlways), std::end(kAlways), name) != std::end(kAlways);
}

std::optional<std::string> ProfileMember(const Profile& profile, std::string_view name) {
  if (name == "scheme_id") return Hex(profile.scheme_id());
  if (name == "digest") return Hex(profile.digest());
  const SamplerSettings& sampler = profile.sampler();
  if (name == "specials") return sampler.specials == SamplerSettings::Specials::kPlain ? "plain" : "preserve";
  if (name == "unbiased") return profile.scheme().unbiased ? "true" : "false";
  if (!profile.scheme().unbiased) {
    if (name == "delta_milli") return std::to_string(sampler.delta_milli);
    if (name == "zero_temperature") return sampler.argmax_at_zero_temperature ? "argmax" : "off";
  }
  const Json* value = profile.scheme_object().Find(name);
  if (value == nullptr) return std::nullopt;
  return value->string() != nullptr ? *value->string() : WriteJson(*value);
}

std::optional<std::string> KeyMember(const KeyFile& file, std::string_view name) {
  if (name == "role") return std::string(RoleName(file.role));
  if (name == "kid") return file.kid();
  if (name == "scheme_id") return RoleHasScheme(file.role) ? Hex(file.scheme_id) : "";
  if (name == "epoch") return RoleHasEpoch(file.role) ? std::to_string(file.epoch) : "";
  if (name == "account") return file.account;
  return std::nullopt;
}

std::string KidOf(const Marker& marker, Layer layer) {
  return marker.layers().Has(layer) ? marker.layers().kid(layer) : "";
}

std::optional<std::string> MarkerMember(const Marker& marker, std::string_view name) {
  if (name == "window") return std::to_string(marker.profile().window());
  if (name == "mask_bytes") return std::to_string(marker.mask_bytes());
  if (name == "epoch") return std::to_string(marker.layers().epoch());
  if (name == "kids") {
    const std::string provider = KidOf(marker, Layer::kProvider), account = KidOf(marker, Layer::kAccount);
    return provider + (provider.empty() || account.empty() ? "" : ",") + account;
  }
  return std::nullopt;
}

}  // namespace
}  // namespace verdigris

// The functions of the header, in its order. What is set on success is set last.

using namespace verdigris;  // NOLINT: C functions lie in no namespace

uint32_t vdg_abi(void) { return VDG_ABI; }

const char* vdg_version(void) { return VERDIGRIS_VERSION; }

const char* vdg_code_name(int32_t code) {
  for (const auto& [number, name] : kCodeNames) {
    if (number == code) return name;
  }
  return "unknown";
}

int32_t vdg_has(const char* name) { return name != nullptr ? Has(name) : 0; }

int32_t vdg_selftest(vdg_error* err) {
  return Guard(err, [] { return SelfTest(); });
}

int32_t vdg_profile_parse(const void* data, size_t n, vdg_profile** profile, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(profile, "profile"));
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view bytes, Bytes(data, n));
    VERDIGRIS_ASSIGN_OR_RETURN(Profile parsed, Profile::Parse(bytes));
    *profile = new vdg_profile{std::move(parsed)};
    return {};
  });
}

void vdg_profile_free(vdg_profile* profile) { delete profile; }

int32_t vdg_profile_get(const vdg_profile* profile, const char* name, char* buf, size_t cap, size_t* need,
                        vdg_error* err) {
  return Guard(err, [&] {
    return Get(profile, "profile", name, buf, cap, need,
               [&](auto wanted) { return ProfileMember(profile->profile, wanted); });
  });
}

int32_t vdg_key_parse(const void* data, size_t n, const void* passphrase, size_t passphrase_n, vdg_key** key,
                      vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(key, "key"));
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view bytes, Bytes(data, n));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto secret,
                               Array(static_cast<const uint8_t*>(passphrase), passphrase_n, "passphrase"));
    VERDIGRIS_ASSIGN_OR_RETURN(
        KeyFile file,
        ParseKeyFile(bytes, passphrase == nullptr ? std::nullopt : std::optional<std::span<const uint8_t>>(secret)));
    *key = new vdg_key{std::move(file)};
    return {};
  });
}

void vdg_key_free(vdg_key* key) { delete key; }

int32_t vdg_key_get(const vdg_key* key, const char* name, char* buf, size_t cap, size_t* need, vdg_error* err) {
  return Guard(err, [&] {
    return Get(key, "key", name, buf, cap, need, [&](auto wanted) { return KeyMember(key->file, wanted); });
  });
}

int32_t vdg_marker_new(const vdg_profile* profile, const vdg_key* const* keys, size_t keys_n, const vdg_param* params,
                       size_t params_n, vdg_marker** marker, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(profile, "profile"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(marker, "marker"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto handles, Array(keys, keys_n, "keys"));
    std::vector<const KeyFile*> files;
    for (const vdg_key* key : handles) {
      VERDIGRIS_RETURN_IF_ERROR(NotNull(key, "keys: a key"));
      files.push_back(&key->file);
    }
    VERDIGRIS_ASSIGN_OR_RETURN(const auto settings, Array(params, params_n, "params"));
    VERDIGRIS_ASSIGN_OR_RETURN(const Expectations expected, ReadExpectations(settings));
    VERDIGRIS_ASSIGN_OR_RETURN(Marker made, Marker::Create(profile->profile, files, expected));
    *marker = new vdg_marker{std::move(made)};
    return {};
  });
}

void vdg_marker_free(vdg_marker* marker) { delete marker; }

int32_t vdg_marker_get(const vdg_marker* marker, const char* name, char* buf, size_t cap, size_t* need,
                       vdg_error* err) {
  return Guard(err, [&] {
    return Get(marker, "marker", name, buf, cap, need,
               [&](auto wanted) { return MarkerMember(marker->marker, wanted); });
  });
}

int32_t vdg_marker_account(const vdg_marker* marker, const vdg_key* account, vdg_marker** other, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(marker, "marker"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(account, "account"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(other, "other"));
    VERDIGRIS_ASSIGN_OR_RETURN(Marker made, marker->marker.WithAccount(account->file));
    *other = new vdg_marker{std::move(made)};
    return {};
  });
}

int32_t vdg_mark(const vdg_marker* marker, const uint32_t* output_ids, size_t n, int32_t repeat, const vdg_row* row,
                 vdg_price* price, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(marker, "marker"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto output, Array(output_ids, n, "output_ids"));
    VERDIGRIS_ASSIGN_OR_RETURN(const Row checked, RowOf(row));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto out, Out<vdg_price>::Of(price, 1, "price"));
    VERDIGRIS_ASSIGN_OR_RETURN(
        const Price made,
        marker->marker.Mark(output, static_cast<Repeat>(repeat), static_cast<Mode>(row->mode), checked, row->scale));
    out.Set(0, CPrice(made));
    return {};
  });
}

int32_t vdg_mask(const vdg_marker* marker, const uint32_t* output_ids, size_t n, int32_t repeat, uint8_t* mask,
                 size_t mask_bytes, vdg_price* price, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(marker, "marker"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto output, Array(output_ids, n, "output_ids"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(mask, "mask"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto out, Out<vdg_price>::Of(price, 1, "price"));
    VERDIGRIS_ASSIGN_OR_RETURN(const Price made,
                               marker->marker.Mask(output, static_cast<Repeat>(repeat), {mask, mask_bytes}));
    out.Set(0, CPrice(made));
    return {};
  });
}

int32_t vdg_mark_batch(const vdg_batch* batch, vdg_price* prices, vdg_error* err) {
  int32_t fault_row = -1;
  const int32_t code = Guard(err, [&]() -> Result<void> {
    VERDIGRIS_ASSIGN_OR_RETURN(const BatchShape shape, CheckBatch(batch));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto out, Out<vdg_price>::Of(prices, batch->rows, "prices"));
    VERDIGRIS_ASSIGN_OR_RETURN(const LogitType type, DtypeOf(batch->dtype));
    if (batch->mode != VDG_MODE_BIAS && batch->mode != VDG_MODE_DISTRIBUTION) {
      return Invalid("mode must be 1 or 2, got " + std::to_string(batch->mode));
    }
    if (batch->rows == 0) return {};
    const Row first{type, batch->logits, batch->count};
    VERDIGRIS_RETURN_IF_ERROR(CheckRow(first));
    const size_t packed = batch->count * SizeOf(type), stride = batch->row_stride != 0 ? batch->row_stride : packed;
    if (stride < packed || stride > std::numeric_limits<ptrdiff_t>::max() / batch->rows) {
      return Invalid("row_stride must be at least " + std::to_string(packed) + ", got " + std::to_string(stride));
    }
    const auto mark_row = [&](size_t r) -> Result<Price> {
      const vdg_marker* marker = batch->markers[r];
      if (marker == nullptr) return Price{};
      VERDIGRIS_ASSIGN_OR_RETURN(const History::NextState state, StateOf(*batch, r));
      Row row = first;
      row.logits = static_cast<char*>(batch->logits) + r * stride;
      return marker->marker.MarkWindow(batch->windows + r * shape.h, state, static_cast<Mode>(batch->mode), row,
                                       batch->scale != nullptr ? batch->scale[r] : 1);
    };
    return RunRows(*batch, out, mark_row, fault_row);
  });
  if (err != nullptr) err->row = fault_row;
  return code;
}

int32_t vdg_mask_batch(const vdg_batch* batch, uint8_t* masks, size_t stride, vdg_price* prices, vdg_error* err) {
  int32_t fault_row = -1;
  const int32_t code = Guard(err, [&]() -> Result<void> {
    VERDIGRIS_ASSIGN_OR_RETURN(const BatchShape shape, CheckBatch(batch));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto out, Out<vdg_price>::Of(prices, batch->rows, "prices"));
    if (batch->rows == 0) return {};
    VERDIGRIS_RETURN_IF_ERROR(NotNull(masks, "masks"));
    // Where no row has a marker nobody knows the width of a mask, and the whole stride is cleared.
    const size_t step = stride != 0 ? stride : shape.mask_bytes, width = shape.h != 0 ? shape.mask_bytes : step;
    if (step == 0 || step < width || step > std::numeric_limits<ptrdiff_t>::max() / batch->rows) {
      return Invalid("stride must be at least " + std::to_string(std::max<size_t>(1, width)) + ", got " +
                     std::to_string(stride));
    }
    const auto mark_row = [&](size_t r) -> Result<Price> {
      const vdg_marker* marker = batch->markers[r];
      uint8_t* mask = masks + r * step;
      if (marker == nullptr) {
        std::memset(mask, 0, width);
        return Price{};
      }
      VERDIGRIS_ASSIGN_OR_RETURN(const History::NextState state, StateOf(*batch, r));
      return marker->marker.MaskWindow(batch->windows + r * shape.h, state, {mask, width});
    };
    return RunRows(*batch, out, mark_row, fault_row);
  });
  if (err != nullptr) err->row = fault_row;
  return code;
}

int32_t vdg_score_token(const vdg_marker* marker, const uint32_t* window, uint32_t id, vdg_score* score,
                        vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(marker, "marker"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(window, "window"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(score, "score"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto out, Out<vdg_score>::Of(score, 1, "score"));
    VERDIGRIS_ASSIGN_OR_RETURN(const PositionScore made,
                               marker->marker.ScoreToken({window, marker->marker.profile().window()}, id));
    out.Set(0, CScore(made));
    return {};
  });
}

int32_t vdg_score_sequence(const vdg_marker* marker, const uint32_t* ids, size_t n, int32_t rule, vdg_score* each,
                           vdg_total* totals, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(marker, "marker"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto text, Array(ids, n, "ids"));
    if (rule != VDG_RULE_TUPLE && rule != VDG_RULE_FIRST)
      return Invalid("rule must be 0 or 1, got " + std::to_string(rule));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(totals, "totals"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto out, Out<vdg_total>::Of(totals, 2, "totals"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto out_each, Out<vdg_score>::Of(each, n, "each"));
    std::vector<PositionScore> positions(each != nullptr ? n : 0);
    VERDIGRIS_ASSIGN_OR_RETURN(const auto sums,
                               marker->marker.ScoreSequence(text, rule == VDG_RULE_FIRST ? Rule::kFirst : Rule::kTuple,
                                                            positions.empty() ? nullptr : positions.data()));
    vdg_total both[2] = {};
    for (const Layer layer : {Layer::kProvider, Layer::kAccount}) {
      const size_t i = layer == Layer::kProvider ? 0 : 1;
      both[i].layer = static_cast<int32_t>(layer);
      both[i].n = sums[i].n;
      both[i].statistic = sums[i].statistic;
      KidOf(marker->marker, layer).copy(both[i].kid, sizeof both[i].kid - 1);
    }
    for (size_t i = 0; i < positions.size(); ++i) out_each.Set(i, CScore(positions[i]));
    for (size_t i = 0; i < 2; ++i) out.Set(i, both[i]);
    return {};
  });
}

int32_t vdg_history_new(size_t h, vdg_history** history, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    if (h < 1 || h > VDG_MAX_WINDOW) return Invalid("h must be in [1,8], got " + std::to_string(h));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(history, "history"));
    *history = new vdg_history{History(h)};
    return {};
  });
}

void vdg_history_free(vdg_history* history) { delete history; }

int32_t vdg_history_clone(const vdg_history* history, vdg_history** copy, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(history, "history"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(copy, "copy"));
    *copy = new vdg_history{*history};
    return {};
  });
}

size_t vdg_history_length(const vdg_history* history) { return history != nullptr ? history->history.length() : 0; }

int32_t vdg_history_push(vdg_history* history, const uint32_t* ids, size_t n, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(history, "history"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto more, Array(ids, n, "ids"));
    VERDIGRIS_RETURN_IF_ERROR(CheckHistoryLength(history->history, n));
    VERDIGRIS_RETURN_IF_ERROR(CheckIds(more));
    history->history.Push(more);
    return {};
  });
}

int32_t vdg_history_truncate(vdg_history* history, size_t n, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(history, "history"));
    const size_t length = history->history.length();
    if (n > length) return Invalid("n must be in [0," + std::to_string(length) + "], got " + std::to_string(n));
    history->history.Truncate(n);
    return {};
  });
}

int32_t vdg_history_peek(vdg_history* history, const uint32_t* draft, size_t n, uint32_t* windows, uint8_t* states,
                         vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(history, "history"));
    VERDIGRIS_ASSIGN_OR_RETURN(const auto drafts, Array(draft, n, "draft"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(windows, "windows"));
    VERDIGRIS_RETURN_IF_ERROR(NotNull(states, "states"));
    VERDIGRIS_RETURN_IF_ERROR(CheckHistoryLength(history->history, n));
    VERDIGRIS_RETURN_IF_ERROR(CheckIds(drafts));
    // Most calls look at the next position alone, which costs no memory; drafts may, and outputs are set on success
    // only.
    const size_t h = history->history.window();
    uint32_t next_window[VDG_MAX_WINDOW];
    History::NextState next_state;
    std::vector<uint32_t> all_windows(n != 0 ? (n + 1) * h : 0);
    std::vector<History::NextState> all_states(n != 0 ? n + 1 : 0);
    uint32_t* found = n != 0 ? all_windows.data() : next_window;
    History::NextState* next = n != 0 ? all_states.data() : &next_state;
    history->history.Peek(drafts, found, next);
    std::copy_n(found, (n + 1) * h, windows);
    std::transform(next, next + n + 1, states, [](History::NextState state) { return static_cast<uint8_t>(state); });
    return {};
  });
}

int32_t vdg_history_write(const vdg_history* history, void* buf, size_t cap, size_t* need, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(history, "history"));
    VERDIGRIS_RETURN_IF_ERROR(CheckRoom(HistoryBytes(history->history), buf, cap, need));
    WriteHistory(history->history, static_cast<uint8_t*>(buf));
    return {};
  });
}

int32_t vdg_history_read(const void* data, size_t n, vdg_history** history, vdg_error* err) {
  return Guard(err, [&]() -> Result<void> {
    VERDIGRIS_RETURN_IF_ERROR(NotNull(history, "history"));
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string_view bytes, Bytes(data, n));
    VERDIGRIS_ASSIGN_OR_RETURN(History read, ParseHistory(bytes));
    *history = new vdg_history{std::move(read)};
    return {};
  });
}
