// The Llama architecture (Touvron et al. 2023, arXiv:2302.13971): before each part a norm by the root mean square,
// rotary position embeddings in the convention of Hugging Face transformers (coordinate i of a head turns with i + half
// its width), causal attention, a gated feed-forward part with SiLU. Arithmetic is float32.
//
// A column is a token here. Some tokens at a time share one pass over the weights; all else is done token by token, and
// so the logits after a text are the same to the last bit however it was fed. Keys and values of earlier tokens are
// kept.
//
// Tested by tests/tools/pocket_lm_test.cc, speed by tests/bench/pocket_lm_bench.cc.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

#include "tools/pocket_lm/pocket_lm.h"
#include "tools/pocket_lm/weights.h"

namespace verdigris::pocket {
namespace {

using Eigen::Index;
using Columns = Eigen::MatrixXf;

// Tokens computed at a time: enough to be limited by arithmetic and not by reading weights, few enough for the cache.
constexpr size_t kBatch = 32;

Columns Normalized(Columns x, const Eigen::VectorXf& weight, float epsilon) {
  for (auto column : x.colwise()) {
    const float mean_square = column.squaredNorm() / static_cast<float>(column.size());
    column = column.cwiseProduct(weight) / std::sqrt(mean_square + epsilon);
  }
  return x;
}

// Turns every head of one query or key by the angles of its position.
void Rotate(float* vector, const Weights& weights, Index position) {
  const auto half = static_cast<Index>(weights.config.head_width() / 2);
  const float* cosine = weights.cosines.col(position).data();
  const float* sine = weights.sines.col(position).data();
  for (size_t head = 0; head < weights.config.heads; ++head, vector += 2 * half) {
    for (Index i = 0; i < half; ++i) {
      const float a = vector[i], b = vector[i + half];
      vector[i] = a * cosine[i] - b * sine[i];
      vector[i + half] = b * cosine[i] + a * sine[i];
    }
  }
}

Columns operator*(const Panels& panels, const Columns& x) {
  Columns product(static_cast<Index>(panels.rows()), x.cols());
  panels.Multiply(x.data(), static_cast<size_t>(x.cols()), product.data());
  return product;
}

// What one head of a token takes from the tokens up to itself: all those in `keys` and `values`.
Eigen::VectorXf Attend(const float* query, const Panels& keys, const std::vector<float>& values) {
  const auto width = static_cast<Index>(keys.columns()), tokens = static_cast<Index>(keys.rows());
  Eigen::VectorXf shares(tokens);
  keys.Multiply(query, 1, shares.data());
  shares = ((shares.array() - shares.maxCoeff()) / std::sqrt(static_cast<float>(width))).exp();
  return Eigen::Map<const Columns>(values.data(), width, tokens) * (shares / shares.sum());
}

}  // namespace

Session::Session(const PocketLm& model) : weights_(model.weights_) {
  const Config& config = weights_->config;
  keys_.assign(config.layers * config.heads, Panels(config.head_width()));
  values_.resize(config.layers * config.heads);
}

Result<void> Session::CheckIds(std::span<const uint32_t> ids) const {
  const uint32_t vocab = weights_->config.vocab;
  for (uint32_t id : ids) {
    if (id >= vocab) {
      return Fail(ErrorKind::kInvalidArgument,
                  "token id must be below " + std::to_string(vocab) + ", got " + std::to_string(id));
    }
  }
  return {};
}

void Session::Forget(size_t count) {
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(count));
  for (auto& keys : keys_) keys.Clear();
  for (auto& values : values_) values.clear();
}

Result<void> Session::Feed(std::span<const uint32_t> ids) {
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(ids));
  if (ids.empty()) return {};
  const size_t context = weights_->config.context, half = context / 2;
  size_t computed = ids_.size();
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  if (ids_.size() > context) {
    // As many halves as if the tokens had come one by one.
    Forget((ids_.size() - context + half - 1) / half * half);
    computed = 0;
  }
  logits_.resize(weights_->config.vocab);
  Compute(computed, 1, logits_.data());
  return {};
}

Result<void> Session::FeedEach(std::span<const uint32_t> ids, std::span<float> rows) {
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(ids));
  if (ids.empty()) return {};
  const size_t vocab = weights_->config.vocab, context = weights_->config.context;
  assert(rows.size() == ids.size() * vocab);
  float* row = rows.data();
  for (size_t fed = 0; fed < ids.size();) {
    size_t computed = ids_.size();
    if (computed == context) {
      Forget(context / 2);
      computed = 0;
    }
    const size_t count = std::min(ids.size() - fed, context - ids_.size());
    const auto part = ids.subspan(fed, count);
    ids_.insert(ids_.end(), part.begin(), part.end());
    Compute(computed, count, row);
    row += count * vocab;
    fed += count;
  }
  logits_.assign(row - vocab, row);
  return {};
}

void Session::Compute(size_t position, size_t count, float* rows) {
  const size_t first = ids_.size() - count;  // whose logits are wanted
  while (position < ids_.size()) {
    const auto batch = std::span<const uint32_t>(ids_).subspan(position, std::min(kBatch, ids_.size() - position));
    const size_t end = position + batch.size(), wanted = end - std::clamp(first, position, end);
    ComputeBatch(batch, position, wanted, rows);
    rows += wanted * weights_->config.vocab;
    position = end;
  }
}

// Runs tokens that follow those in the cache, the first at `position`.
void Session::ComputeBatch(std::span<const uint32_t> ids, size_t position, size_t wanted, float* rows) {
  const Weights& weights = *weights_;
  const size_t heads = weights.config.heads;
  const auto width = static_cast<Index>(weights.config.head_width());
  const auto hidden = static_cast<Index>(weights.config.hidden), ffn = static_cast<Index>(weights.config.ffn);
  const auto count = static_cast<Index>(ids.size());

  Columns x(hidden, count), attended(hidden, count), gated(ffn, count);
  for (Index i = 0; i < count; ++i) {
    for (Index j = 0; j < hidden; ++j)
      x(j, i) = weights.embedding.at(ids[static_cast<size_t>(i)], static_cast<size_t>(j));
  }
  for (size_t l = 0; l < weights.layers.size(); ++l) {
    const Layer& layer = weights.layers[l];
    Columns mixed = layer.query_key_value * Normalized(x, layer.attention_norm, weights.config.norm_epsilon);
    for (Index i = 0; i < count; ++i) {
      float* query = mixed.col(i).data();
      float* key = query + hidden;
      const float* value = key + hidden;
      Rotate(query, weights, static_cast<Index>(position) + i);
      Rotate(key, weights, static_cast<Index>(position) + i);
      for (size_t head = 0; head < heads; ++head, query += width, key += width, value += width) {
        Panels& keys = keys_[l * heads + head];
        std::vector<float>& values = values_[l * heads + head];
        keys.AppendRow(key);
        values.insert(values.end(), value, value + width);
        attended.col(i).segment(static_cast<Index>(head) * width, width) = Attend(query, keys, values);
      }
    }
    x += layer.attention_out * attended;

    const Columns gate_up = layer.gate_up * Normalized(x, layer.ffn_norm, weights.config.norm_epsilon);
    for (Index i = 0; i < count; ++i) {
      const auto gate = gate_up.col(i).head(ffn).array(), up = gate_up.col(i).tail(ffn).array();
      gated.col(i) = gate * up / (1 + (-gate).exp());  // SiLU(gate) * up
    }
    x += layer.down * gated;
  }
  if (wanted == 0) return;
  const Columns last = Normalized(x.rightCols(static_cast<Index>(wanted)), weights.norm, weights.config.norm_epsilon);
  weights.embedding.Multiply(last.data(), wanted, rows);
}

}  // namespace verdigris::pocket
