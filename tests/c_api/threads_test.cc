// 64 threads on one marker give the bytes of one thread: masks, marked rows, batches and scores. Run it under the
// thread sanitizer; without one it still finds shared buffers.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/c_api/fixture.h"
#include "watermark/verdigris.h"

namespace {

constexpr int kThreads = 64, kRounds = 4, kTasks = 16;
constexpr size_t kVocab = 32000, kMaskBytes = 4000, kText = 60;

vdg_marker* MakeMarker() {
  vdg_profile* profile = nullptr;
  vdg_key* keys[3] = {};
  const char* const texts[] = {kProvider, kSelector, kAccount7};
  vdg_marker* marker = nullptr;
  vdg_profile_parse(kProfile, std::strlen(kProfile), &profile, nullptr);
  for (int i = 0; i < 3; ++i) vdg_key_parse(texts[i], std::strlen(texts[i]), nullptr, 0, &keys[i], nullptr);
  vdg_marker_new(profile, keys, 3, nullptr, 0, &marker, nullptr);
  vdg_profile_free(profile);
  for (vdg_key* key : keys) vdg_key_free(key);
  return marker;
}

// Everything that task `task` gives, one after the other; empty where a call fails.
std::vector<uint8_t> Work(const vdg_marker* marker, uint32_t task) {
  std::vector<uint8_t> result;
  const auto append = [&](const void* data, size_t bytes) {
    const auto* from = static_cast<const uint8_t*>(data);
    result.insert(result.end(), from, from + bytes);
  };
  uint32_t text[kText];
  for (uint32_t i = 0; i < kText; ++i) text[i] = 3 + (task * 977 + i * i * 31 + i * 7) % 400;

  std::vector<uint8_t> mask(kMaskBytes);
  vdg_price price{};
  price.size = sizeof price;
  if (vdg_mask(marker, text, kText, VDG_REPEAT_FIND, mask.data(), mask.size(), &price, nullptr) != VDG_OK) return {};
  append(mask.data(), mask.size());
  append(&price, sizeof price);

  // A packed row is marked in place, a strided one through a workspace.
  std::vector<float> logits(2 * kVocab);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>((i * 37 + task) % 101) / 8;
  for (const size_t stride : {size_t{4}, size_t{8}}) {
    vdg_row row{};
    row.size = sizeof row;
    row.mode = VDG_MODE_DISTRIBUTION;
    row.dtype = VDG_DTYPE_F32;
    row.logits = logits.data();
    row.count = kVocab;
    row.logit_stride = stride;
    if (vdg_mark(marker, text, 2 + task, VDG_REPEAT_NEW, &row, &price, nullptr) != VDG_OK) return {};
    append(&price, sizeof price);
  }
  append(logits.data(), 4 * logits.size());

  vdg_score each[kText]{};
  vdg_total totals[2]{};
  each[0].size = sizeof each[0];
  totals[0].size = sizeof totals[0];
  if (vdg_score_sequence(marker, text, kText, VDG_RULE_FIRST, each, totals, nullptr) != VDG_OK) return {};
  append(each, sizeof each);
  append(totals, sizeof totals);

  const vdg_marker* markers[4] = {marker, marker, nullptr, marker};
  const uint8_t states[4] = {VDG_WINDOW_NEW, VDG_WINDOW_NEW, VDG_WINDOW_NEW, VDG_WINDOW_REPEATED};
  std::vector<uint8_t> masks(4 * kMaskBytes);
  vdg_batch batch{};
  batch.size = sizeof batch;
  batch.threads = task % 4 == 0 ? 3 : 1;
  batch.rows = 4;
  batch.markers = markers;
  batch.windows = text;
  batch.states = states;
  if (vdg_mask_batch(&batch, masks.data(), 0, nullptr, nullptr) != VDG_OK) return {};
  append(masks.data(), masks.size());
  return result;
}

}  // namespace

int main() {
  vdg_marker* marker = MakeMarker();
  std::vector<std::vector<uint8_t>> wanted;
  for (uint32_t task = 0; task < kTasks; ++task) wanted.push_back(Work(marker, task));
  // Another marker of the same keys, so that the pools start empty under all threads at once.
  vdg_marker_free(marker);
  marker = MakeMarker();
  std::atomic<int> wrong{0}, same{0};
  std::atomic<bool> start{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      while (!start) std::this_thread::yield();
      for (int round = 0; round < kRounds; ++round) {
        const auto task = static_cast<uint32_t>((t + round * 5) % kTasks);
        const bool equal = !wanted[task].empty() && Work(marker, task) == wanted[task];
        ++(equal ? same : wrong);
      }
    });
  }
  start = true;
  for (std::thread& thread : threads) thread.join();
  vdg_marker_free(marker);
  std::printf("%d passed, %d failed\n", same.load(), wrong.load());
  return wrong == 0 && same == kThreads * kRounds ? 0 : 1;
}
