// Profile, Key, Marker and History over the C header: arguments are translated here, and nothing is decided. A key goes in as a file and
// never comes out: no attribute, text or copy has its bytes.
//
// Tested by tests/python/marking_test.py.
#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "tools/python/native/errors.h"
#include "tools/python/native/handles.h"
#include "tools/python/native/parts.h"
#include "tools/python/native/tensors.h"
#include "verify/file.h"
#include "watermark/json.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace verdigris::python {
namespace {

// The handle that a function of the header makes, in its class.
template <class Python, class Function, class... Arguments>
Python Made(Function function, Arguments... arguments) {
  typename decltype(Python::handle)::pointer handle = nullptr;
  vdg_error error;
  Check(function(arguments..., &handle, &error), error);
  Python made;
  made.handle.reset(handle);
  return made;
}

// `path`: of the file, which an error names; else empty.
void CheckIn(const std::string& path, int32_t code, const vdg_error& error) {
  if (code != VDG_OK && !path.empty()) throw Raised({static_cast<ErrorKind>(code), path + ": " + error.message});
  Check(code, error);
}

// ---- profiles and keys

PythonProfile ParseProfile(std::string_view bytes, const std::string& path) {
  vdg_profile* profile = nullptr;
  vdg_error error;
  const int32_t code = vdg_profile_parse(bytes.data(), bytes.size(), &profile, &error);
  CheckIn(path, code, error);
  return {{profile, &vdg_profile_free}, path};
}

PythonProfile LoadProfile(const std::string& path) {
  const nb::gil_scoped_release release;
  return ParseProfile(Unwrap(verify::ReadFile(path, Json::kMaxBytes)), path);
}

std::span<const uint8_t> BytesOf(const nb::bytes& bytes) { return {static_cast<const uint8_t*>(bytes.data()), bytes.size()}; }

PythonKey ParseKey(std::span<const uint8_t> bytes, const std::optional<SecretBytes>& passphrase, const std::string& path) {
  vdg_key* key = nullptr;
  vdg_error error;
  const int32_t code = vdg_key_parse(bytes.data(), bytes.size(), passphrase ? passphrase->span().data() : nullptr,
                                     passphrase ? passphrase->span().size() : 0, &key, &error);
  CheckIn(path, code, error);
  PythonKey made;
  made.handle.reset(key);
  return made;
}

std::optional<SecretBytes> Secret(const std::optional<nb::bytes>& passphrase) {
  if (!passphrase) return std::nullopt;
  return SecretBytes::Copy(BytesOf(*passphrase));
}

PythonKey LoadKey(const std::string& path, const std::optional<nb::bytes>& passphrase, bool insecure_permissions) {
  const std::optional<SecretBytes> secret = Secret(passphrase);
  const nb::gil_scoped_release release;
  const SecretBytes bytes = Unwrap(verify::ReadSecretFile(path, kMaxKeyFileBytes, insecure_permissions));
  return ParseKey(bytes.span(), secret, path);
}

PythonKey KeyOf(const nb::bytes& data, const std::optional<nb::bytes>& passphrase) {
  const std::optional<SecretBytes> secret = Secret(passphrase);
  const auto bytes = BytesOf(data);
  const nb::gil_scoped_release release;
  return ParseKey(bytes, secret, "");
}

std::string RoleOf(const PythonKey& key) { return std::string(RoleName(key.get().role)); }

// ---- arguments

template <size_t kCount>
int32_t Choice(const std::string& value, const char* name, const std::pair<const char*, int32_t> (&choices)[kCount]) {
  std::string all;
  for (const auto& [text, number] : choices) {
    if (value == text) return number;
    all += (all.empty() ? "" : ", ") + std::string(text);
  }
  throw Raised({ErrorKind::kInvalidArgument, std::string(name) + " must be one of " + all});
}

int32_t ModeOf(const std::string& mode) { return Choice(mode, "mode", {{"distribution", VDG_MODE_DISTRIBUTION}, {"bias", VDG_MODE_BIAS}}); }
size_t ItemBytes(int32_t dtype) { return dtype == VDG_DTYPE_F32 ? 4 : 2; }

template <class T>
T Sized() {
  T made{};
  made.size = sizeof(T);
  return made;
}

// ---- markers

PythonMarker MakeMarker(const PythonProfile& profile, const std::vector<const PythonKey*>& keys, const nb::kwargs& expect) {
  std::vector<const vdg_key*> handles;
  for (const PythonKey* key : keys) {  // null is how None arrives
    if (key == nullptr) throw nb::type_error("keys must be of verdigris.Key");
    handles.push_back(key->handle.get());
  }
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [name, value] : expect) texts.emplace_back(nb::str(name).c_str(), nb::str(value).c_str());
  std::vector<vdg_param> params;
  for (const auto& [name, value] : texts) params.push_back({name.c_str(), value.c_str()});
  return Made<PythonMarker>(&vdg_marker_new, profile.handle.get(), handles.data(), handles.size(), params.data(), params.size());
}

PythonMarker WithAccount(const PythonMarker& self, const PythonKey& account) {
  return Made<PythonMarker>(&vdg_marker_account, self.handle.get(), account.handle.get());
}

std::string Member(const PythonMarker& self, const char* name) {
  std::array<char, 64> text;  // two ids of keys, or a number
  vdg_error error;
  Check(vdg_marker_get(self.handle.get(), name, text.data(), text.size(), nullptr, &error), error);
  return text.data();
}

std::vector<std::string> KidsOf(const PythonMarker& self) {
  const std::string kids = Member(self, "kids");
  std::vector<std::string> out;
  for (size_t at = 0; at < kids.size();) {
    const size_t end = std::min(kids.find(',', at), kids.size());
    out.push_back(kids.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

vdg_price Mark(const PythonMarker& self, nb::handle logits, nb::handle output_ids, const std::string& mode, const std::string& repeat, double scale,
               nb::handle ids) {
  vdg_row row = Sized<vdg_row>();
  row.mode = ModeOf(mode);
  const int32_t when = RepeatOf(repeat);
  const Writable array = ToWrite(logits, "logits");
  row.dtype = DtypeOf(array);
  const Rows rows = RowsOf(array, "logits", ItemBytes(row.dtype));
  if (rows.rows != 1) throw Raised({ErrorKind::kInvalidArgument, "logits must be one row, got " + std::to_string(rows.rows) + ": mark_batch_ marks many"});
  row.logits = rows.data;
  row.count = rows.columns;
  row.scale = scale;
  const Ids output(output_ids, "output_ids");
  std::optional<CandidateIds> candidates;
  if (!ids.is_none()) {
    candidates.emplace(ids, "ids");
    if (candidates->count != row.count) {
      throw Raised({ErrorKind::kInvalidArgument, "ids must be as many as logits, " + std::to_string(row.count) + ", got " + std::to_string(candidates->count)});
    }
    row.ids = candidates->data;
    row.id_stride = candidates->stride_bytes;
  }
  vdg_price price = Sized<vdg_price>();
  vdg_error error;
  int32_t code;
  {
    const nb::gil_scoped_release release;
    code = vdg_mark(self.handle.get(), output.view().data(), output.view().size(), when, &row, &price, &error);
  }
  Check(code, error);
  return price;
}

size_t MaskBytes(const PythonMarker& self) { return self.get().mask_bytes(); }

auto Mask(const PythonMarker& self, nb::handle output_ids, const std::string& repeat) {
  const int32_t when = RepeatOf(repeat);
  const Ids output(output_ids, "output_ids");
  std::vector<uint8_t> mask(MaskBytes(self));
  const size_t bytes = mask.size();
  vdg_price price = Sized<vdg_price>();
  vdg_error error;
  int32_t code;
  {
    const nb::gil_scoped_release release;
    code = vdg_mask(self.handle.get(), output.view().data(), output.view().size(), when, mask.data(), mask.size(), &price, &error);
  }
  Check(code, error);
  return nb::make_tuple(ToNumpy<uint8_t, 1>(std::move(mask), {bytes}), price);
}

// What an answer scores in the two layers; `each` is None, or has one row (layer, state, score) a position.
struct Scored {
  vdg_total provider, account;
  nb::object each;
};

Scored Score(const PythonMarker& self, nb::handle ids, const std::string& rule, bool each) {
  const int32_t which = Choice(rule, "rule", {{"first", VDG_RULE_FIRST}, {"tuple", VDG_RULE_TUPLE}});
  const Ids text(ids, "ids");
  std::vector<vdg_score> scores(each ? text.view().size() : 0, Sized<vdg_score>());
  std::array<vdg_total, 2> totals{Sized<vdg_total>(), Sized<vdg_total>()};
  std::vector<uint64_t> numbers;
  vdg_error error;
  int32_t code;
  {
    const nb::gil_scoped_release release;
    code = vdg_score_sequence(self.handle.get(), text.view().data(), text.view().size(), which, scores.empty() ? nullptr : scores.data(), totals.data(), &error);
    for (const vdg_score& score : scores) numbers.insert(numbers.end(), {static_cast<uint64_t>(score.layer), static_cast<uint64_t>(score.state), score.score});
  }
  Check(code, error);
  return {totals[0], totals[1], each ? nb::cast(ToNumpy<uint64_t, 2>(std::move(numbers), {scores.size(), 3})) : nb::none()};
}

// ---- batches

// The struct of the header, and what keeps its pointers alive.
class Batch {
 public:
  Batch(const nb::object& markers, nb::handle windows, nb::handle states, nb::handle prices, int32_t threads) {
    kept_ = nb::tuple(markers);
    const PythonMarker* first = nullptr;
    for (const nb::handle item : kept_) {
      const PythonMarker* marker = item.is_none() ? nullptr : nb::cast<const PythonMarker*>(item);
      if (first == nullptr) first = marker;
      handles_.push_back(marker != nullptr ? marker->handle.get() : nullptr);
    }
    batch = Sized<vdg_batch>();
    batch.threads = threads;
    batch.rows = handles_.size();
    batch.markers = handles_.data();
    has_marker = first != nullptr;
    if (has_marker) {
      windows_ = ToRead(windows, "windows");
      states_ = ToRead(states, "states");
      batch.windows = Packed<uint32_t>(windows_, {batch.rows, first->get().profile().window()}, "windows", "uint32");
      batch.states = Packed<uint8_t>(states_, {batch.rows}, "states", "uint8");
      mask_bytes = MaskBytes(*first);
    }
    prices_ = ToWrite(prices, "rows");
    const Rows bytes = RowsOf(prices_, "rows", 1);
    if (bytes.rows != batch.rows || bytes.columns != sizeof(vdg_price)) throw Raised({ErrorKind::kInternal, "rows have another size"});
    this->prices = static_cast<vdg_price*>(bytes.data);
    if (batch.rows > 0) this->prices->size = sizeof(vdg_price);
  }

  // Where a row was at fault its code stands in its price; what is left is that of the batch.
  static void CheckWhole(int32_t code, const vdg_error& error) {
    if (error.row < 0) Check(code, error);
  }

  vdg_batch batch;
  vdg_price* prices;
  size_t mask_bytes = 0;
  bool has_marker = false;

 private:
  nb::tuple kept_;
  std::vector<const vdg_marker*> handles_;
  Readable windows_, states_;
  Writable prices_;
};

void MarkBatch(const nb::object& markers, nb::handle logits, nb::handle windows, nb::handle states, nb::handle prices, const std::string& mode, nb::handle scale,
               int32_t threads) {
  Batch rows(markers, windows, states, prices, threads);
  rows.batch.mode = ModeOf(mode);
  const Writable array = ToWrite(logits, "logits");
  rows.batch.dtype = DtypeOf(array);
  if (array.ndim() != 2) throw Raised({ErrorKind::kInvalidArgument, "logits must have two axes, rows and ids, got " + std::to_string(array.ndim())});
  const Rows shape = RowsOf(array, "logits", ItemBytes(rows.batch.dtype));
  if (shape.rows != rows.batch.rows) {
    throw Raised({ErrorKind::kInvalidArgument, "logits must have a row for each of " + std::to_string(rows.batch.rows) + " markers, got " + std::to_string(shape.rows)});
  }
  rows.batch.logits = shape.data;
  rows.batch.count = shape.columns;
  rows.batch.row_stride = shape.stride_bytes;
  Readable scales;
  if (!scale.is_none()) {
    scales = ToRead(scale, "scale");
    rows.batch.scale = Packed<double>(scales, {rows.batch.rows}, "scale", "float64");
  }
  vdg_error error;
  int32_t code;
  {
    const nb::gil_scoped_release release;
    code = vdg_mark_batch(&rows.batch, rows.prices, &error);
  }
  Batch::CheckWhole(code, error);
}

void MaskBatch(const nb::object& markers, nb::handle windows, nb::handle states, nb::handle prices, nb::handle out, int32_t threads) {
  Batch rows(markers, windows, states, prices, threads);
  const Writable array = ToWrite(out, "out");
  if (array.dtype() != nb::dtype<uint8_t>()) throw Raised({ErrorKind::kInvalidArgument, "out must be of uint8"});
  const Rows shape = RowsOf(array, "out", 1);
  if (shape.rows != rows.batch.rows || (rows.has_marker && shape.columns != rows.mask_bytes)) {
    throw Raised({ErrorKind::kInvalidArgument, "out must have the shape [" + std::to_string(rows.batch.rows) + ", " +
                                                   (rows.has_marker ? std::to_string(rows.mask_bytes) : std::string("mask_bytes")) + "], got [" +
                                                   std::to_string(shape.rows) + ", " + std::to_string(shape.columns) + "]"});
  }
  auto* masks = static_cast<uint8_t*>(shape.data);
  vdg_error error;
  error.row = -1;
  int32_t code = VDG_OK;
  {
    const nb::gil_scoped_release release;
    if (rows.has_marker) {
      code = vdg_mask_batch(&rows.batch, masks, shape.stride_bytes, rows.prices, &error);
    } else if (shape.columns > 0) {
      // A batch without markers is cleared by its stride, which may be more than is ours: row by row it is as wide as it says.
      vdg_batch one = rows.batch;
      one.rows = 1;
      for (size_t r = 0; r < rows.batch.rows && code == VDG_OK; ++r) {
        rows.prices[r].size = sizeof(vdg_price);
        code = vdg_mask_batch(&one, masks + r * shape.stride_bytes, shape.columns, rows.prices + r, &error);
      }
    }
  }
  Batch::CheckWhole(code, error);
}

nb::list PriceFields() {
  nb::list fields;
  const auto add = [&](const char* name, const char* type, size_t offset) { fields.append(nb::make_tuple(name, type, offset)); };
  add("code", "i4", offsetof(vdg_price, code));
  add("state", "i4", offsetof(vdg_price, state));
  add("layer", "i4", offsetof(vdg_price, layer));
  add("has_masses", "i4", offsetof(vdg_price, has_masses));
  add("green", "f8", offsetof(vdg_price, green));
  add("special", "f8", offsetof(vdg_price, special));
  add("kl_qp", "f8", offsetof(vdg_price, kl_qp));
  add("kl_pq", "f8", offsetof(vdg_price, kl_pq));
  add("tv", "f8", offsetof(vdg_price, tv));
  return fields;
}

// ---- histories. One user at a time: the interpreter stays held, so that threads of Python take turns.

PythonHistory MakeHistory(size_t h) { return Made<PythonHistory>(&vdg_history_new, h); }
PythonHistory CloneHistory(const PythonHistory& self) { return Made<PythonHistory>(&vdg_history_clone, self.handle.get()); }

void Push(PythonHistory& self, nb::handle ids) {
  const Ids more(ids, "ids");
  vdg_error error;
  Check(vdg_history_push(self.handle.get(), more.view().data(), more.view().size(), &error), error);
}

void Truncate(PythonHistory& self, size_t n) {
  vdg_error error;
  Check(vdg_history_truncate(self.handle.get(), n, &error), error);
}

nb::tuple Peek(PythonHistory& self, nb::handle drafts) {
  const Ids ids(drafts, "drafts");
  const size_t h = self.handle->history.window(), rows = ids.view().size() + 1;
  std::vector<uint32_t> windows(rows * h);
  std::vector<uint8_t> states(rows);
  vdg_error error;
  Check(vdg_history_peek(self.handle.get(), ids.view().data(), ids.view().size(), windows.data(), states.data(), &error), error);
  return nb::make_tuple(ToNumpy<uint32_t, 2>(std::move(windows), {rows, h}), ToNumpy<uint8_t, 1>(std::move(states), {rows}));
}

nb::bytes WriteHistory(const PythonHistory& self) {
  size_t need = 0;
  vdg_error error;
  vdg_history_write(self.handle.get(), nullptr, 0, &need, &error);
  std::vector<char> bytes(need);
  Check(vdg_history_write(self.handle.get(), bytes.data(), bytes.size(), nullptr, &error), error);
  return nb::bytes(bytes.data(), bytes.size());
}

PythonHistory ReadHistory(const nb::bytes& data) { return Made<PythonHistory>(&vdg_history_read, static_cast<const void*>(data.c_str()), data.size()); }

void AddFiles(nb::module_& module) {
  nb::class_<PythonProfile>(module, "Profile", "What the marking and the detecting side agree on. Immutable.")
      .def_static("load", &LoadProfile, "path"_a)
      .def_static("parse", [](const nb::bytes& bytes) { return ParseProfile({bytes.c_str(), bytes.size()}, ""); }, "data"_a)
      .def_prop_ro("scheme", [](const PythonProfile& self) { return std::string(self.get().scheme().name); })
      .def_prop_ro("window", [](const PythonProfile& self) { return self.get().window(); })
      .def_prop_ro("vocab", [](const PythonProfile& self) { return self.get().vocab(); })
      .def_prop_ro("provider_share", [](const PythonProfile& self) { return self.get().provider_share(); }, "Of 256 windows, those of the provider's layer.")
      .def_prop_ro("scheme_id", [](const PythonProfile& self) { return Hex(self.get().scheme_id()); })
      .def_prop_ro("tokenizer_sha256", [](const PythonProfile& self) { return Hex(self.get().tokenizer_sha256()); })
      .def_prop_ro("argmax_at_zero_temperature", [](const PythonProfile& self) { return self.get().sampler().argmax_at_zero_temperature; })
      .def_prop_ro("digest", [](const PythonProfile& self) { return Hex(self.get().digest()); }, "SHA-256 of the file.")
      .def(
          "member",
          [](const PythonProfile& self, const std::string& name) {
            vdg_error error;
            size_t need = 0;
            const int32_t code = vdg_profile_get(self.handle.get(), name.c_str(), nullptr, 0, &need, &error);
            if (code != VDG_LIMIT) Check(code, error);
            std::string text(need, '\0');
            Check(vdg_profile_get(self.handle.get(), name.c_str(), text.data(), need, nullptr, &error), error);
            text.resize(need - 1);
            return text;
          },
          "name"_a, "A member as text, as vdg_profile_get names it: delta_milli, specials, unbiased ...");

  nb::class_<PythonKey>(module, "Key", "A key and what it is for. Its bytes cannot be read.")
      .def_static("load", &LoadKey, "path"_a, "passphrase"_a = nb::none(), "insecure_permissions"_a = false,
                  "Reads a key file that only its owner can read.")
      .def_static("parse", &KeyOf, "data"_a, "passphrase"_a = nb::none(), "The bytes of a key file from a place that is safe, such as a vault.")
      .def_prop_ro("role", &RoleOf)
      .def_prop_ro("kid", [](const PythonKey& self) { return self.get().kid(); }, "The public name of the key.")
      .def_prop_ro("scheme_id", [](const PythonKey& self) { return RoleHasScheme(self.get().role) ? Hex(self.get().scheme_id) : std::string(); })
      .def_prop_ro("epoch", [](const PythonKey& self) { return self.get().epoch; })
      .def_prop_ro("account", [](const PythonKey& self) { return self.get().account; })
      .def("__repr__", [](const PythonKey& self) { return "<verdigris.Key " + RoleOf(self) + " " + self.get().kid() + ">"; });
}

void AddResults(nb::module_& module) {
  nb::class_<vdg_price>(module, "Price",
                        "What became of a row, and what it cost in nats. state: 1 marked, 2 off, 3 short, 4 special, 5 repeated,\n"
                        "6 no_choice; layer: 0 none, 1 provider, 2 account.")
      .def_ro("code", &vdg_price::code)
      .def_ro("state", &vdg_price::state)
      .def_ro("layer", &vdg_price::layer)
      .def_prop_ro("has_masses", [](const vdg_price& self) { return self.has_masses != 0; }, "Of a row marked in distribution mode; else the numbers are 0.")
      .def_ro("green", &vdg_price::green, "Favoured share of the markable mass.")
      .def_ro("special", &vdg_price::special, "Mass of special ids.")
      .def_ro("kl_qp", &vdg_price::kl_qp, "KL(Q||P).")
      .def_ro("kl_pq", &vdg_price::kl_pq, "KL(P||Q).")
      .def_ro("tv", &vdg_price::tv, "Total variation distance.");

  nb::class_<vdg_total>(module, "Total", "Sums over the scored positions of one layer.")
      .def_ro("layer", &vdg_total::layer)
      .def_ro("n", &vdg_total::n, "Tuples scored.")
      .def_ro("statistic", &vdg_total::statistic, "Sum of their scores.")
      .def_prop_ro("kid", [](const vdg_total& self) { return std::string(self.kid); });

  nb::class_<Scored>(module, "Score", "What an answer scores.")
      .def_ro("provider", &Scored::provider)
      .def_ro("account", &Scored::account)
      .def_ro("each", &Scored::each, "layer, state and score of every position: uint64 [n, 3]; None where it was not asked for.",
              nb::for_getter(nb::sig("def each(self) -> NDArray[numpy.uint64] | None")));
}

}  // namespace

int32_t RepeatOf(const std::string& repeat) {
  return Choice(repeat, "repeat", {{"auto", VDG_REPEAT_FIND}, {"new", VDG_REPEAT_NEW}, {"repeated", VDG_REPEAT_REPEATED}});
}

void AddMarking(nb::module_& module) {
  AddFiles(module);
  AddResults(module);

  nb::class_<PythonMarker>(module, "Marker", "Marks under a profile and its keys. Immutable; any number of threads.")
      .def(
          "__init__",
          [](PythonMarker* self, const PythonProfile& profile, const std::vector<const PythonKey*>& keys, const nb::kwargs& expect) {
            new (self) PythonMarker(MakeMarker(profile, keys, expect));
          },
          "profile"_a, "keys"_a, "expect"_a,
          "Provider, selector and account key of one epoch. What is expected of them, epoch, vocab, tokenizer_sha256 or\n"
          "scheme_id, raises Mismatch where it differs.",
          nb::sig("def __init__(self, profile: Profile, keys: Sequence[Key], **expect: int | str) -> None"))
      .def("with_account", &WithAccount, "account"_a, "The same provider and selector, another account.")
      .def("mark_", &Mark, "logits"_a, "output_ids"_a, nb::kw_only(), "mode"_a = "distribution", "repeat"_a = "auto", "scale"_a = 1.0, "ids"_a = nb::none(),
           "Marks the row of the next position in place; draw from it as it is, at temperature 1 in distribution mode.\n\n"
           "logits: a row of float32, float16 or bfloat16 on the host; entry i is id i, or ids[i].\n"
           "output_ids: ids of this answer so far, without its prompt. repeat: auto, new or repeated.",
           nb::sig("def mark_(self, logits: object, output_ids: object, *, mode: str = 'distribution', repeat: str = 'auto', scale: float = 1.0, "
                   "ids: object = None) -> Price"))
      .def("mask", &Mask, "output_ids"_a, nb::kw_only(), "repeat"_a = "auto",
           "The mask of the next position: bit id & 7 of byte id >> 3 is set where the id is favoured; zeros unless marked.",
           nb::sig("def mask(self, output_ids: object, *, repeat: str = 'auto') -> tuple[NDArray[numpy.uint8], Price]"))
      .def("score", &Score, "ids"_a, "rule"_a = "first", "each"_a = false,
           "Scores an answer: an engine's check of itself. Whether it is marked is for `detect`.",
           nb::sig("def score(self, ids: object, rule: str = 'first', each: bool = False) -> Score"))
      .def_prop_ro("window", [](const PythonMarker& self) { return self.get().profile().window(); }, "Ids in a window.")
      .def_prop_ro("mask_bytes", &MaskBytes)
      .def_prop_ro("epoch", [](const PythonMarker& self) { return self.get().layers().epoch(); })
      .def_prop_ro("kids", &KidsOf, "Public names of the keys of its layers, the provider's first.")
      .def_prop_ro("profile", [](const PythonMarker& self) {
        auto* copy = new vdg_profile{self.get().profile()};
        return PythonProfile{{copy, &vdg_profile_free}, ""};
      })
      .def_prop_ro("account", [](const PythonMarker& self) { return self.get().layers().account_label(); });

  module.attr("PRICE_BYTES") = sizeof(vdg_price);
  module.def("price_fields", &PriceFields, "Name, type and place of the members of a row.", nb::sig("def price_fields() -> list[tuple[str, str, int]]"));
  module.def("mark_batch_", &MarkBatch, "markers"_a, "logits"_a, "windows"_a.none(), "states"_a.none(), "rows"_a, "mode"_a, "scale"_a.none(), "threads"_a,
             nb::sig("def mark_batch_(markers: Sequence[Marker | None], logits: object, windows: object, states: object, rows: object, mode: str, "
                     "scale: object, threads: int) -> None"));
  module.def("mask_batch", &MaskBatch, "markers"_a, "windows"_a.none(), "states"_a.none(), "rows"_a, "out"_a, "threads"_a,
             nb::sig("def mask_batch(markers: Sequence[Marker | None], windows: object, states: object, rows: object, out: object, threads: int) -> None"));

  nb::class_<PythonHistory>(module, "History", "The windows of one answer, so that `repeated` costs the same at any length. It holds the user's text.")
      .def("__init__", [](PythonHistory* self, size_t h) { new (self) PythonHistory(MakeHistory(h)); }, "h"_a)
      .def("push", &Push, "ids"_a, "Appends ids.", nb::sig("def push(self, ids: object) -> None"))
      .def("truncate", &Truncate, "n"_a, "Goes back to the first n ids.")
      .def("clone", &CloneHistory, "A copy that goes its own way.")
      .def("__copy__", &CloneHistory)
      .def("__deepcopy__", [](const PythonHistory& self, nb::handle) { return CloneHistory(self); }, "memo"_a)
      .def("peek", &Peek, "drafts"_a = nb::tuple(),
           "Windows and states of the next position and of those after each draft, as a batch takes them: uint32 [n+1, h],\n"
           "uint8 [n+1]; 1 new, 2 repeated, 3 short. Changes nothing.",
           nb::sig("def peek(self, drafts: object = ()) -> tuple[NDArray[numpy.uint32], NDArray[numpy.uint8]]"))
      .def("write", &WriteHistory, "As bytes: the user's text, protect it as such.")
      .def_static("read", &ReadHistory, "data"_a)
      .def_prop_ro("window", [](const PythonHistory& self) { return self.handle->history.window(); })
      .def("__len__", [](const PythonHistory& self) { return vdg_history_length(self.handle.get()); });
}

}  // namespace verdigris::python
