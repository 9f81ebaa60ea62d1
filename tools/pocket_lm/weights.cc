// From tensors with the names of Hugging Face transformers to the matrices that session.cc multiplies with. Matrices
// that are applied to the same vector are stacked, so that one product does the work of two or three.
//
// Tested by tests/tools/pocket_lm_test.cc.
#include "tools/pocket_lm/weights.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/pocket_lm/strict_json.h"

namespace verdigris::pocket {
namespace {

// Takes tensors by name and remembers the first thing that was wrong, so that a list of them reads as a list.
class Taker {
 public:
  explicit Taker(const Tensors& tensors) : tensors_(tensors) {}

  // Stacks the named matrices, each rows x columns, one above the other.
  Panels Stack(std::initializer_list<std::string> names, size_t rows, size_t columns) {
    // All are there in full before memory is taken.
    for (const std::string& name : names) Check(name, {rows, columns});
    Panels stack(columns);
    if (error_) return stack;
    stack.Reserve(rows * names.size());
    for (const std::string& name : names) {
      const std::vector<float> numbers = Convert(name);
      for (size_t row = 0; row < rows; ++row) stack.AppendRow(numbers.data() + row * columns);
    }
    return stack;
  }

  Eigen::VectorXf Vector(const std::string& name, size_t size) {
    Check(name, {size});
    if (error_) return {};
    const std::vector<float> numbers = Convert(name);
    return Eigen::Map<const Eigen::VectorXf>(numbers.data(), static_cast<Eigen::Index>(size));
  }

  Result<void> Finish() {
    if (error_) return Unexpected(*error_);
    for (const auto& [name, tensor] : tensors_) {
      if (!taken_.contains(name))
        return Fail(ErrorKind::kMismatch, "tensor " + Quoted(name) + " has no place in this model");
    }
    return {};
  }

 private:
  static std::string Text(const std::vector<uint64_t>& shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(shape[i]);
    return text + "]";
  }

  void Check(const std::string& name, const std::vector<uint64_t>& shape) {
    if (error_) return;
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      error_ = Error{ErrorKind::kMismatch, "tensor '" + name + "' is missing"};
    } else if (found->second.shape != shape) {
      error_ = Error{ErrorKind::kMismatch,
                     "tensor '" + name + "' must have shape " + Text(shape) + ", has " + Text(found->second.shape)};
    }
  }

  std::vector<float> Convert(const std::string& name) {
    const Tensor& tensor = tensors_.find(name)->second;
    std::vector<float> numbers(tensor.size);
    ToFloat32(tensor, numbers);
    taken_.insert(name);
    if (!std::all_of(numbers.begin(), numbers.end(), [](float number) { return std::isfinite(number); })) {
      error_ = Error{ErrorKind::kMalformed, "tensor '" + name + "' has a number that is not finite"};
    }
    return numbers;
  }

  const Tensors& tensors_;
  std::set<std::string, std::less<>> taken_;
  std::optional<Error> error_;
};

// In float32 and in this order, as transformers computes them: at position 500 the rounding of the angle is visible.
void FillRotations(Weights& weights) {
  const size_t width = weights.config.head_width();
  const auto pairs = static_cast<Eigen::Index>(width / 2),
             positions = static_cast<Eigen::Index>(weights.config.context);
  weights.cosines.resize(pairs, positions);
  weights.sines.resize(pairs, positions);
  for (Eigen::Index pair = 0; pair < pairs; ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(width);
    const float frequency = 1 / std::pow(weights.config.rope_theta, exponent);
    for (Eigen::Index position = 0; position < positions; ++position) {
      const float angle = static_cast<float>(position) * frequency;
      weights.cosines(pair, position) = std::cos(angle);
      weights.sines(pair, position) = std::sin(angle);
    }
  }
}

}  // namespace

Result<Weights> MakeWeights(const Config& config, const Tensors& tensors) {
  const size_t hidden = config.hidden, ffn = config.ffn;
  Taker take(tensors);
  Weights weights;
  weights.config = config;
  weights.embedding = take.Stack({"model.embed_tokens.weight"}, config.vocab, hidden);
  for (size_t i = 0; i < config.layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    const std::string attention = layer + "self_attn.", mlp = layer + "mlp.";
    weights.layers.push_back({
        .attention_norm = take.Vector(layer + "input_layernorm.weight", hidden),
        .query_key_value = take.Stack(
            {attention + "q_proj.weight", attention + "k_proj.weight", attention + "v_proj.weight"}, hidden, hidden),
        .attention_out = take.Stack({attention + "o_proj.weight"}, hidden, hidden),
        .ffn_norm = take.Vector(layer + "post_attention_layernorm.weight", hidden),
        .gate_up = take.Stack({mlp + "gate_proj.weight", mlp + "up_proj.weight"}, ffn, hidden),
        .down = take.Stack({mlp + "down_proj.weight"}, hidden, ffn),
    });
  }
  weights.norm = take.Vector("model.norm.weight", hidden);
  VERDIGRIS_RETURN_IF_ERROR(take.Finish());
  FillRotations(weights);
  return weights;
}

}  // namespace verdigris::pocket
