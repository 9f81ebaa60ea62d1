// The weights of the pocket model, in the layout in which they are used.
#pragma once

#include <vector>

#include <Eigen/Core>

#include "tools/pocket_lm/config.h"
#include "tools/pocket_lm/panels.h"
#include "tools/pocket_lm/safetensors.h"
#include "watermark/result.h"

namespace verdigris::pocket {

struct Layer {
  Eigen::VectorXf attention_norm;
  Panels query_key_value;  // three matrices, one above the other
  Panels attention_out;
  Eigen::VectorXf ffn_norm;
  Panels gate_up;  // two
  Panels down;
};

struct Weights {
  Config config;
  Panels embedding;  // a row a token; also gives the logits
  std::vector<Layer> layers;
  Eigen::VectorXf norm;
  // Rotary position embedding: a column a position, a row a pair of coordinates of a head.
  Eigen::MatrixXf cosines;
  Eigen::MatrixXf sines;
};

// Errors   kMismatch: a tensor is missing, has another shape, or is one too many. kMalformed: a number that is not
//          finite.
Result<Weights> MakeWeights(const Config& config, const Tensors& tensors);

}  // namespace verdigris::pocket
