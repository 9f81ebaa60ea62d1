// A sampler of llama.cpp that marks the candidates it is given (serving.md S6).
//
// llama_sampler_i has grown and will grow again: members are set by name, and those that we do not have stay NULL. There is
// no backend_init, so the device never runs us, nor the `dist` behind us. The interface carries no errors: a fault leaves
// one candidate, the end of the answer.
#include "verdigris_sampler.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string_view>
#include <vector>

namespace {

static_assert(sizeof(llama_token) == sizeof(uint32_t));

constexpr char kName[] = "verdigris";

int32_t Fail(vdg_error* err, int32_t code, const char* format, const char* what = "") {
  if (err != nullptr) {
    err->code = code;
    err->row = -1;
    std::snprintf(err->message, sizeof err->message, format, what);
  }
  return code;
}

class History {
 public:
  explicit History(vdg_history* handle = nullptr) : handle_(handle) {}
  History(const History&) = delete;
  History& operator=(const History&) = delete;
  ~History() { vdg_history_free(handle_); }
  vdg_history* get() const { return handle_; }
  vdg_history** out() { return &handle_; }

 private:
  vdg_history* handle_;
};

struct Sampler {
  const vdg_marker* marker;
  size_t window;
  llama_token end_id;
  std::vector<llama_token> split_ids, hidden_until;

  History history;
  bool started = false;  // the first apply was seen: what is accepted from now on is output
  bool hidden = false;   // and not delivered yet
  vdg_price price{};     // of the last apply
  verdigris_llama_result result{};

  void Clear() {
    vdg_history_truncate(history.get(), 0, nullptr);
    started = false;
    hidden = !hidden_until.empty();
    price = {};
    result = {};
    result.size = sizeof result;
  }
};

// `from` without its history.
Sampler* NewSampler(const Sampler& from) {
  return new Sampler{from.marker, from.window, from.end_id, from.split_ids, from.hidden_until, History(), from.started, from.hidden, from.price, from.result};
}

bool IsIn(const std::vector<llama_token>& ids, llama_token id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }

Sampler& Of(const llama_sampler* sampler) { return *static_cast<Sampler*>(sampler->ctx); }

const char* Name(const llama_sampler*) { return kName; }

void Fault(Sampler& s, int32_t code, const char* message) {
  if (s.result.code != VDG_OK) return;
  s.result.code = code;
  std::snprintf(s.result.message, sizeof s.result.message, "%s", message);
}

void Accept(llama_sampler* sampler, llama_token token) {
  Sampler& s = Of(sampler);
  if (!s.started || s.result.code != VDG_OK) return;
  if (s.hidden) {
    s.hidden = !IsIn(s.hidden_until, token);
    return;
  }
  ++s.result.states[s.price.state];
  if (s.price.has_masses != 0) s.result.kl_qp += s.price.kl_qp;
  // A token that is accepted without a row of its own, as drafts are, is told apart by having no state.
  s.price = {};
  vdg_error err;
  const auto id = static_cast<uint32_t>(token);
  const int32_t code = IsIn(s.split_ids, token) ? vdg_history_truncate(s.history.get(), 0, &err) : vdg_history_push(s.history.get(), &id, 1, &err);
  if (code != VDG_OK) Fault(s, code, err.message);
}

int32_t Mark(Sampler& s, llama_token_data_array& candidates, vdg_error& err) {
  s.price = {};
  s.price.size = sizeof s.price;
  if (s.hidden) {
    s.price.state = VDG_STATE_OFF;
    return VDG_OK;
  }
  uint32_t window[VDG_MAX_WINDOW];
  uint8_t state = 0;
  if (const int32_t code = vdg_history_peek(s.history.get(), nullptr, 0, window, &state, &err); code != VDG_OK) return code;
  if (candidates.size == 0) return Fail(&err, VDG_INVALID_ARGUMENT, "no candidates are left");
  vdg_row row{};
  row.size = sizeof row;
  row.mode = VDG_MODE_DISTRIBUTION;
  row.dtype = VDG_DTYPE_F32;
  row.logits = &candidates.data[0].logit;
  row.ids = &candidates.data[0].id;
  row.count = candidates.size;
  row.logit_stride = row.id_stride = sizeof candidates.data[0];
  const size_t n = state == VDG_WINDOW_SHORT ? 0 : s.window;
  return vdg_mark(s.marker, window, n, state == VDG_WINDOW_REPEATED ? VDG_REPEAT_REPEATED : VDG_REPEAT_NEW, &row, &s.price, &err);
}

void Apply(llama_sampler* sampler, llama_token_data_array* candidates) {
  Sampler& s = Of(sampler);
  s.started = true;
  if (s.result.code == VDG_OK) {
    vdg_error err;
    if (const int32_t code = Mark(s, *candidates, err); code != VDG_OK) Fault(s, code, err.message);
  }
  if (s.result.code != VDG_OK) {
    // Whether or not truncation has left the end among the candidates. llama.cpp's arrays have room for the vocabulary.
    candidates->data[0] = {s.end_id, 0.0F, 1.0F};
    candidates->size = 1;
    candidates->selected = -1;
    s.price = {};
  }
  s.result.state = s.price.state;
  candidates->sorted = false;
}

void Reset(llama_sampler* sampler) { Of(sampler).Clear(); }

llama_sampler_i* Interface();

llama_sampler* Clone(const llama_sampler* sampler) try {
  const Sampler& s = Of(sampler);
  Sampler* copy = NewSampler(s);
  vdg_error err;
  if (vdg_history_clone(s.history.get(), copy->history.out(), &err) != VDG_OK) Fault(*copy, err.code, err.message);
  return llama_sampler_init(Interface(), copy);
} catch (const std::bad_alloc&) {
  return nullptr;
}

void Free(llama_sampler* sampler) { delete &Of(sampler); }

// One for all: llama_sampler_copy takes two samplers for of one kind where their interfaces are one.
llama_sampler_i* Interface() {
  static llama_sampler_i interface = [] {
    llama_sampler_i members{};
    members.name = Name;
    members.accept = Accept;
    members.apply = Apply;
    members.reset = Reset;
    members.clone = Clone;
    members.free = Free;
    return members;
  }();
  return &interface;
}

bool IsOurs(const llama_sampler* sampler) { return sampler != nullptr && sampler->iface == Interface(); }

}  // namespace

struct llama_sampler* verdigris_llama_init(const vdg_marker* marker, const verdigris_llama_policy* policy, vdg_error* err) try {
  if (marker == nullptr || policy == nullptr) return Fail(err, VDG_INVALID_ARGUMENT, "marker and policy must be given"), nullptr;
  if (policy->size != sizeof *policy) return Fail(err, VDG_INVALID_ARGUMENT, "policy.size must be sizeof(verdigris_llama_policy)"), nullptr;
  if (policy->end_id < 0) return Fail(err, VDG_INVALID_ARGUMENT, "policy.end_id must be a token: faults end the answer with it"), nullptr;
  if ((policy->split_n != 0 && policy->split_ids == nullptr) || (policy->hidden_n != 0 && policy->hidden_until == nullptr)) {
    return Fail(err, VDG_INVALID_ARGUMENT, "policy.split_ids and hidden_until must be given where their number is not 0"), nullptr;
  }
  char window[16];
  if (vdg_marker_get(marker, "window", window, sizeof window, nullptr, err) != VDG_OK) return nullptr;
  Sampler fresh{marker,
                static_cast<size_t>(std::strtoul(window, nullptr, 10)),
                policy->end_id,
                {policy->split_ids, policy->split_ids + policy->split_n},
                {policy->hidden_until, policy->hidden_until + policy->hidden_n},
                History()};
  Sampler* s = NewSampler(fresh);
  if (vdg_history_new(s->window, s->history.out(), err) != VDG_OK) return delete s, nullptr;
  s->Clear();
  return llama_sampler_init(Interface(), s);
} catch (const std::bad_alloc&) {
  return Fail(err, VDG_NO_MEMORY, "out of memory"), nullptr;
}

int32_t verdigris_llama_check_chain(struct llama_sampler* chain, vdg_error* err) {
  if (chain == nullptr) return Fail(err, VDG_INVALID_ARGUMENT, "chain must be given");
  const int32_t n = llama_sampler_chain_n(chain);
  int32_t ours = -1;
  for (int32_t i = 0; i < n; ++i) {
    const llama_sampler* sampler = llama_sampler_chain_get(chain, i);
    const std::string_view name = llama_sampler_name(sampler);
    if (name.substr(0, 8) == "mirostat" || name == "adaptive-p" || name == "greedy") {
      return Fail(err, VDG_NOT_SUPPORTED, "sampler %s draws by itself, without the mark: take it out of the chain", llama_sampler_name(sampler));
    }
    if (IsOurs(sampler)) {
      if (ours >= 0) return Fail(err, VDG_NOT_SUPPORTED, "sampler %s is in the chain twice", kName);
      ours = i;
    }
  }
  if (ours < 0) return Fail(err, VDG_FAILED_PRECONDITION, "sampler %s is not in the chain", kName);
  if (ours != n - 2 || std::string_view(llama_sampler_name(llama_sampler_chain_get(chain, n - 1))) != "dist") {
    return Fail(err, VDG_NOT_SUPPORTED, "sampler %s must stand just before a last sampler dist", kName);
  }
  return VDG_OK;
}

int32_t verdigris_llama_status(const struct llama_sampler* sampler, verdigris_llama_result* result) {
  if (!IsOurs(sampler)) return VDG_INVALID_ARGUMENT;
  const Sampler& s = Of(sampler);
  if (result != nullptr) *result = s.result;
  return s.result.code;
}
