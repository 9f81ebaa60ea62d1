// From logits to the next token: temperature, top-k, top-p, min-p, then the mark, then the draw (native-schemes.md
// N10.1). The mark is the last change, so its price is exactly the distance to what the client would have got.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "watermark/marker.h"
#include "watermark/result.h"

namespace verdigris {

struct SamplingOptions {
  double temperature = 1;  // 0: greedy
  uint32_t top_k = 0;      // 0: all
  double top_p = 1;        // smallest set of likeliest ids with at least this mass
  double min_p = 0;        // ids below this share of the likeliest one's probability are dropped
};

// kInvalidArgument "temperature must be in [0,100], got x" and the like.
Result<void> CheckSamplingOptions(const SamplingOptions& options);

struct Drawn {
  uint32_t id = 0;
  Price price;
  double log_p = 0;           // ln P(id), before the mark: what a client may be told
  double greedy_gap_nats = 0; // temperature 0 with zero_temperature argmax: logit given up for the mark
};

// Reusable buffers; one user at a time. Nothing in them changes a result.
struct SamplerBuffers {
  std::vector<double> logits;
  std::vector<uint32_t> ids;
  std::vector<uint32_t> order;
  std::vector<uint8_t> mask;
};

// Draws one token.
//
// Shapes   logits: one a vocabulary id (index = id), -inf for absent ones; output: ids of this answer so far.
// Units    logits in nats; uniform in [0,1), fresh randomness for each call.
// marker   null: unmarked.
// Errors   kInvalidArgument: options, NaN or +inf, no finite logit; what Marker::Mark says.
// Cost     one exponential a candidate; a partial sort where top-k or top-p is on.
Result<Drawn> DrawToken(std::span<const float> logits, const SamplingOptions& options, const Marker* marker,
                        std::span<const uint32_t> output, Repeat repeat, double uniform, SamplerBuffers& buffers);

}  // namespace verdigris
