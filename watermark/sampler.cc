// Candidates are kept as (id, logit) in binary64 and handed to the marker as a candidate list, in ascending order of
// id, so that a draw for one uniform number is the same whatever way the list was cut.
//
// Tested by tests/watermark/sampler_test.cc.
#include "watermark/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace verdigris {
namespace {

Unexpected OutOfRange(const char* name, const char* range, double got) {
  return Fail(ErrorKind::kInvalidArgument, std::string(name) + " must be in " + range + ", got " + std::to_string(got));
}

// Temperature 0: the likeliest id, or under zero_temperature `argmax` the likeliest after delta on the green list.
Result<Drawn> DrawGreedy(std::span<const float> logits, float max, const Marker* marker, std::span<const uint32_t> output,
                         Repeat repeat, SamplerBuffers& buffers) {
  Drawn drawn;
  const auto argmax = static_cast<size_t>(std::find(logits.begin(), logits.end(), max) - logits.begin());
  drawn.id = static_cast<uint32_t>(argmax);
  if (marker == nullptr) return drawn;
  if (!marker->profile().sampler().argmax_at_zero_temperature) {
    VERDIGRIS_ASSIGN_OR_RETURN(drawn.price, marker->Locate(output, repeat));
    if (drawn.price.state == MarkState::kMarked) drawn.price = {MarkState::kNoChoice, Layer::kNone, {}};
    return drawn;
  }
  buffers.mask.resize(marker->mask_bytes());
  VERDIGRIS_ASSIGN_OR_RETURN(drawn.price, marker->Mask(output, repeat, buffers.mask));
  if (drawn.price.state != MarkState::kMarked) return drawn;
  const double delta = marker->profile().delta_nats();
  double best = -std::numeric_limits<double>::infinity();
  for (size_t id = 0; id < logits.size(); ++id) {
    const bool green = id < marker->profile().vocab() && (buffers.mask[id >> 3] >> (id & 7) & 1);
    const double value = logits[id] + (green ? delta : 0);
    if (value > best) {
      best = value;
      drawn.id = static_cast<uint32_t>(id);
    }
  }
  drawn.greedy_gap_nats = static_cast<double>(max) - logits[drawn.id];
  return drawn;
}

// Keeps the likeliest candidates in `order` (indices into logits, likeliest first, ties to the smaller id).
void SortByLogit(const std::vector<double>& logits, size_t keep, std::vector<uint32_t>& order) {
  const auto likelier = [&](uint32_t a, uint32_t b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); };
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(keep), order.end(), likelier);
  order.resize(keep);
}

}  // namespace

Result<void> CheckSamplingOptions(const SamplingOptions& options) {
  if (!(options.temperature >= 0 && options.temperature <= 100)) return OutOfRange("temperature", "[0,100]", options.temperature);
  if (!(options.top_p > 0 && options.top_p <= 1)) return OutOfRange("top_p", "(0,1]", options.top_p);
  if (!(options.min_p >= 0 && options.min_p <= 1)) return OutOfRange("min_p", "[0,1]", options.min_p);
  return {};
}

Result<Drawn> DrawToken(std::span<const float> logits, const SamplingOptions& options, const Marker* marker,
                        std::span<const uint32_t> output, Repeat repeat, double uniform, SamplerBuffers& buffers) {
  VERDIGRIS_RETURN_IF_ERROR(CheckSamplingOptions(options));
  if (logits.empty()) return Fail(ErrorKind::kInvalidArgument, "there are no logits");
  if (!(uniform >= 0 && uniform < 1)) return OutOfRange("uniform", "[0,1)", uniform);
  VERDIGRIS_ASSIGN_OR_RETURN(const RowScan<float> scan, ScanRow(logits.data(), logits.size()));
  if (options.temperature == 0) return DrawGreedy(logits, scan.max, marker, output, repeat, buffers);

  auto& ids = buffers.ids;
  auto& values = buffers.logits;
  ids.clear();
  values.clear();
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] == -std::numeric_limits<float>::infinity()) continue;
    ids.push_back(static_cast<uint32_t>(id));
    values.push_back((static_cast<double>(logits[id]) - scan.max) / options.temperature);
  }
  if (options.min_p > 0 || options.top_p < 1 || (options.top_k > 0 && options.top_k < ids.size())) {
    auto& order = buffers.order;
    order.resize(ids.size());
    std::iota(order.begin(), order.end(), 0);
    size_t keep = options.top_k > 0 ? std::min<size_t>(options.top_k, order.size()) : order.size();
    SortByLogit(values, keep, order);
    if (options.top_p < 1) {
      double total = 0, sum = 0;
      for (const uint32_t i : order) total += std::exp(values[i]);
      for (keep = 0; keep < order.size() && sum < options.top_p * total; ++keep) sum += std::exp(values[order[keep]]);
      order.resize(std::max<size_t>(keep, 1));
    }
    if (options.min_p > 0) {
      const double least = std::log(options.min_p);  // the likeliest has value 0
      std::erase_if(order, [&](uint32_t i) { return values[i] < least; });
    }
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < order.size(); ++i) {
      ids[i] = ids[order[i]];
      values[i] = values[order[i]];
    }
    ids.resize(order.size());
    values.resize(order.size());
  }

  double mass = 0;
  for (const double value : values) mass += std::exp(value);
  const double ln_mass = std::log(mass);
  Drawn drawn;
  std::vector<double>& ln_p = values;
  for (double& value : ln_p) value -= ln_mass;
  if (marker != nullptr) {
    const Row row{LogitType::kF64, ln_p.data(), ln_p.size(), 0, ids.data(), 0};
    VERDIGRIS_ASSIGN_OR_RETURN(drawn.price, marker->Mark(output, repeat, Mode::kDistribution, row));
  }
  // The last candidate takes what rounding leaves over.
  size_t chosen = 0;
  double sum = 0;
  for (size_t i = 0; i < ln_p.size(); ++i) {
    const double q = std::exp(ln_p[i]);
    if (q > 0) chosen = i;
    sum += q;
    if (uniform < sum) break;
  }
  drawn.id = ids[chosen];
  drawn.log_p = (static_cast<double>(logits[drawn.id]) - scan.max) / options.temperature - ln_mass;
  return drawn;
}

}  // namespace verdigris
