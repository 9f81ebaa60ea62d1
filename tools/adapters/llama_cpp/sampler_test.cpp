// The sampler in real chains of llama.cpp, over rows of our own: no model is loaded (serving.md S8: C1, C5, C6, C7, C10, C13).
//
//   sampler_test PROFILE.json KEY...       a profile of 64 ids, green, h 2, with id 0 special
//
// What is expected comes from vdg_mark over the replayed ids, which the tests of watermark/ hold against the reference.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "verdigris_marker.h"
#include "verdigris_sampler.h"

namespace {

constexpr int32_t kVocab = 64;
constexpr llama_token kEnd = 1;
int failures = 0;

void Expect(bool holds, const char* what, int line) {
  if (holds) return;
  std::fprintf(stderr, "sampler_test.cpp:%d: %s\n", line, what);
  ++failures;
}
#define EXPECT(condition) Expect((condition), #condition, __LINE__)

using Row = std::vector<llama_token_data>;

// In an order that is not that of the ids, as samplers before us leave it.
Row MakeRow(int number) {
  Row row;
  for (int32_t i = 0; i < kVocab; ++i) {
    const int32_t id = (i * 37 + number) % kVocab;
    row.push_back({id, std::sin(static_cast<float>(id * (number % 7 + 1))), 0});
  }
  return row;
}

struct Chain {
  llama_sampler* chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
  llama_sampler* mark = nullptr;

  Chain() = default;
  explicit Chain(const vdg_marker* marker, std::vector<llama_token> split = {}, std::vector<llama_token> hidden = {}) {
    verdigris_llama_policy policy{sizeof(verdigris_llama_policy), kEnd, split.data(), split.size(), hidden.data(), hidden.size()};
    mark = verdigris_llama_init(marker, &policy, nullptr);
    llama_sampler_chain_add(chain, mark);
    llama_sampler_chain_add(chain, llama_sampler_init_dist(1));
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  ~Chain() { llama_sampler_free(chain); }

  verdigris_llama_result Status() const {
    verdigris_llama_result result;
    verdigris_llama_status(mark, &result);
    return result;
  }
  // The mark alone, without the draw.
  Row Applied(Row row) const {
    llama_token_data_array array{row.data(), row.size(), -1, true};
    llama_sampler_apply(mark, &array);
    EXPECT(!array.sorted);
    row.resize(array.size);
    return row;
  }
  llama_token Draw(Row row) const {
    llama_token_data_array array{row.data(), row.size(), -1, false};
    llama_sampler_apply(chain, &array);
    return array.data[array.selected].id;
  }
};

Row Expected(const vdg_marker* marker, const std::vector<uint32_t>& output, Row row, int32_t* state) {
  vdg_row view{};
  view.size = sizeof view;
  view.mode = VDG_MODE_DISTRIBUTION;
  view.dtype = VDG_DTYPE_F32;
  view.logits = &row[0].logit;
  view.ids = &row[0].id;
  view.count = row.size();
  view.logit_stride = view.id_stride = sizeof row[0];
  vdg_price price{};
  price.size = sizeof price;
  EXPECT(vdg_mark(marker, output.data(), output.size(), VDG_REPEAT_FIND, &view, &price, nullptr) == VDG_OK);
  *state = price.state;
  return row;
}

bool Same(const Row& a, const Row& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof a[0]) == 0; }

// One position: the row is that of a replay, twice over, since a grammar miss applies twice; then the id is accepted.
void Step(const Chain& chain, const vdg_marker* marker, std::vector<uint32_t>& output, llama_token id) {
  const Row row = MakeRow(static_cast<int>(output.size()));
  int32_t state = 0;
  const Row expected = Expected(marker, output, row, &state);
  EXPECT(Same(chain.Applied(row), expected));
  EXPECT(Same(chain.Applied(row), expected));
  EXPECT(chain.Status().state == state);
  llama_sampler_accept(chain.chain, id);
  output.push_back(static_cast<uint32_t>(id));
}

void PromptAndRepeats(const vdg_marker* marker) {
  const Chain chain(marker);
  vdg_error err;
  EXPECT(verdigris_llama_check_chain(chain.chain, &err) == VDG_OK);
  EXPECT(std::strcmp(llama_sampler_name(chain.mark), "verdigris") == 0);
  for (int answer = 0; answer < 2; ++answer) {
    llama_sampler_reset(chain.chain);
    // The prompt ends like a later window; -1 and ids beyond the vocabulary do not matter in it.
    for (const llama_token id : {-1, 1 << 25, 5, 6}) llama_sampler_accept(chain.chain, id);
    std::vector<uint32_t> output;
    for (int i = 0; i < 100; ++i) Step(chain, marker, output, i == 40 ? 0 : 5 + i % 50);
    const auto result = chain.Status();
    EXPECT(result.code == VDG_OK);
    EXPECT(result.states[VDG_STATE_SHORT] == 2);
    EXPECT(result.states[VDG_STATE_SPECIAL] == 2);
    EXPECT(result.states[VDG_STATE_REPEATED] > 40);
    uint64_t sum = 0;
    for (const uint64_t n : result.states) sum += n;
    EXPECT(sum == 100);
    EXPECT(result.kl_qp > 0);
  }
}

void CloneAndCopy(const vdg_marker* marker) {
  const Chain chain(marker);
  std::vector<uint32_t> output;
  for (int i = 0; i < 20; ++i) Step(chain, marker, output, 2 + i % 9);
  Chain other;
  llama_sampler_free(other.chain);
  other.chain = llama_sampler_clone(chain.chain);
  other.mark = llama_sampler_chain_get(other.chain, 0);
  std::vector<uint32_t> branch = output;
  for (int i = 0; i < 20; ++i) Step(other, marker, branch, 12 + i % 9);
  for (int i = 0; i < 20; ++i) Step(chain, marker, output, 22 + i % 9);  // unmoved by its clone
  // Back to where it was when it was copied: what llama-server does with drafts.
  llama_sampler* const saved = llama_sampler_clone(chain.mark);
  const std::vector<uint32_t> at_copy = output;
  for (int i = 0; i < 5; ++i) Step(chain, marker, output, 40 + i);
  llama_sampler_copy(saved, chain.mark);
  output = at_copy;
  for (int i = 0; i < 20; ++i) Step(chain, marker, output, 50 - i);
  llama_sampler_free(saved);
}

void SplitAndHidden(const vdg_marker* marker) {
  const Chain chain(marker, {7}, {9});
  for (const llama_token id : {20, 21, 22}) {
    const Row row = MakeRow(id);
    EXPECT(Same(chain.Applied(row), row));
    EXPECT(chain.Status().state == VDG_STATE_OFF);
    llama_sampler_accept(chain.chain, id);
  }
  llama_sampler_accept(chain.chain, 9);
  std::vector<uint32_t> output;
  for (int i = 0; i < 10; ++i) Step(chain, marker, output, 30 + i);
  Step(chain, marker, output, 7);
  output.clear();
  for (int i = 0; i < 10; ++i) Step(chain, marker, output, 30 + i);  // new again
  EXPECT(chain.Status().states[VDG_STATE_REPEATED] == 0);
}

void Faults(const vdg_marker* marker) {
  const Chain chain(marker);
  std::vector<uint32_t> output;
  for (int i = 0; i < 5; ++i) Step(chain, marker, output, 10 + i);
  Row bad = MakeRow(1);
  bad[3].logit = std::nanf("");
  EXPECT(chain.Draw(bad) == kEnd);
  EXPECT(chain.Status().code == VDG_INVALID_ARGUMENT);
  EXPECT(std::strlen(chain.Status().message) > 0);
  EXPECT(chain.Draw(MakeRow(2)) == kEnd);  // and so on until the reset
  llama_sampler_reset(chain.chain);
  EXPECT(chain.Status().code == VDG_OK);
  chain.Applied(MakeRow(0));
  llama_sampler_accept(chain.chain, -1);  // a placeholder in the output
  EXPECT(chain.Status().code == VDG_INVALID_ARGUMENT);
  EXPECT(chain.Draw(MakeRow(2)) == kEnd);
}

void Refusals(const vdg_marker* marker) {
  vdg_error err;
  verdigris_llama_policy policy{};
  policy.size = sizeof policy;
  policy.end_id = -1;
  EXPECT(verdigris_llama_init(marker, &policy, &err) == nullptr && err.code == VDG_INVALID_ARGUMENT);
  policy.end_id = kEnd;
  EXPECT(verdigris_llama_init(nullptr, &policy, &err) == nullptr && err.code == VDG_INVALID_ARGUMENT);
  policy.size = 3;
  EXPECT(verdigris_llama_init(marker, &policy, &err) == nullptr && err.code == VDG_INVALID_ARGUMENT);
  Chain without;
  llama_sampler_chain_add(without.chain, llama_sampler_init_dist(1));
  EXPECT(verdigris_llama_check_chain(without.chain, &err) == VDG_FAILED_PRECONDITION);
  EXPECT(verdigris_llama_status(llama_sampler_chain_get(without.chain, 0), nullptr) == VDG_INVALID_ARGUMENT);
  const Chain after(marker);
  llama_sampler_chain_add(after.chain, llama_sampler_init_temp(1));
  EXPECT(verdigris_llama_check_chain(after.chain, &err) == VDG_NOT_SUPPORTED);
  llama_sampler* const drawing[] = {llama_sampler_init_greedy(), llama_sampler_init_mirostat(kVocab, 1, 5, .1F, 100),
                                    llama_sampler_init_mirostat_v2(1, 5, .1F), llama_sampler_init_adaptive_p(.5F, .9F, 1)};
  for (llama_sampler* sampler : drawing) {
    const Chain chain(marker);
    llama_sampler_chain_add(chain.chain, sampler);
    EXPECT(verdigris_llama_check_chain(chain.chain, &err) == VDG_NOT_SUPPORTED);
    EXPECT(std::strstr(err.message, "draws by itself") != nullptr);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) return std::fprintf(stderr, "sampler_test PROFILE.json KEY...\n"), 2;
  const auto marker = verdigris::llama::LoadMarker(argv[1], {argv + 2, argv + argc}, kVocab);
  PromptAndRepeats(marker.get());
  CloneAndCopy(marker.get());
  SplitAndHidden(marker.get());
  Faults(marker.get());
  Refusals(marker.get());
  return failures == 0 ? 0 : 1;
} catch (const std::exception& error) {
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
