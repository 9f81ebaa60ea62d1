// One draw from a row of logits, and what became of its position.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "watermark/marker.h"
#include "watermark/sampler.h"

namespace verdigris::python {

struct PythonDrawn {
  uint32_t id;
  int state;
  int layer;
  double nats;
};

Error IdOutOfRange(uint32_t id, size_t vocab);

// Draws from `row`, to which the biases are added in place.
// Errors (raised)   those of DrawToken; kInvalidArgument for an id of a bias that the row does not have.
PythonDrawn DrawFrom(std::span<float> row, const std::map<uint32_t, double>& bias, const SamplingOptions& sampling, const Marker* marker,
                     std::span<const uint32_t> output, Repeat repeat, double uniform, SamplerBuffers& buffers);

}  // namespace verdigris::python
